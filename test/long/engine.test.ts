/** The long forms of the proofs of the engine; their short forms are in test/engine and test/property. */
import { expect, test } from 'vitest';
import { processesWith, Rig, until } from '../engine/rig.js';
import { checkRandomGraph } from '../support/random-graph-check.js';

const FILES = { 'ka.txt': 'alpha\n', 'kb.txt': 'beta\n', 'kc.txt': 'gamma\n', 'kd.txt': 'delta\n' };
/** Different keys of the scenario: upper and waits of four files, five numbers, concat and train. */
const RESULTS = 4 + 4 + 5 + 2;
const ALL = 'ALPHA\nBETA\nGAMMA\nDELTA\n';

test('200 random graphs under random edits equal a naive evaluator', async () => {
  expect.hasAssertions();
  for (let seed = 1; seed <= 200; seed++) await checkRandomGraph(104_729 * seed);
});

test('200 kills at random moments: every next run ends well and repeats no finished node', async () => {
  let state = 20260101;
  let interrupted = 0;
  for (let kill = 0; kill < 200; kill++) {
    using rig = new Rig(FILES);
    state = (state * 48271) % 2147483647;
    const killed = await rig.spawn('scenario.mjs', [rig.input, rig.output], {
      killAfterMs: 100 + (state % 1500),
    });
    if (killed.signal === 'SIGKILL') interrupted++;
    await until('workers are gone', () => processesWith(rig.root).length === 0, 1000);
    const complete = rig.completeResults();
    rig.executed();
    const next = await rig.spawn('scenario.mjs', [rig.input, rig.output]);
    expect(next.code, `kill ${kill} after ${100 + (state % 1500)} ms: ${next.stderr}`).toBe(0);
    expect(rig.executed().length).toBe(RESULTS - complete);
    expect(rig.published('all.txt')).toBe(ALL);
    expect(rig.leftovers()).toEqual([]);
  }
  // Otherwise the runs were too fast to be hit.
  expect(interrupted).toBeGreaterThan(100);
});

test('four runs at once on one cache, twenty times: all end well and each key is computed once', async () => {
  for (let round = 0; round < 20; round++) {
    using rig = new Rig(FILES);
    const ends = await Promise.all(
      [1, 2, 3, 4].map(() => rig.spawn('scenario.mjs', [rig.input, rig.output])),
    );
    for (const { code, stderr } of ends) expect(code, stderr).toBe(0);
    expect(rig.executed()).toHaveLength(RESULTS);
    expect(rig.published('all.txt')).toBe(ALL);
  }
});
