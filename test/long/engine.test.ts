/** The long forms of the proofs of the engine; their short forms are in test/engine and test/property. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { KILL_POINTS } from '../../src/engine/kill-points.js';
import { DEFAULT_LOG_CAP_BYTES } from '../../src/engine/log-capture.js';
import { isAlive, processesWith, Rig, until } from '../engine/rig.js';
import { runLoud } from '../support/loud.js';
import { checkRandomGraph } from '../support/random-graph-check.js';

const FILES = { 'ka.txt': 'alpha\n', 'kb.txt': 'beta\n', 'kc.txt': 'gamma\n', 'kd.txt': 'delta\n' };
/** Different keys of the scenario: upper and waits of four files, five numbers, concat and train. */
const RESULTS = 4 + 4 + 5 + 2;
/** How often a run passes points that it passes less than three times: it publishes a group of texts and one file. */
const PASSAGES: Readonly<Record<string, number>> = {
  'run-recorded': 1,
  'before-run-finished': 1,
  'before-publish': 2,
};
const ALL = 'ALPHA\nBETA\nGAMMA\nDELTA\n';

test('200 random graphs under random edits equal a naive evaluator', async () => {
  expect.hasAssertions();
  for (let seed = 1; seed <= 200; seed++) await checkRandomGraph(104_729 * seed);
});

test.each(KILL_POINTS.flatMap((point) => [1, 2, 3].map((nth) => [point, nth] as const)))(
  'killed at %s, passage %i: the next run completes it, and the one after that executes nothing',
  async (point, nth) => {
    using rig = new Rig(FILES);
    const env = { NEUROLOOM_TEST_KILL: `${point}:${nth}` };
    const first = await rig.spawn('scenario.mjs', [rig.input, rig.output], { env });
    expect(first.signal, first.stderr).toBe(nth > (PASSAGES[point] ?? Infinity) ? null : 'SIGKILL');
    await until('its workers are gone', () => processesWith(rig.root).length === 0);
    expect((await rig.spawn('scenario.mjs', [rig.input, rig.output])).code).toBe(0);
    expect(rig.published('all.txt')).toBe(ALL);
    rig.executed();
    const third = await rig.spawn('scenario.mjs', [rig.input, rig.output]);
    expect(third.code, third.stderr).toBe(0);
    expect(rig.executed()).toEqual([]);
    expect(rig.leftovers()).toEqual([]);
  },
);

/** How long processes of killed runs lived on, ms: a second at most on a machine that does nothing else. */
function tellSlowest(what: string, times: number[]): void {
  times.sort((a, b) => a - b);
  const at = (share: number): string => (times[Math.floor(share * (times.length - 1))] ?? NaN).toFixed(0);
  process.stderr.write(
    `${what}: median ${at(0.5)} ms, 95 % ${at(0.95)} ms, slowest ${at(1)} ms of ${times.length}\n`,
  );
}

test('200 kills at random moments: every next run ends well and repeats no finished node', async () => {
  let state = 20260101;
  let interrupted = 0;
  const times: number[] = [];
  for (let kill = 0; kill < 200; kill++) {
    using rig = new Rig(FILES);
    state = (state * 48271) % 2147483647;
    const killed = await rig.spawn('scenario.mjs', [rig.input, rig.output], {
      killAfterMs: 100 + (state % 1500),
    });
    if (killed.signal === 'SIGKILL') interrupted++;
    times.push(await until('workers are gone', () => processesWith(rig.root).length === 0));
    const complete = rig.completeResults();
    rig.executed();
    const next = await rig.spawn('scenario.mjs', [rig.input, rig.output]);
    expect(next.code, `kill ${kill} after ${100 + (state % 1500)} ms: ${next.stderr}`).toBe(0);
    expect(rig.executed().length).toBe(RESULTS - complete);
    expect(rig.published('all.txt')).toBe(ALL);
    expect(rig.leftovers()).toEqual([]);
  }
  tellSlowest('workers of killed runs lived on', times);
  // Otherwise the runs were too fast to be hit.
  expect(interrupted).toBeGreaterThan(100);
});

test('20 kills while a node is in a loop with a tool beside it: both are gone', async () => {
  const times: number[] = [];
  for (let kill = 0; kill < 20; kill++) {
    using rig = new Rig();
    const mark = rig.path('mark');
    const parent = rig.spawn('one-node.mjs', [rig.output, mark, 'true']);
    await until('the node runs', () => existsSync(mark) && readFileSync(mark, 'utf8').endsWith('\n'));
    const pids = readFileSync(mark, 'utf8').trim().split(' ').map(Number);
    for (const pid of processesWith(`one-node.mjs\0${rig.output}`)) process.kill(pid, 'SIGKILL');
    times.push(await until('node and tool are gone', () => !pids.some(isAlive)));
    await parent;
  }
  tellSlowest('a looping node and its tool lived on', times);
});

test('four runs at once on one cache, twenty times, every second time beside what a killed run left', async () => {
  for (let round = 0; round < 20; round++) {
    using rig = new Rig(FILES);
    if (round % 2 === 1) {
      const killPoint = { env: { NEUROLOOM_TEST_KILL: `result-received:${round % 7}` } };
      expect((await rig.spawn('scenario.mjs', [rig.input, rig.output], killPoint)).signal).toBe('SIGKILL');
      await until('its workers are gone', () => processesWith(rig.root).length === 0);
    }
    const complete = rig.completeResults();
    rig.executed();
    const ends = await Promise.all(
      [1, 2, 3, 4].map(() => rig.spawn('scenario.mjs', [rig.input, rig.output])),
    );
    for (const { code, stderr } of ends) expect(code, stderr).toBe(0);
    expect(rig.executed()).toHaveLength(RESULTS - complete);
    expect(rig.published('all.txt')).toBe(ALL);
    expect(rig.leftovers()).toEqual([]);
  }
});

test.each([
  ['5 GB of log', 5e9, 80],
  ['one line of 1 GB', 1e9, 1e9],
])('%s: the cap holds, the memory of the parent is that of a quiet run', async (what, bytes, lineBytes) => {
  const [quiet, noisy] = [await runLoud(80, 80), await runLoud(bytes, lineBytes)];
  expect(noisy).toMatchObject({ exitCode: 1, message: 'all is printed' });
  expect(noisy.logBytes).toBeLessThan(DEFAULT_LOG_CAP_BYTES + 1000);
  expect(noisy.peakMb - quiet.peakMb).toBeLessThan(30);
  const [quietMb, noisyMb] = [quiet.peakMb.toFixed(0), noisy.peakMb.toFixed(0)];
  process.stderr.write(`${what}: parent ${noisyMb} MB, quiet ${quietMb} MB\n`);
});
