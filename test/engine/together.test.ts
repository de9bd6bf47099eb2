import { expect, test } from 'vitest';
import { Rig } from './rig.js';

const FILES = { 'ka.txt': 'alpha\n', 'kb.txt': 'beta\n', 'kc.txt': 'gamma\n', 'kd.txt': 'delta\n' };
/** Different keys of the scenario: see kill.test.ts. */
const RESULTS = 4 + 4 + 5 + 2;

test('two runs at once in one output directory share the work: every key runs once, both end well', async () => {
  using rig = new Rig(FILES);
  const both = await Promise.all([1, 2].map(() => rig.spawn('scenario.mjs', [rig.input, rig.output])));

  for (const { code, stderr } of both) expect(code, stderr).toBe(0);
  expect(rig.executed()).toHaveLength(RESULTS);
  expect(rig.published('all.txt')).toBe('ALPHA\nBETA\nGAMMA\nDELTA\n');
  expect(rig.leftovers()).toEqual([]);
});

test('one of two runs is killed: the other takes over its work and ends well', async () => {
  using rig = new Rig(FILES);
  const [killed, other] = await Promise.all([
    rig.spawn('scenario.mjs', [rig.input, rig.output], { env: { NEUROLOOM_TEST_KILL: 'node-started:2' } }),
    rig.spawn('scenario.mjs', [rig.input, rig.output]),
  ]);
  expect(killed.signal === 'SIGKILL' || killed.code === 0).toBe(true);
  expect(other.code, other.stderr).toBe(0);
  expect(rig.published('all.txt')).toBe('ALPHA\nBETA\nGAMMA\nDELTA\n');
  const next = await rig.spawn('scenario.mjs', [rig.input, rig.output]);
  expect(next.code, next.stderr).toBe(0);
  expect(rig.leftovers()).toEqual([]);
});
