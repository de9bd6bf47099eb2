/** What a real SLURM does to jobs: it ends them at their limits, holds, displaces and forgets them. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BATCH_KILL_POINTS } from '../../src/engine/kill-points.js';
import { processesWith, Rig, until, type ChildEnd } from '../engine/rig.js';
import { hasSlurm, TestSlurm } from '../support/slurm.js';

const LONG_MS = 240_000;

const events = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

function startOn(
  slurm: TestSlurm,
  rig: Rig,
  ms: number,
  settings: object,
  onOutput: (text: string) => void = () => undefined,
): Promise<ChildEnd> {
  const args = [rig.output, '1', String(ms), JSON.stringify(settings)];
  return rig.spawn('slurm-scenario.mjs', args, { env: slurm.env, onOutput });
}

const count = (end: ChildEnd, type: string): number =>
  events(end.stdout).filter((event) => event['type'] === type).length;

describe.skipIf(!hasSlurm)('on a real SLURM (skipped without slurm-wlm, munge and slurm-up.sh)', () => {
  let slurm: TestSlurm;
  beforeAll(() => {
    slurm = new TestSlurm();
  });
  beforeEach(() => slurm.settled());
  afterAll(() => {
    slurm.down();
  });

  const start = (
    rig: Rig,
    ms: number,
    settings: object,
    onOutput: (text: string) => void,
  ): Promise<ChildEnd> => startOn(slurm, rig, ms, { slurm: settings }, onOutput);

  test.each(BATCH_KILL_POINTS)('the parent killed at %s: no node is computed twice', async (point) => {
    using rig = new Rig();
    const settings = { slurm: { pack_seconds: 0 } };
    const args = [rig.output, '1', '10', JSON.stringify(settings)];
    const env = { ...slurm.env, NEUROLOOM_TEST_KILL: point };
    expect((await rig.spawn('slurm-scenario.mjs', args, { env })).signal).toBe('SIGKILL');
    const end = await startOn(slurm, rig, 10, settings);
    expect(end.code, end.stderr + end.stdout).toBe(0);
    expect(rig.executed()).toEqual(['add_one 0', 'sum_of', 'waits 0']);
  });

  test('a job that is held is told with the command that releases it, and goes on after it', async () => {
    using rig = new Rig();
    const [machine = ''] = slurm.run('sinfo', '-h', '-o', '%N').trim().split('\n');
    slurm.run('scontrol', 'update', `NodeName=${machine}`, 'State=DRAIN', 'Reason=test');
    let printed = '';
    const running = start(rig, 10, { pack_seconds: 0 }, (text) => (printed = text));
    await until('a job waits', () => slurm.active('PENDING').length === 1, LONG_MS);
    slurm.run('scontrol', 'hold', slurm.active('PENDING')[0] as string);
    const told = (): string =>
      events(printed)
        .filter(({ type }) => type === 'warning')
        .map(({ message, cure }) => `${String(message)} | ${String(cure)}`)
        .join('\n');
    await until('it is told', () => told().includes('scontrol release'), LONG_MS);
    expect(told()).toMatch(
      /SLURM holds a job of waits \(JobHeld\w+\).* \| let go on with: scontrol release \d+_0/,
    );
    const [, ...command] = /scontrol (release) (\d+_0)/.exec(told()) as unknown as string[];
    slurm.run('scontrol', ...command);
    await slurm.care(running);
    expect((await running).code).toBe(0);
  });

  test('a job that is put back in the queue while its node runs goes on as a further attempt', async () => {
    using rig = new Rig();
    const running = start(rig, 8000, { pack_seconds: 0 }, () => undefined);
    await until('the node runs', () => rig.executed().includes('waits 0'), LONG_MS);
    slurm.run('scontrol', 'requeue', slurm.active('RUNNING')[0] as string);
    await slurm.care(running);
    const end = await running;
    expect(end.code, end.stderr + end.stdout).toBe(0);
    // It was begun a second time and ended there: no failure, no retry.
    expect(rig.executed()).toContain('waits 0');
    expect(count(end, 'node-retried'), end.stdout).toBe(0);
  });

  test('a node whose job was too short gets a job with twice the time', async () => {
    using rig = new Rig();
    const end = await start(rig, 75_000, { pack_seconds: 0, time: 1 }, () => undefined);
    expect(end.code, end.stderr + end.stdout).toBe(0);
    expect(events(end.stdout).find(({ type }) => type === 'node-retried')).toMatchObject({
      failureClass: 'timeout',
    });
  });

  test('a job that SLURM ends for its memory is tried again with twice as much', async () => {
    using rig = new Rig();
    // With 256 MB for the job itself: 512 MB are too little for the tool and both processes, 768 MB are enough.
    const end = await startOn(slurm, rig, 0, { toolMb: 420, slurm: { pack_seconds: 0 } });
    expect(end.code, end.stderr + end.stdout).toBe(0);
    const retried = events(end.stdout).filter(({ type }) => type === 'node-retried');
    expect(retried).toHaveLength(1);
    expect(retried[0]).toMatchObject({ failureClass: 'out-of-memory' });
    expect(rig.published('sum.txt')).toBe('1\n');
  });

  test('a job that a more urgent one displaces goes on after it', async () => {
    await slurm.configure('PreemptType=preempt/partition_prio', 'PreemptMode=REQUEUE');
    slurm.run('scontrol', 'update', 'PartitionName=test', 'PriorityTier=10');
    using rig = new Rig();
    // Longer than a busy scheduler takes to displace it.
    const running = startOn(slurm, rig, 30_000, { slurm: { pack_seconds: 0, partition: 'low', time: 5 } });
    await until('the node runs', () => rig.executed().includes('waits 0'), LONG_MS);
    const [displaced = ''] = slurm.active('RUNNING');
    const mark = rig.path('urgent');
    slurm.run('sbatch', '--partition=test', '-c2', '--mem=100M', '-o/dev/null', `--wrap=touch '${mark}'`);
    await until('the urgent job ran', () => existsSync(mark), LONG_MS);
    expect(slurm.run('scontrol', 'show', 'job', displaced)).toMatch(/Restarts=1/);
    await slurm.care(running);
    const end = await running;
    expect(end.code, end.stderr + end.stdout).toBe(0);
    expect(count(end, 'node-retried'), end.stdout).toBe(0);
    expect(rig.executed()).toContain('waits 0');
  });
});

describe.skipIf(!hasSlurm)('on a SLURM that forgets at once (skipped as above)', () => {
  let slurm: TestSlurm;
  beforeAll(() => {
    slurm = new TestSlurm({ minJobAge: 2 });
  });
  afterAll(() => {
    slurm.down();
  });

  test('a job that ended while no run lived, left nothing and is forgotten is submitted again', async () => {
    using rig = new Rig();
    const settings = { slurm: { pack_seconds: 0 } };
    let printed = '';
    const first = startOn(slurm, rig, 5000, settings, (text) => (printed = text));
    await until('the node runs', () => rig.executed().includes('waits 0'), LONG_MS);
    await until('its job is known', () => printed.includes('jobs-submitted'), LONG_MS);
    for (const pid of processesWith(`slurm-scenario.mjs\0${rig.output}`)) process.kill(pid, 'SIGKILL');
    await first;
    const [job = ''] = slurm.active('RUNNING');
    slurm.run('scancel', '--signal=KILL', '--full', job);
    const isForgotten = (): boolean => slurm.tries('scontrol', 'show', 'job', job) === null;
    await until('SLURM has forgotten it', isForgotten, LONG_MS);
    const end = await startOn(slurm, rig, 5000, settings);
    expect(end.code, end.stderr + end.stdout).toBe(0);
    expect(count(end, 'jobs-adopted')).toBe(1);
    expect(count(end, 'jobs-submitted')).toBe(3);
    expect(rig.executed()).toEqual(['add_one 0', 'sum_of', 'waits 0']);
  });
});
