/** verify, gc, pins, export and caches of others. */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { objectDirectory } from '../../src/engine/artifact-store.js';
import { openCareCache, type CareCache } from '../../src/engine/cache-care.js';
import { exportCache } from '../../src/engine/cache-export.js';
import { collectGarbage, pinRun, planGc, unpinRun } from '../../src/engine/cache-gc.js';
import { planHistory, trimHistory } from '../../src/engine/cache-history.js';
import type { AttemptEnd, CacheStore } from '../../src/engine/cache-store.js';
import { outputsDigest } from '../../src/engine/fingerprint.js';
import { verifyCache } from '../../src/engine/cache-verify.js';
import { openDatabase } from '../../src/engine/sqlite-database.js';
import { madeKey, openStore, storeMade, TemporaryDirectory } from '../support/cache-rig.js';

const RUN = { id: 'run-1', workflow: 'study', configDigest: 'c', argv: ['run'], outputDir: '/out' };
const open: { close(): void }[] = [];

afterEach(() => {
  for (const one of open.splice(0).reverse()) one.close();
});

async function storeAt(
  directory: string,
  options: Parameters<typeof openStore>[1] = {},
): Promise<CacheStore> {
  const store = await openStore(directory, options);
  open.push(store);
  return store;
}

async function careOf(directory: string): Promise<CareCache> {
  const cache = await openCareCache(directory);
  open.push(cache);
  return cache;
}

/** A cache with results of 0 to n-1; result x holds the file `f.txt` with ten times its digit. */
async function filled(directory: string, n: number): Promise<void> {
  let clock = Date.parse('2026-01-01');
  const store = await openStore(directory, { now: () => (clock += 1000) });
  store.beginRun(RUN);
  for (let x = 0; x < n; x += 1) {
    const { key, components } = madeKey(x);
    const attempt = { runId: RUN.id, instance: `made[${x}]`, n: 1, key };
    store.startAttempt({ ...attempt, components, reason: 'new' });
    storeMade(store, x, { 'f.txt': String(x).repeat(10) });
    store.endAttempt({
      ...attempt,
      state: 'done',
      workerPid: 1,
      exit: null,
      signal: null,
      failureClass: null,
      peakMb: 1,
      cpuMs: 1,
    });
  }
  store.finishRun(RUN.id, 'done');
  store.removeRunDirectory(RUN.id);
  store.close();
}

const fileOf = (directory: string, x: number): string =>
  path.join(objectDirectory(directory, madeKey(x).key), 'out', 'f.txt');

function rewrite(file: string, change: (bytes: Buffer) => Buffer): void {
  const bytes = change(readFileSync(file));
  chmodSync(file, 0o644);
  writeFileSync(file, bytes);
  chmodSync(file, 0o444);
}

describe('verify', () => {
  const damages: readonly [string, (file: string) => void, string, string][] = [
    [
      'a flipped bit',
      (file) => rewrite(file, (bytes) => Buffer.concat([Buffer.from([bytes[0]! ^ 1]), bytes.subarray(1)])),
      'changed',
      'output-changed',
    ],
    ['a truncated file', (file) => rewrite(file, (bytes) => bytes.subarray(0, 4)), 'size', 'output-changed'],
    ['a missing file', (file) => rmSync(file, { force: true }), 'missing', 'output-missing'],
    [
      'a link in the place of the file',
      (file) => {
        rmSync(file);
        symlinkSync('/etc/hostname', file);
      },
      'link',
      'output-changed',
    ],
    [
      'an edited record',
      (file) =>
        rewrite(path.join(file, '../../result.json'), (bytes) =>
          Buffer.from(bytes.toString().replace('"value":1', '"value":2')),
        ),
      'record',
      'output-changed',
    ],
  ];
  test.each(damages)('finds %s; the result is then computed again', async (_, damage, kind, outcome) => {
    using dir = new TemporaryDirectory();
    await filled(dir.path, 3);
    damage(fileOf(dir.path, 1));

    const { objects, findings, dropped } = verifyCache(await careOf(dir.path));
    const store = await storeAt(dir.path);

    expect(objects).toBe(3);
    expect(findings.map((one) => [one.key, one.kind])).toEqual([[madeKey(1).key, kind]]);
    expect(dropped).toEqual([madeKey(1).key]);
    expect(store.lookup(madeKey(1).key).outcome).toBe(outcome);
    expect(store.lookup(madeKey(2).key).outcome).toBe('hit');
  });

  test('a flipped bit with the old time set back is found although stat shows nothing', async () => {
    using dir = new TemporaryDirectory();
    await filled(dir.path, 1);
    // As rot on the disk leaves it: the row is made to know the stat of the damaged file.
    rewrite(fileOf(dir.path, 0), (bytes) => Buffer.from(bytes.map((byte) => byte ^ 1)));
    const { size, mtimeNs, ctimeNs, ino, dev } = statSync(fileOf(dir.path, 0), { bigint: true });
    const cache = await careOf(dir.path);
    cache.db
      .prepare('UPDATE output_file SET size = ?, mtime_ns = ?, ctime_ns = ?, ino = ?, dev = ?')
      .run(size, mtimeNs, ctimeNs, ino, dev);
    const before = await openStore(dir.path);
    expect(before.lookup(madeKey(0).key).outcome).toBe('hit');
    before.close();

    expect(verifyCache(cache).findings).toMatchObject([{ kind: 'changed', path: 'out/f.txt' }]);
    expect((await storeAt(dir.path)).lookup(madeKey(0).key).outcome).toBe('output-changed');
  });

  test('tells of a lost object, an extra file, another mode and an object without a row', async () => {
    using dir = new TemporaryDirectory();
    await filled(dir.path, 4);
    rmSync(objectDirectory(dir.path, madeKey(0).key), { recursive: true });
    writeFileSync(path.join(objectDirectory(dir.path, madeKey(1).key), 'out', 'more.txt'), 'x');
    chmodSync(fileOf(dir.path, 2), 0o644);
    const cache = await careOf(dir.path);
    cache.rows.write(() => {
      cache.rows.dropResult(madeKey(3).key);
    });

    const { findings, dropped } = verifyCache(cache);

    const byKey = new Map(findings.map((one) => [one.key, `${one.kind} ${one.path}`]));
    expect(byKey.get(madeKey(0).key)).toBe('lost ');
    expect(byKey.get(madeKey(1).key)).toBe('extra out/more.txt');
    expect(byKey.get(madeKey(2).key)).toBe('writable out/f.txt');
    expect(byKey.get(madeKey(3).key)).toBe('unindexed ');
    expect(dropped).toEqual([madeKey(0).key]);
    expect((await storeAt(dir.path)).lookup(madeKey(3).key)).toMatchObject({ outcome: 'hit', adopted: true });
  });
});

describe('history', () => {
  const END: Omit<AttemptEnd, 'runId' | 'instance' | 'n' | 'key'> = {
    ...{ state: 'done', workerPid: 1, exit: null, signal: null, failureClass: null, peakMb: 1, cpuMs: 1 },
  };
  const DAY = 86_400_000;

  /** Three runs, a day apart: the first makes 0 and 1, the second 0 anew, the third fails on 2. */
  async function threeRuns(directory: string): Promise<number> {
    const start = Date.parse('2026-01-01');
    const made = [[0, 1], [10], [2]];
    for (const [day, numbers] of made.entries()) {
      const store = await openStore(directory, { now: () => start + day * DAY });
      const id = `run-${day}`;
      store.beginRun({ ...RUN, id });
      for (const x of numbers) {
        const { key, components } = madeKey(x);
        const attempt = { runId: id, instance: `made[${x % 10}]`, n: 1, key };
        store.startAttempt({ ...attempt, components, reason: 'new' });
        if (x !== 2) storeMade(store, x, { 'f.txt': 'x' });
        store.endAttempt({ ...attempt, ...END, state: x === 2 ? 'failed' : 'done' });
      }
      store.finishRun(id, 'done');
      store.removeRunDirectory(id);
      store.close();
    }
    return start;
  }

  const rowsOf = (cache: CareCache): unknown => ({
    runs: cache.db.prepare('SELECT id FROM run ORDER BY id').pluck().all(),
    attempts: cache.db.prepare("SELECT run_id || ' ' || instance FROM attempt ORDER BY 1").pluck().all(),
    keys: cache.db.prepare('SELECT count(DISTINCT key) FROM component').pluck().get(),
  });

  test('old attempts go unless they explain a result that is there; runs without attempts go too', async () => {
    using directory = new TemporaryDirectory();
    const start = await threeRuns(directory.path);
    const cache = await careOf(directory.path);
    expect(planHistory(cache, start + 1.5 * DAY)).toEqual({ runs: 0, attempts: 1, checkpoints: [] });

    expect(trimHistory(cache, start + 1.5 * DAY, [])).toMatchObject({ runs: 0, attempts: 1 });
    expect(rowsOf(cache)).toEqual({
      runs: ['run-0', 'run-1', 'run-2'],
      attempts: ['run-0 made[1]', 'run-1 made[0]', 'run-2 made[2]'],
      keys: 4,
    });

    const all = planGc(cache, { usedBefore: start + 9 * DAY, maxBytes: null }).candidates;
    expect(collectGarbage(cache, all)).toBe(3);
    expect(trimHistory(cache, start + 1.5 * DAY, [])).toMatchObject({ runs: 2, attempts: 2 });
    expect(rowsOf(cache)).toEqual({ runs: ['run-2'], attempts: ['run-2 made[2]'], keys: 1 });
  });

  test('pinned runs stay, checkpoints that nobody touched go', async () => {
    using directory = new TemporaryDirectory();
    const start = await threeRuns(directory.path);
    const [old, fresh] = ['a', 'b'].map((letter) => directory.join('checkpoints', letter.repeat(64))) as [
      string,
      string,
    ];
    for (const folder of [old, fresh]) {
      mkdirSync(path.join(folder, 'epoch'), { recursive: true });
      writeFileSync(path.join(folder, 'epoch', 'weights'), '12345');
    }
    const then = new Date(start);
    for (const name of ['epoch/weights', 'epoch', '']) utimesSync(path.join(old, name), then, then);
    const cache = await careOf(directory.path);
    pinRun(cache, 'run-0');

    const planned = planHistory(cache, start + 5 * DAY);
    expect(planned).toMatchObject({ runs: 1, attempts: 2, checkpoints: [{ key: 'a'.repeat(64), bytes: 5 }] });
    trimHistory(cache, start + 5 * DAY, planned.checkpoints);
    expect(existsSync(old)).toBe(false);
    expect(existsSync(fresh)).toBe(true);
    expect(rowsOf(cache)).toMatchObject({ runs: ['run-0', 'run-1'] });
  });
});

describe('gc', () => {
  test('names the least recently used first and changes nothing; what is pinned stays', async () => {
    using dir = new TemporaryDirectory();
    await filled(dir.path, 4);
    const cache = await careOf(dir.path);
    const { bytes } = planGc(cache, { usedBefore: null, maxBytes: null });

    const half = planGc(cache, { usedBefore: null, maxBytes: bytes / 2 });
    const all = planGc(cache, { usedBefore: Date.now(), maxBytes: null });
    const none = planGc(cache, { usedBefore: Date.parse('2025-01-01'), maxBytes: bytes });

    expect(half.candidates.map(({ key }) => key)).toEqual([madeKey(0).key, madeKey(1).key]);
    expect(half.bytesAfter).toBeLessThanOrEqual(bytes / 2);
    expect(all.candidates).toHaveLength(4);
    expect(none.candidates).toEqual([]);
    expect(verifyCache(cache)).toMatchObject({ objects: 4, findings: [] });

    expect(pinRun(cache, RUN.id)).toBe(4);
    expect(planGc(cache, { usedBefore: Date.now(), maxBytes: 0 })).toMatchObject({
      candidates: [],
      pinned: 4,
    });
    expect(unpinRun(cache, RUN.id)).toBe(4);
    expect(planGc(cache, { usedBefore: Date.now(), maxBytes: null }).candidates).toHaveLength(4);
  });

  test('takes away what it named, and what is left is whole', async () => {
    using dir = new TemporaryDirectory();
    await filled(dir.path, 3);
    mkdirSync(path.join(dir.path, 'objects', 'ab', 'ab'.padEnd(64, '0')), { recursive: true });
    const cache = await careOf(dir.path);
    const { bytes } = planGc(cache, { usedBefore: null, maxBytes: null });
    const { candidates } = planGc(cache, { usedBefore: null, maxBytes: bytes - 1 });
    expect(candidates.map(({ why }) => why)).toEqual(['broken', 'size']);

    expect(collectGarbage(cache, candidates)).toBe(2);

    expect(verifyCache(cache)).toMatchObject({ objects: 2, findings: [] });
    expect(existsSync(objectDirectory(dir.path, madeKey(0).key))).toBe(false);
    expect(readdirSync(path.join(dir.path, 'tmp'))).toEqual([]);
    expect((await storeAt(dir.path)).lookup(madeKey(0).key).outcome).toBe('missing');
  });

  test('does nothing beside a run', async () => {
    using dir = new TemporaryDirectory();
    await filled(dir.path, 1);
    const cache = await careOf(dir.path);
    const { candidates } = planGc(cache, { usedBefore: Date.now(), maxBytes: null });
    const store = await storeAt(dir.path);
    store.beginRun({ ...RUN, id: 'run-2' });

    expect(() => collectGarbage(cache, candidates)).toThrow('a run is working with the cache');

    expect(store.lookup(madeKey(0).key).outcome).toBe('hit');
  });
});

describe('a cache of others', () => {
  async function exported(dir: TemporaryDirectory, n = 2): Promise<string> {
    await filled(dir.join('own'), n);
    const target = dir.join('lab');
    exportCache(await careOf(dir.join('own')), target);
    return target;
  }

  test('an export has every whole object, nothing private, and is read-only for all', async () => {
    using dir = new TemporaryDirectory();
    await filled(dir.join('own'), 3);
    rewrite(fileOf(dir.join('own'), 2), (bytes) => bytes.subarray(1));
    const before = process.umask(0o077);
    try {
      const first = exportCache(await careOf(dir.join('own')), dir.join('lab'));
      expect(first).toMatchObject({ objects: 2, there: 0, damaged: [madeKey(2).key] });
    } finally {
      process.umask(before);
    }
    const again = exportCache(await careOf(dir.join('own')), dir.join('lab'));

    expect(again).toMatchObject({ objects: 0, there: 2 });
    expect(readdirSync(dir.join('lab')).sort()).toEqual(['index.db', 'objects']);
    const modes = (readdirSync(dir.join('lab'), { recursive: true }) as string[]).map((name) => {
      const stat = lstatSync(dir.join('lab', name));
      return stat.isDirectory() ? stat.mode & 0o055 : stat.mode & 0o044;
    });
    expect(modes.every((mode) => mode === 0o055 || mode === 0o044)).toBe(true);
    const db = openDatabase(dir.join('lab', 'index.db'), { readonly: true });
    open.push(db);
    expect(db.pragma('journal_mode', { simple: true })).toBe('delete');
    expect(db.prepare('SELECT count(*) FROM file_digest').pluck().get()).toBe(0);
    expect(db.prepare('SELECT count(*) FROM result').pluck().get()).toBe(2);
    expect(db.prepare('SELECT output_dir, argv, host FROM run').get()).toEqual({
      output_dir: null,
      argv: '[]',
      host: '',
    });
  });

  test('is found by key, also by a plan, and never written to', async () => {
    using dir = new TemporaryDirectory();
    const lab = await exported(dir);
    const everything = (): string[] =>
      (readdirSync(lab, { recursive: true }) as string[])
        .map((name) => `${name} ${lstatSync(path.join(lab, name)).mtimeMs}`)
        .sort();
    const before = everything();
    chmodSync(lab, 0o555);
    const store = await storeAt(dir.join('mine'), { upstreams: [lab] });

    const found = store.lookup(madeKey(1).key);

    expect(found).toMatchObject({ outcome: 'hit', result: { outputs: { value: { value: 1 } } } });
    expect(found.outcome === 'hit' && readFileSync(path.join(found.result.outputDir, 'f.txt'), 'utf8')).toBe(
      '1111111111',
    );
    expect(store.lookup(madeKey(7).key).outcome).toBe('missing');
    expect(store.components(madeKey(0).key)).toEqual(madeKey(0).components);
    const plan = await storeAt(dir.join('none'), { upstreams: [lab], writable: false });
    expect(plan.lookup(madeKey(0).key).outcome).toBe('hit');
    expect(everything()).toEqual(before);
    expect(existsSync(dir.join('none'))).toBe(false);
    chmodSync(lab, 0o755);
  });

  const crafted: readonly [string, (lab: string) => void, RegExp][] = [
    [
      'a wrong digest',
      (lab) => rewrite(fileOf(lab, 1), (bytes) => Buffer.from(bytes.map((byte) => byte ^ 1))),
      /another content/,
    ],
    [
      'a link out of it',
      (lab) => {
        rmSync(fileOf(lab, 1));
        symlinkSync('/etc/passwd', fileOf(lab, 1));
      },
      /not a file of the object/,
    ],
    ['a path with ..', (lab) => craft(lab, 'f.txt', '../../../../secret'), /leaves the object/],
    ['an absolute path', (lab) => craft(lab, 'f.txt', '/etc/passwd'), /leaves the object/],
    [
      'parts of another key',
      (lab) => {
        const db = openDatabase(path.join(lab, 'index.db'), {});
        db.prepare("UPDATE component SET name = 'y' WHERE kind = 'params'").run();
        db.close();
      },
      /does not fit its parts/,
    ],
  ];
  test.each(crafted)('with %s is refused with a warning, and computed here', async (_, craftIt, message) => {
    using dir = new TemporaryDirectory();
    const lab = await exported(dir);
    chmodSync(path.join(lab, 'index.db'), 0o644);
    craftIt(lab);
    const store = await storeAt(dir.join('mine'), { upstreams: [lab] });

    expect(store.lookup(madeKey(1).key).outcome).toBe('missing');
    expect(store.lookup(madeKey(1).key).outcome).toBe('missing');

    expect(store.warnings.map((warning) => warning.message)).toEqual([expect.stringMatching(message)]);
  });

  test('that is not there, and an export onto something else, are refused', async () => {
    using dir = new TemporaryDirectory();
    await filled(dir.join('own'), 1);
    await expect(openStore(dir.join('mine'), { upstreams: [dir.join('nowhere')] })).rejects.toMatchObject({
      code: 'USAGE',
    });
    mkdirSync(dir.join('full'));
    appendFileSync(dir.join('full', 'thesis.doc'), 'x');
    const cache = await careOf(dir.join('own'));
    expect(() => exportCache(cache, dir.join('full'))).toThrow('neither empty nor an earlier export');
    expect(() => exportCache(cache, dir.join('own'))).toThrow('neither empty nor an earlier export');
  });
});

/** An index whose row of result 1 names another path, with the digest that goes with it. */
function craft(lab: string, from: string, to: string): void {
  const db = openDatabase(path.join(lab, 'index.db'), {});
  const key = Buffer.from(madeKey(1).key, 'hex');
  const text = db.prepare('SELECT outputs_json FROM result WHERE key = ?').pluck().get(key) as string;
  const stored = JSON.parse(text.replace(JSON.stringify(from), JSON.stringify(to))) as {
    outputs: Record<string, never>;
  };
  db.prepare('UPDATE result SET outputs_json = ?, out_digest = ? WHERE key = ?').run(
    JSON.stringify(stored),
    Buffer.from(outputsDigest(stored.outputs), 'hex'),
    key,
  );
  db.close();
}
