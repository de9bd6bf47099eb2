import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { PipelineError } from '../../src/errors.js';
import { openCacheStore, type CacheStore } from '../../src/engine/cache-store.js';
import { INDEX_FORMAT } from '../../src/engine/index-schema.js';
import { ownIdentity } from '../../src/engine/process-identity.js';
import { openDatabase } from '../../src/engine/sqlite-database.js';
import {
  admitMade,
  madeKey,
  makeAttempt,
  openStore,
  storeMade,
  TemporaryDirectory,
} from '../support/cache-rig.js';

const RUN = { id: 'run-1', workflow: 'study', configDigest: 'c', argv: ['run'], outputDir: '/out' };
const FILES = { 'a.txt': 'alpha', 'sub/b.txt': 'beta' };
const key = (x: unknown): string => madeKey(x).key;

function objectOf(directory: string, x: unknown): string {
  return path.join(directory, 'objects', key(x).slice(0, 2), key(x));
}

/** Puts other bytes into a read-only file. */
function overwrite(file: string, text: string): void {
  chmodSync(file, 0o644);
  writeFileSync(file, text);
}

async function reopened(store: CacheStore, directory: string): Promise<CacheStore> {
  store.close();
  return openStore(directory);
}

describe('a stored result', () => {
  test('is found with outputs, digests and files, before and after the commit, and by the next process', async () => {
    using tmp = new TemporaryDirectory();
    let store = await openStore(tmp.path);
    expect(store.lookup(key(1))).toEqual({ outcome: 'missing' });
    const stored = storeMade(store, 1, FILES);
    expect(stored).toMatchObject({ key: key(1), node: 'made', version: 1, state: 'done', bytes: 9 });
    expect(store.lookup(key(1))).toEqual({ outcome: 'hit', result: stored, adopted: false });
    store.flush();
    expect(store.lookup(key(1))).toEqual({ outcome: 'hit', result: stored, adopted: false });
    store = await reopened(store, tmp.path);
    expect(store.lookup(key(1))).toEqual({ outcome: 'hit', result: stored, adopted: false });
    expect(readFileSync(path.join(stored.outputDir, 'sub/b.txt'), 'utf8')).toBe('beta');
    expect(store.components(key(1))).toEqual(madeKey(1).components);
    expect(store.results()).toMatchObject([{ key: key(1), node: 'made', bytes: 9, state: 'done' }]);
    store.close();
  });

  test('has read-only files and no trace of its place', async () => {
    using tmp = new TemporaryDirectory();
    const store = await openStore(tmp.path);
    const { outputDir } = storeMade(store, 1, FILES);
    expect(statSync(path.join(outputDir, 'a.txt')).mode & 0o777).toBe(0o444);
    expect(readFileSync(path.join(objectOf(tmp.path, 1), 'result.json'), 'utf8')).not.toContain(tmp.path);
    store.close();
    const db = openDatabase(tmp.join('index.db'), {});
    for (const table of ['result', 'component', 'output_file']) {
      expect(JSON.stringify(db.prepare(`SELECT * FROM ${table}`).all())).not.toContain(tmp.path);
    }
    db.close();
  });

  test('survives a move of the cache', async () => {
    using tmp = new TemporaryDirectory();
    const store = await openStore(tmp.join('here'));
    storeMade(store, 1, FILES);
    store.close();
    renameSync(tmp.join('here'), tmp.join('there'));
    const moved = await openStore(tmp.join('there'));
    expect(moved.lookup(key(1)).outcome).toBe('hit');
    moved.close();
  });

  test.each([
    ['a missing file', (dir: string) => rmSync(path.join(dir, 'out/a.txt')), 'output-missing', 'a.txt'],
    [
      'a flipped bit',
      (dir: string) => overwrite(path.join(dir, 'out/a.txt'), 'alphb'),
      'output-changed',
      'a.txt',
    ],
    [
      'a truncated file',
      (dir: string) => truncateSync(path.join(dir, 'out/sub/b.txt'), 1),
      'output-changed',
      'sub/b.txt',
    ],
    [
      'a link in place of a file',
      (dir: string) => {
        renameSync(path.join(dir, 'out/a.txt'), path.join(dir, 'moved'));
        symlinkSync(path.join(dir, 'moved'), path.join(dir, 'out/a.txt'));
      },
      'output-changed',
      'a.txt',
    ],
    ['a missing object', (dir: string) => rmSync(dir, { recursive: true }), 'output-missing', 'a.txt'],
  ])('%s is noticed, and the result can be made again', async (_what, damage, outcome, file) => {
    using tmp = new TemporaryDirectory();
    let store = await openStore(tmp.path);
    storeMade(store, 1, FILES);
    store = await reopened(store, tmp.path);
    chmodSync(path.join(objectOf(tmp.path, 1), 'out/sub/b.txt'), 0o644);
    damage(objectOf(tmp.path, 1));
    expect(store.lookup(key(1))).toMatchObject({ outcome, path: file });
    expect(admitMade(store, 1, FILES).outcome).toBe('stored');
    expect(store.lookup(key(1)).outcome).toBe('hit');
    store = await reopened(store, tmp.path);
    expect(store.lookup(key(1)).outcome).toBe('hit');
    store.close();
  });

  test('with unchanged content stays a hit when only mode, times or an extra file differ', async () => {
    using tmp = new TemporaryDirectory();
    let store = await openStore(tmp.path);
    storeMade(store, 1, FILES);
    store = await reopened(store, tmp.path);
    const dir = objectOf(tmp.path, 1);
    chmodSync(path.join(dir, 'out/a.txt'), 0o600);
    utimesSync(path.join(dir, 'out/sub/b.txt'), 1, 1);
    writeFileSync(path.join(dir, 'out/extra'), '');
    expect(store.lookup(key(1)).outcome).toBe('hit');
    store.close();
  });
});

describe('admission', () => {
  test('refuses an attempt without record, and one whose files are not as recorded', async () => {
    using tmp = new TemporaryDirectory();
    const store = await openStore(tmp.path);
    const empty = store.attemptDirectory('run-1', 0, 1);
    expect(store.admit(key(0), empty)).toMatchObject({ outcome: 'output-missing', path: 'result.json' });
    const attempt = makeAttempt(store, 1, FILES);
    rmSync(path.join(attempt, 'out/a.txt'));
    expect(store.admit(key(1), attempt)).toMatchObject({ outcome: 'output-missing', path: 'a.txt' });
    expect(store.lookup(key(1))).toEqual({ outcome: 'missing' });
    store.close();
  });

  test('refuses a record that was made for another key, or edited', async () => {
    using tmp = new TemporaryDirectory();
    const store = await openStore(tmp.path);
    const attempt = makeAttempt(store, 1, FILES);
    expect(store.admit(key(2), attempt)).toMatchObject({ outcome: 'output-changed', path: 'result.json' });
    const file = path.join(attempt, 'result.json');
    const text = readFileSync(file, 'utf8');
    for (const edited of [
      text.replace('"value":1', '"value":2'),
      text.replaceAll('"a.txt"', '"../../a.txt"'),
      text.replaceAll('"a.txt"', '"/etc/passwd"'),
      text.replace('"name":"x"', '"name":"y"'),
      text.slice(0, -10),
      '',
    ]) {
      overwrite(file, edited);
      expect(store.admit(key(1), attempt)).toMatchObject({ outcome: 'output-changed', path: 'result.json' });
    }
    overwrite(file, text);
    expect(store.admit(key(1), attempt).outcome).toBe('stored');
    store.close();
  });

  test('the second of two equal results gives way, and one with other bytes is reported', async () => {
    using tmp = new TemporaryDirectory();
    const store = await openStore(tmp.path);
    storeMade(store, 1, FILES);
    expect(admitMade(store, 1, FILES)).toMatchObject({ outcome: 'existing', identical: true });
    expect(admitMade(store, 1, { 'a.txt': 'other' })).toMatchObject({
      outcome: 'existing',
      identical: false,
    });
    expect(readFileSync(path.join(objectOf(tmp.path, 1), 'out/a.txt'), 'utf8')).toBe('alpha');
    expect(readdirSync(tmp.join('tmp', 'run-1'))).toEqual([]);
    store.close();
  });

  test('a forced run puts its result in the place of the old one', async () => {
    using tmp = new TemporaryDirectory();
    let store = await openStore(tmp.path);
    storeMade(store, 1, FILES);
    expect(admitMade(store, 1, { 'a.txt': 'other' }, { replace: true })).toMatchObject({ outcome: 'stored' });
    store = await reopened(store, tmp.path);
    expect(store.lookup(key(1))).toMatchObject({ outcome: 'hit', result: { bytes: 5 } });
    expect(readFileSync(path.join(objectOf(tmp.path, 1), 'out/a.txt'), 'utf8')).toBe('other');
    store.close();
  });

  test('removes the checkpoints of the key', async () => {
    using tmp = new TemporaryDirectory();
    const store = await openStore(tmp.path);
    const checkpoints = store.checkpointDirectory(key(1));
    writeFileSync(path.join(checkpoints, 'epoch-3'), '');
    expect(store.checkpointDirectory(key(1))).toBe(checkpoints);
    expect(readdirSync(checkpoints)).toEqual(['epoch-3']);
    storeMade(store, 1, FILES);
    expect(existsSync(checkpoints)).toBe(false);
    store.close();
  });
});

describe('an object without a row', () => {
  test('is taken over after its content was checked', async () => {
    using tmp = new TemporaryDirectory();
    const store = await openStore(tmp.path);
    storeMade(store, 1, FILES);
    storeMade(store, 2, FILES);
    store.close();
    const db = openDatabase(tmp.join('index.db'), {});
    db.exec('DELETE FROM result; DELETE FROM output_file; DELETE FROM component');
    db.close();
    overwrite(path.join(objectOf(tmp.path, 2), 'out/a.txt'), 'alphb');
    const next = await openStore(tmp.path);
    expect(next.lookup(key(1))).toMatchObject({ outcome: 'hit', adopted: true, result: { bytes: 9 } });
    expect(next.lookup(key(2))).toMatchObject({ outcome: 'output-changed', path: 'a.txt' });
    next.flush();
    expect(next.lookup(key(1))).toMatchObject({ outcome: 'hit', adopted: false });
    expect(next.components(key(1))).toEqual(madeKey(1).components);
    next.close();
  });

  test('a crafted object with a path that leaves it is not believed', async () => {
    using tmp = new TemporaryDirectory();
    const store = await openStore(tmp.path);
    writeFileSync(tmp.join('secret'), 'alpha');
    storeMade(store, 1, FILES);
    store.close();
    rmSync(tmp.join('index.db'));
    const record = path.join(objectOf(tmp.path, 1), 'result.json');
    overwrite(record, readFileSync(record, 'utf8').replaceAll('"a.txt"', '"../../../../secret"'));
    const next = await openStore(tmp.path);
    expect(next.lookup(key(1))).toMatchObject({ outcome: 'output-changed', path: 'result.json' });
    next.close();
  });
});

describe('a damaged index', () => {
  async function damaged(tmp: TemporaryDirectory, damage: (file: string) => void): Promise<CacheStore> {
    const store = await openStore(tmp.path);
    for (let x = 0; x < 60; x += 1) storeMade(store, x, { 'a.txt': `content ${x}` });
    store.close();
    damage(tmp.join('index.db'));
    return openStore(tmp.path, { now: () => Date.UTC(2026, 0, 2, 3, 4, 5) });
  }

  const pages = (file: string): void => {
    const descriptor = openSync(file, 'r+');
    for (let page = 2; page < 8; page += 1)
      writeSync(descriptor, Buffer.alloc(4096, 0xaa), 0, 4096, page * 4096);
    closeSync(descriptor);
  };

  test.each([
    [
      'its header overwritten',
      (file: string) => writeFileSync(file, 'nonsense'.repeat(2000)),
      'not a database',
    ],
    ['middle pages overwritten', pages, 'damaged'],
    ['its end cut off', (file: string) => truncateSync(file, 3 * 4096), 'damaged'],
    [
      'tables of another program',
      (file: string) => {
        rmSync(file);
        const db = openDatabase(file, {});
        db.exec('CREATE TABLE cats (name)');
        db.close();
      },
      'made by another program',
    ],
  ])('with %s is moved aside and rebuilt, and no result is lost', async (_what, damage, why) => {
    using tmp = new TemporaryDirectory();
    const store = await damaged(tmp, damage);
    expect(store.warnings).toEqual([
      {
        code: 'CACHE_CORRUPT',
        message: `the cache index could not be read (${why}); it was rebuilt from the stored results`,
        cure: 'nothing to do; the old file is kept as index.db.corrupt-20260102T030405',
      },
    ]);
    expect(existsSync(tmp.join('index.db.corrupt-20260102T030405'))).toBe(true);
    for (let x = 0; x < 60; x += 1) expect(store.lookup(key(x)).outcome).toBe('hit');
    expect(store.results()).toHaveLength(60);
    store.close();
  });

  test.each([
    ['empty', (file: string) => truncateSync(file, 0)],
    ['missing', (file: string) => rmSync(file)],
  ])('that is %s is filled from the objects', async (_what, damage) => {
    using tmp = new TemporaryDirectory();
    const store = await damaged(tmp, damage);
    expect(store.warnings).toEqual([]);
    expect(store.results()).toHaveLength(60);
    overwrite(path.join(objectOf(tmp.path, 7), 'out/a.txt'), 'content 8');
    expect(store.lookup(key(7))).toMatchObject({ outcome: 'output-changed', path: 'a.txt' });
    expect(store.lookup(key(8)).outcome).toBe('hit');
    store.close();
  });

  test('a changed value in a row that SQLite cannot see as damage is never a hit with that value', async () => {
    using tmp = new TemporaryDirectory();
    const store = await openStore(tmp.path);
    storeMade(store, 1, FILES);
    store.close();
    const db = openDatabase(tmp.join('index.db'), {});
    db.exec(`UPDATE result SET outputs_json = replace(outputs_json, '"value":1', '"value":2')`);
    db.close();
    const next = await openStore(tmp.path);
    expect(next.lookup(key(1))).toMatchObject({
      outcome: 'hit',
      adopted: true,
      result: { outputs: { value: { kind: 'value', value: 1 } } },
    });
    next.close();
  });

  test('of a newer release is refused and left alone', async () => {
    using tmp = new TemporaryDirectory();
    (await openStore(tmp.path)).close();
    const db = openDatabase(tmp.join('index.db'), {});
    db.pragma('user_version = 9');
    db.close();
    for (const writable of [true, false]) {
      const error = await openStore(tmp.path, { writable }).catch((e: unknown) => e as PipelineError);
      expect(error).toMatchObject({
        code: 'CACHE_FORMAT',
        message: `the cache has format 9; this release reads ${INDEX_FORMAT}`,
        where: tmp.join('index.db'),
        cure: 'use the newer release that made it, or choose another place with --cache-dir',
      });
    }
    expect(readdirSync(tmp.path).filter((name) => name.startsWith('index.db.corrupt'))).toEqual([]);
  });
});

describe('a plan', () => {
  test('of a cache that does not exist finds nothing and makes nothing', async () => {
    using tmp = new TemporaryDirectory();
    const store = await openStore(tmp.join('cache'), { writable: false });
    expect(store.lookup(key(1))).toEqual({ outcome: 'missing' });
    expect(() => store.beginRun(RUN)).toThrow('a cache that was opened for a plan cannot be written');
    store.close();
    expect(existsSync(tmp.join('cache'))).toBe(false);
  });

  test('sees results and history and leaves every file as it was', async () => {
    using tmp = new TemporaryDirectory();
    const store = await openStore(tmp.path);
    store.beginRun(RUN);
    storeMade(store, 1, FILES);
    store.finishRun(RUN.id, 'done');
    store.close();
    const before = [readdirSync(tmp.path), readFileSync(tmp.join('index.db'))];
    const plan = await openStore(tmp.path, { writable: false });
    expect(plan.lookup(key(1)).outcome).toBe('hit');
    expect(await plan.hashFile(tmp.join('index.db'))).toMatchObject({ state: 'present' });
    plan.close();
    expect([readdirSync(tmp.path), readFileSync(tmp.join('index.db'))]).toEqual(before);
  });

  test('of a damaged index uses the objects and repairs nothing', async () => {
    using tmp = new TemporaryDirectory();
    const store = await openStore(tmp.path);
    storeMade(store, 1, FILES);
    store.close();
    writeFileSync(tmp.join('index.db'), 'nonsense'.repeat(2000));
    const plan = await openStore(tmp.path, { writable: false });
    expect(plan.warnings).toHaveLength(1);
    expect(plan.lookup(key(1)).outcome).toBe('hit');
    plan.close();
    expect(readFileSync(tmp.join('index.db'), 'utf8')).toMatch(/^nonsense/);
  });
});

describe('leases and attempts', () => {
  const start = (runId: string, x: unknown, n = 1) => ({
    runId,
    instance: `made[${String(x)}]`,
    n,
    ...madeKey(x),
    reason: 'new',
  });
  const end = (runId: string, x: unknown, state: 'done' | 'failed', n = 1) => ({
    runId,
    instance: `made[${String(x)}]`,
    n,
    key: key(x),
    state,
    workerPid: 7,
    exit: state === 'failed' ? 1 : 0,
    signal: null,
    failureClass: state === 'failed' ? ('error' as const) : null,
    peakMb: 1,
    cpuMs: 1,
  });

  test('one run at a time works on a key; afterwards the other finds it finished', async () => {
    using tmp = new TemporaryDirectory();
    const first = await openStore(tmp.path);
    const second = await openStore(tmp.path);
    first.beginRun(RUN);
    second.beginRun({ ...RUN, id: 'run-2' });
    expect(first.startAttempt(start('run-1', 1))).toEqual({ outcome: 'mine' });
    expect(first.startAttempt(start('run-1', 1, 2))).toEqual({ outcome: 'mine' });
    const { host, pid } = ownIdentity();
    expect(second.startAttempt(start('run-2', 1))).toEqual({ outcome: 'held', runId: 'run-1', host, pid });
    storeMade(first, 1);
    first.endAttempt(end('run-1', 1, 'done', 2));
    first.flush();
    expect(second.startAttempt(start('run-2', 1))).toEqual({ outcome: 'finished' });
    expect(second.startAttempt(start('run-2', 1), { force: true })).toEqual({ outcome: 'mine' });
    first.close();
    second.close();
  });

  test('the lease of a dead process is taken, that of another host after 60 s without beat', async () => {
    using tmp = new TemporaryDirectory();
    let now = 1_000_000;
    const store = await openStore(tmp.path, { now: () => now });
    store.beginRun(RUN);
    const db = openDatabase(tmp.join('index.db'), {});
    const insert = db.prepare(
      'INSERT INTO lease (key, run_id, host, pid, pid_start, beat) VALUES (?, ?, ?, ?, ?, ?)',
    );
    insert.run(
      Buffer.from(key(1), 'hex'),
      'dead',
      ownIdentity().host,
      ownIdentity().pid,
      'another start',
      now,
    );
    insert.run(Buffer.from(key(2), 'hex'), 'far', 'elsewhere', 1, 's', now);
    db.close();
    expect(store.startAttempt(start('run-1', 1))).toEqual({ outcome: 'mine' });
    now += 59_000;
    expect(store.startAttempt(start('run-1', 2))).toMatchObject({ outcome: 'held', host: 'elsewhere' });
    now += 2_000;
    expect(store.startAttempt(start('run-1', 2))).toEqual({ outcome: 'mine' });
    store.close();
  });

  test('the newest attempt of each instance of the workflow is remembered, with the parts of its key', async () => {
    using tmp = new TemporaryDirectory();
    let store = await openStore(tmp.path);
    store.beginRun(RUN);
    store.startAttempt(start('run-1', 1));
    storeMade(store, 1);
    store.endAttempt(end('run-1', 1, 'done'));
    store.startAttempt(start('run-1', 2));
    store.endAttempt(end('run-1', 2, 'failed'));
    store.finishRun('run-1', 'failed');
    store = await reopened(store, tmp.path);
    store.beginRun({ ...RUN, id: 'run-2' });
    store.noteReuse('run-2', 'made[1]', key(3));
    store.beginRun({ ...RUN, id: 'other', workflow: 'other' });
    store.noteReuse('other', 'made[2]', key(4));
    expect(store.lastAttempts('study')).toEqual(
      new Map([
        ['made[1]', { key: key(3), state: 'reused', failureClass: null }],
        ['made[2]', { key: key(2), state: 'failed', failureClass: 'error' }],
      ]),
    );
    expect(store.components(key(2))).toEqual(madeKey(2).components);
    store.close();
  });

  test('recovery marks dead runs, takes over whole attempts, deletes the rest, and leaves live runs alone', async () => {
    using tmp = new TemporaryDirectory();
    const store = await openStore(tmp.path);
    store.beginRun({ ...RUN, id: 'dead' });
    store.startAttempt(start('dead', 1));
    makeAttempt(store, 1, FILES, { runId: 'dead' });
    const broken = makeAttempt(store, 2, FILES, { runId: 'dead' });
    overwrite(path.join(broken, 'out/a.txt'), 'alphb');
    store.attemptDirectory('dead', 3, 1);
    const longAgo = new Date(Date.now() - 120_000);
    for (const name of ['nobody', 'starting']) mkdirSync(tmp.join('tmp', name, '0.1'), { recursive: true });
    utimesSync(tmp.join('tmp', 'nobody'), longAgo, longAgo);
    store.close();
    const db = openDatabase(tmp.join('index.db'), {});
    db.exec(`UPDATE run SET pid_start = 'another start'`);
    db.close();
    writeFileSync(
      tmp.join('tmp/dead/owner.json'),
      JSON.stringify({ ...ownIdentity(), pidStart: 'another start' }),
    );

    const live = await openStore(tmp.path);
    live.beginRun({ ...RUN, id: 'live' });
    live.attemptDirectory('live', 0, 1);
    const next = await openStore(tmp.path);
    expect(next.recover()).toEqual({ interruptedRuns: ['dead'], adopted: [key(1)] });
    expect(next.lookup(key(1)).outcome).toBe('hit');
    expect(next.lookup(key(2))).toEqual({ outcome: 'missing' });
    // A run that has not written its name yet is not dead.
    expect(readdirSync(tmp.join('tmp'))).toEqual(['live', 'starting']);
    expect(next.lastAttempts('study').get('made[1]')?.state).toBe('interrupted');
    expect(next.recover()).toEqual({ interruptedRuns: [], adopted: [] });
    next.close();
    live.close();
  });

  test('a run of another host lives as long as its beat', async () => {
    using tmp = new TemporaryDirectory();
    let now = Date.now();
    const store = await openStore(tmp.path, { now: () => now });
    mkdirSync(tmp.join('tmp', 'far'), { recursive: true });
    writeFileSync(
      tmp.join('tmp/far/owner.json'),
      JSON.stringify({ host: 'elsewhere', pid: 1, pidStart: 's' }),
    );
    store.recover();
    expect(readdirSync(tmp.join('tmp'))).toEqual(['far']);
    now += 120_000;
    store.recover();
    expect(readdirSync(tmp.join('tmp'))).toEqual([]);
    store.close();
  });
});

describe('files outside the graph', () => {
  const OLD = new Date(Date.now() - 3_600_000);

  test('a file is read once, then known by stat, also in the next process', async () => {
    using tmp = new TemporaryDirectory();
    let store = await openStore(tmp.join('cache'), { now: () => Date.now() + 10_000 });
    const file = tmp.join('in.txt');
    writeFileSync(file, 'alpha');
    expect(store.knownFile(file)).toBeNull();
    const facts = await store.hashFile(file);
    expect(facts).toEqual({
      path: file,
      state: 'present',
      digest: '8ed3f6ad685b959ead7022518e1af76cd816f8e8ec7ccdda1ed4018e8f2223f8',
      bytes: 5,
    });
    expect(store.knownFile(file)).toEqual(facts);
    store = await reopened(store, tmp.join('cache'));
    expect(store.knownFile(file)).toEqual(facts);
    store.close();
    const careful = await openStore(tmp.join('cache'), { hash: 'content' });
    expect(careful.knownFile(file)).toBeNull();
    careful.close();
  });

  test('a file that is younger than 2 s is read again, so an edit within one clock step is seen', async () => {
    using tmp = new TemporaryDirectory();
    const file = tmp.join('in.txt');
    writeFileSync(file, 'alpha');
    const changed = Number(lstatSync(file, { bigint: true }).ctimeNs / 1_000_000n);
    const young = await openStore(tmp.join('cache'), { now: () => changed + 1_900 });
    const facts = await young.hashFile(file);
    expect(young.knownFile(file)).toBeNull();
    expect(await young.isUnchanged(facts)).toBe(true);
    young.close();
    const old = await openStore(tmp.join('cache'), { now: () => changed + 2_100 });
    await old.hashFile(file);
    expect(old.knownFile(file)).toEqual(facts);
    old.close();
  });

  test('an edit of the same size with the old time set back is noticed', async () => {
    using tmp = new TemporaryDirectory();
    const file = tmp.join('in.txt');
    writeFileSync(file, 'alpha');
    utimesSync(file, OLD, OLD);
    const store = await openStore(tmp.join('cache'), { now: () => Date.now() + 10_000 });
    const facts = await store.hashFile(file);
    expect(await store.isUnchanged(facts)).toBe(true);
    writeFileSync(file, 'alphb');
    utimesSync(file, OLD, OLD);
    expect(store.knownFile(file)).toBeNull();
    expect(await store.isUnchanged(facts)).toBe(false);
    store.close();
  });

  test('content that only moved in time is unchanged', async () => {
    using tmp = new TemporaryDirectory();
    const file = tmp.join('in.txt');
    writeFileSync(file, 'alpha');
    const store = await openStore(tmp.join('cache'), { now: () => Date.now() + 10_000 });
    const facts = await store.hashFile(file);
    utimesSync(file, OLD, OLD);
    expect(await store.isUnchanged(facts)).toBe(true);
    appendFileSync(file, '!');
    expect(await store.isUnchanged(facts)).toBe(false);
    rmSync(file);
    expect(await store.isUnchanged(facts)).toBe(false);
    store.close();
  });

  test('missing and unreadable files are facts, links are followed, loops are not', async () => {
    using tmp = new TemporaryDirectory();
    const store = await openStore(tmp.join('cache'));
    writeFileSync(tmp.join('in.txt'), 'alpha');
    symlinkSync(tmp.join('in.txt'), tmp.join('link'));
    symlinkSync(tmp.join('loop'), tmp.join('loop'));
    symlinkSync(tmp.join('nowhere'), tmp.join('dangling'));
    expect((await store.hashFile(tmp.join('link'))).digest).toBe(
      (await store.hashFile(tmp.join('in.txt'))).digest,
    );
    const state = async (name: string): Promise<string> => (await store.hashFile(tmp.join(name))).digest;
    expect(await state('nothing')).toBe('missing');
    expect(await state('in.txt/below')).toBe('missing');
    expect(await state('dangling')).toBe('missing');
    expect(await state('loop')).toBe('unreadable');
    expect(await state('cache')).toBe('unreadable');
    expect(store.knownFile(tmp.join('nothing'))).toMatchObject({ state: 'missing', bytes: 0 });
    store.close();
  });

  test('a time in the future warns once and is read again each time', async () => {
    using tmp = new TemporaryDirectory();
    const future = new Date(Date.now() + 86_400_000);
    const store = await openStore(tmp.join('cache'));
    for (const name of ['a.txt', 'b.txt']) {
      writeFileSync(tmp.join(name), 'alpha');
      utimesSync(tmp.join(name), future, future);
      await store.hashFile(tmp.join(name));
      expect(store.knownFile(tmp.join(name))).toBeNull();
    }
    expect(store.warnings).toEqual([
      {
        code: 'IO',
        message: 'a.txt has a time in the future; its content is read again in each run',
        cure: 'correct the clock of the machine that wrote it, or touch the file',
      },
    ]);
    store.close();
  });
});

describe('a cache that cannot be used', () => {
  test('below a file, the error names the place and the cure', async () => {
    using tmp = new TemporaryDirectory();
    writeFileSync(tmp.join('file'), '');
    const error = await openCacheStore({ directory: tmp.join('file/cache'), writable: true }).catch(
      (e: unknown) => e as PipelineError,
    );
    expect(error).toMatchObject({ code: 'IO', where: tmp.join('file/cache') });
  });
});
