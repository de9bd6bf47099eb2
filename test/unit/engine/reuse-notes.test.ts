import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCacheStore, type CacheStore } from '../../../src/engine/cache-store.js';
import { DigestTable } from '../../../src/engine/digest-table.js';
import type { CompiledGraph } from '../../../src/engine/graph.js';
import { InstanceTable } from '../../../src/engine/instance-table.js';
import { ReuseNotes } from '../../../src/engine/reuse-notes.js';

let directory = '';
let store: CacheStore;
let now = 1_000_000;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'neuroloom-notes-'));
  store = await openCacheStore({ directory, writable: true, now: () => now });
});
afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

const key = (i: number): string => i.toString(16).padStart(64, '0');

function begin(id: string): void {
  now += 1000;
  store.beginRun({ id, workflow: 'study', configDigest: '', argv: [], outputDir: '/out' });
}

/** A run that finds `keys` in the cache and looks at the instances in this order; `runs` become known to run. */
function reuse(
  id: string,
  keys: readonly number[],
  options: { runs?: boolean; isWhole?: boolean } = {},
): void {
  const graph = { name: 'study', instances: keys.map((_, i) => ({ id: `n[${i}]` })) };
  const table = new InstanceTable(graph as unknown as CompiledGraph, store);
  let last: ReturnType<CacheStore['lastAttempts']> | null = null;
  const planner = {
    lastAttempt: (name: string) => (last ??= store.lastAttempts('study')).get(name),
    signatureAsUsed: () => null,
  };
  const standing = { isWhole: false, keep: () => undefined };
  const notes = new ReuseNotes({ runId: id, table, store, planner, standing });
  keys.forEach((one, i) => {
    table.setKey(i, key(one));
    notes.reused(i);
    if (options.runs === true && i === 0) notes.willRun();
  });
  notes.close(options.isWhole ?? true);
  reads = last === null ? 0 : 1;
}
let reads = 0;

const keysNow = (): (string | undefined)[] =>
  [0, 1].map((i) => store.lastAttempts('study').get(`n[${i}]`)?.key);

function run(id: string, keys: readonly number[], options: { runs?: boolean; isWhole?: boolean } = {}): void {
  begin(id);
  reuse(id, keys, options);
  now += 10;
  store.finishRun(id, 'done');
}

test('a reuse under another key is noted, and one under the same key reads no history', () => {
  run('r1', [1, 2]);
  expect([keysNow(), reads]).toEqual([[key(1), key(2)], 1]);
  run('r2', [1, 2]);
  expect([keysNow(), reads]).toEqual([[key(1), key(2)], 0]);
  run('r3', [1, 3]);
  expect([keysNow(), reads]).toEqual([[key(1), key(3)], 1]);
  run('r4', [1, 2]);
  expect([keysNow(), reads]).toEqual([[key(1), key(2)], 1]);
});

test('what the last run left counts no more once a node is about to run', () => {
  run('r1', [1, 2]);
  run('r2', [1, 3], { runs: true, isWhole: false });
  expect(keysNow()).toEqual([key(1), key(3)]);
  // Not the keys of r1: a run between was not whole.
  run('r3', [1, 2]);
  expect([keysNow(), reads]).toEqual([[key(1), key(2)], 1]);
});

test('a run that another one overlaps leaves nothing', () => {
  begin('r1');
  begin('r2');
  reuse('r1', [1, 2]);
  store.finishRun('r1', 'done');
  reuse('r2', [1, 3]);
  store.finishRun('r2', 'done');
  expect(store.lastKeys('study')).toBeNull();
  run('r3', [1, 2]);
  expect(keysNow()).toEqual([key(1), key(2)]);
  expect(store.lastKeys('study')).not.toBeNull();
});

test('the digest of keys tells an unknown key from a known one', () => {
  const graph = { name: 'study', instances: [{ id: 'a' }, { id: 'b' }] } as unknown as CompiledGraph;
  const of = (...keys: [number, string][]): string => {
    const table = new InstanceTable(graph, store);
    for (const [i, one] of keys) table.setKey(i, one);
    return table.keysDigest();
  };
  const digests = [of(), of([0, key(0)]), of([1, key(0)]), of([0, key(1)]), of([0, key(0)], [1, key(0)])];
  expect(new Set(digests).size).toBe(digests.length);
  expect(new DigestTable(0).get(0)).toBeNull();
});
