import { expect, test } from 'vitest';
import { KILL_POINTS } from '../../src/engine/kill-points.js';
import { processesWith, Rig, until } from './rig.js';

const FILES = { 'ka.txt': 'alpha\n', 'kb.txt': 'beta\n', 'kc.txt': 'gamma\n', 'kd.txt': 'delta\n' };
/** Different keys: upper and waits of four files, five numbers that are incremented, concat and train. */
const RESULTS = 4 + 4 + 5 + 2;
const PUBLISHED = ['all.txt', 'texts/ka.txt', 'texts/kb.txt', 'texts/kc.txt', 'texts/kd.txt'];

function outputs(rig: Rig): Record<string, string> {
  return Object.fromEntries(PUBLISHED.map((name) => [name, rig.published(name)]));
}

const UNDISTURBED = {
  'all.txt': 'ALPHA\nBETA\nGAMMA\nDELTA\n',
  'texts/ka.txt': 'ALPHA\n',
  'texts/kb.txt': 'BETA\n',
  'texts/kc.txt': 'GAMMA\n',
  'texts/kd.txt': 'DELTA\n',
};

test.concurrent.each(KILL_POINTS.map((point, i) => [point, (i % 3) + 1] as const))(
  'a run killed at %s is completed by the next one, without unlocking and without repeating finished nodes',
  async (point, nth) => {
    using rig = new Rig(FILES);
    // The first passage of points that a run has once only.
    const once = ['run-recorded', 'before-run-finished'].includes(point);
    const killed = await rig.spawn('scenario.mjs', [rig.input, rig.output], {
      env: { NEUROLOOM_TEST_KILL: `${point}:${once ? 1 : nth}` },
    });
    expect(killed.signal, killed.stderr).toBe('SIGKILL');
    await until('workers of the killed run are gone', () => processesWith(rig.root).length === 0);
    const complete = rig.completeResults();
    rig.executed();

    const next = await rig.spawn('scenario.mjs', [rig.input, rig.output]);

    expect(next.code, next.stderr).toBe(0);
    expect(rig.executed()).toHaveLength(RESULTS - complete);
    expect(outputs(rig)).toEqual(UNDISTURBED);
    expect(rig.leftovers()).toEqual([]);

    // The same for all points: once for each passage is enough.
    if (nth !== 1) return;
    const third = await rig.spawn('scenario.mjs', [rig.input, rig.output]);
    expect(third.code, third.stderr).toBe(0);
    expect(rig.executed()).toEqual([]);
  },
);

test('ten kills at random times leave a run that completes with the same bytes', async () => {
  using rig = new Rig(FILES);
  let state = 20260101;
  for (let i = 0; i < 10; i++) {
    // Park-Miller: the same times in every run of this test.
    state = (state * 48271) % 2147483647;
    await rig.spawn('scenario.mjs', [rig.input, rig.output], { killAfterMs: 60 + (state % 1200) });
  }
  const last = await rig.spawn('scenario.mjs', [rig.input, rig.output]);
  expect(last.code, last.stderr).toBe(0);
  expect(outputs(rig)).toEqual(UNDISTURBED);
  expect(rig.leftovers()).toEqual([]);
  await until('no worker is left', () => processesWith(rig.root).length === 0);
});
