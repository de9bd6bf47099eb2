/** Indexes of older releases, and indexes on file systems that machines share. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { INDEX_FORMAT } from '../../../src/engine/index-schema.js';
import { indexPlace } from '../../../src/engine/index-place.js';
import { openDatabase } from '../../../src/engine/sqlite-database.js';
import { madeKey, openStore, storeMade, TemporaryDirectory } from '../../support/cache-rig.js';

/** A cache with one result whose index is as the first release made it. */
async function oldCache(directory: string): Promise<void> {
  const store = await openStore(directory);
  store.beginRun({ id: 'run-1', workflow: 'study', configDigest: 'c', argv: ['run'], outputDir: '/out' });
  storeMade(store, 1, { 'f.txt': 'content' });
  store.finishRun('run-1', 'done');
  store.close();
  const db = openDatabase(path.join(directory, 'index.db'), {});
  db.exec('ALTER TABLE run DROP COLUMN output_dir');
  db.pragma('user_version = 1');
  db.close();
}

function formatOf(file: string): unknown {
  const db = openDatabase(file, { readonly: true });
  try {
    return db.pragma('user_version', { simple: true });
  } finally {
    db.close();
  }
}

describe('an index of an older format', () => {
  test('is brought up to date after a backup; no result is lost', async () => {
    using dir = new TemporaryDirectory();
    await oldCache(dir.path);

    const store = await openStore(dir.path);

    expect(store.warnings).toEqual([
      {
        code: 'CACHE_FORMAT',
        message: `the cache index was brought from format 1 to ${INDEX_FORMAT}`,
        cure: 'nothing to do; the old index is kept as index.db.format-1',
      },
    ]);
    expect(store.lookup(madeKey(1).key)).toMatchObject({ outcome: 'hit', adopted: false });
    store.beginRun({ id: 'run-2', workflow: 'study', configDigest: 'c', argv: [], outputDir: '/out' });
    store.finishRun('run-2', 'done');
    store.close();
    expect(formatOf(dir.join('index.db'))).toBe(INDEX_FORMAT);
    expect(formatOf(dir.join('index.db.format-1'))).toBe(1);
    const again = await openStore(dir.path);
    expect(again.warnings).toEqual([]);
    again.close();
  });

  test('is read by a plan and left as it was', async () => {
    using dir = new TemporaryDirectory();
    await oldCache(dir.path);

    const store = await openStore(dir.path, { writable: false });

    expect(store.lookup(madeKey(1).key).outcome).toBe('hit');
    store.close();
    expect(formatOf(dir.join('index.db'))).toBe(1);
    expect(readdirSync(dir.path).filter((name) => name.startsWith('index.db.format'))).toEqual([]);
  });

  test('that was not finished, because the process was killed before the commit, is finished by the next start', async () => {
    using dir = new TemporaryDirectory();
    await oldCache(dir.path);
    const db = openDatabase(dir.join('index.db'), {});
    db.prepare('VACUUM INTO ?').run(dir.join('index.db.format-1'));
    db.exec('BEGIN IMMEDIATE; ALTER TABLE run ADD COLUMN output_dir TEXT;');
    db.close();

    const store = await openStore(dir.path);

    expect(store.lookup(madeKey(1).key).outcome).toBe('hit');
    store.close();
    expect(formatOf(dir.join('index.db'))).toBe(INDEX_FORMAT);
  });
});

describe('a cache on a file system that machines share', () => {
  test('has its index on this machine, says so once, and works', async () => {
    using dir = new TemporaryDirectory();
    const before = process.env['XDG_CACHE_HOME'];
    process.env['XDG_CACHE_HOME'] = dir.join('home-cache');
    try {
      const fileSystem = { name: 'nfs', isNetwork: true };
      const store = await openStore(dir.join('shared'), { fileSystem });
      storeMade(store, 1, { 'f.txt': 'content' });
      const place = indexPlace(dir.join('shared'), fileSystem).directory;

      expect(store.warnings.map(({ message }) => message)).toEqual([
        `the cache stands on nfs, which machines share; its index is kept in ${place}`,
      ]);
      expect(store.warnings[0]?.cure).toContain('--cache-from');
      store.close();
      expect(place.startsWith(dir.join('home-cache'))).toBe(true);
      expect(existsSync(path.join(place, 'index.db'))).toBe(true);
      expect(existsSync(dir.join('shared', 'index.db'))).toBe(false);

      const again = await openStore(dir.join('shared'), { fileSystem });
      expect(again.warnings).toEqual([]);
      expect(again.lookup(madeKey(1).key).outcome).toBe('hit');
      again.close();
    } finally {
      if (before === undefined) delete process.env['XDG_CACHE_HOME'];
      else process.env['XDG_CACHE_HOME'] = before;
    }
  });
});
