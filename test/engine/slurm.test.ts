import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Workflow, type RunEvent } from 'neuroloom';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { SlurmConfig } from '../../src/engine/executors/slurm-settings.js';
import { LIMITS_ALL_MEMORY } from '../../src/engine/memory-limit.js';
import { FakeSlurm } from '../support/fake-slurm.js';
import { hasSlurm, TestSlurm } from '../support/slurm.js';
import { Rig, until, type ChildEnd } from './rig.js';

const { takesMemory } = await import('./fixtures/retry-nodes.mjs');

/** Nodes of the scenario: each waits and is incremented; one sum. */
const resultsOf = (nodes: number): number => 2 * nodes + 1;
const sumOf = (nodes: number): string => `${(nodes * (nodes + 1)) / 2}\n`;

function events(end: ChildEnd, type: string): Record<string, unknown>[] {
  return end.stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((event) => event['type'] === type);
}

function batchFolders(rig: Rig): string[] {
  const directory = join(rig.output, '.neuroloom', 'cache', 'batch');
  return existsSync(directory) ? readdirSync(directory) : [];
}

function begunNodes(rig: Rig): number {
  return batchFolders(rig).flatMap((name) => {
    const done = join(rig.output, '.neuroloom', 'cache', 'batch', name, 'done');
    return existsSync(done) ? readdirSync(done).filter((file) => file.endsWith('.begun')) : [];
  }).length;
}

/** Nothing here proves speed: limits are those of a machine with much else to do. */
const LONG_MS = 240_000;
const TEST_MS = 600_000;

describe('on programs that stand for SLURM', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test.skipIf(!LIMITS_ALL_MEMORY)(
    'the memory of a node that had too little grows up to what the largest machine has, and no further',
    async () => {
      using rig = new Rig();
      const machine = '2|640|(null)|test*|1:00:00|10:00';
      const slurm = new FakeSlurm(rig.path('slurm'), [machine]);
      for (const [name, value] of Object.entries(slurm.env)) vi.stubEnv(name, value);
      const wf = new Workflow('memory');
      // 256 MB are asked for, 384 MB are there beside the share of the job, and Node's own share is 1 GB.
      wf.add(takesMemory, { mb: 1600 });
      const events: RunEvent[] = [];
      const run = await wf.run({
        ...{ outputDir: rig.output, executor: 'slurm', onEvent: (event) => events.push(event) },
        slurm: SlurmConfig.parse({ poll_seconds: 0.1, status_seconds: 0.2 }),
      });
      expect(run.exitCode).toBe(1);
      expect(events.filter(({ type }) => type === 'node-retried')).toMatchObject([
        { failureClass: 'out-of-memory', memoryGb: 0.375 },
      ]);
      expect(slurm.submitted().map((call) => call.find((word) => word.startsWith('--mem=')))).toEqual([
        '--mem=512M',
        '--mem=640M',
      ]);
    },
  );
});

describe.skipIf(!hasSlurm)('on a real SLURM (skipped without slurm-wlm, munge and slurm-up.sh)', () => {
  let slurm: TestSlurm;
  beforeAll(() => {
    slurm = new TestSlurm({ arraySize: 4, minJobAge: 300 });
  }, TEST_MS);
  beforeEach(() => slurm.settled(), TEST_MS);
  afterAll(() => {
    slurm.down();
  }, TEST_MS);

  const start = (
    rig: Rig,
    nodes: number,
    ms: number,
    settings: object = {},
    onOutput: (stdout: string) => void = () => undefined,
  ): Promise<ChildEnd> =>
    rig.spawn('slurm-scenario.mjs', [rig.output, String(nodes), String(ms), JSON.stringify(settings)], {
      env: slurm.env,
      onOutput,
    });

  test(
    'lost and refused submissions, a silent controller, arrays over the limit: every node runs once',
    { timeout: TEST_MS },
    async () => {
      using rig = new Rig();
      slurm.calls();
      slurm.answer('sbatch', 'lose', 'fail', 'full');
      slurm.setDown('squeue', true);
      // Jobs of two nodes: twelve nodes need two arrays of at most four elements.
      const running = start(rig, 12, 30, { slurm: { pack_seconds: 0.06 } });
      await until('squeue was asked in vain', () => slurmAsked() >= 2, LONG_MS);
      slurm.setDown('squeue', false);
      const end = await running;
      expect(end.code, end.stderr + end.stdout).toBe(0);
      const executed = rig.executed();
      expect(new Set(executed).size).toBe(executed.length);
      expect(executed).toHaveLength(resultsOf(12));
      expect(rig.published('sum.txt')).toBe(sumOf(12));
      expect(events(end, 'jobs-submitted').every(({ jobs }) => (jobs as number) <= 4)).toBe(true);
      expect(batchFolders(rig)).toEqual([]);
      expect(rig.leftovers()).toEqual([]);
      // A job leaves the queue a moment after its last node.
      await until('the queue is empty', () => slurm.active().length === 0, LONG_MS);
    },
  );

  let asked = 0;
  function slurmAsked(): number {
    asked += slurm.calls().filter(({ program }) => program === 'squeue').length;
    return asked;
  }

  test(
    'parent killed in the middle: the next run takes over what is there and repeats nothing',
    { timeout: TEST_MS },
    async () => {
      using rig = new Rig();
      const settings = { slurm: { pack_seconds: 0 } };
      let printed = '';
      const first = start(rig, 4, 3000, settings, (stdout) => (printed = stdout));
      // A job may start before the parent has heard that it was taken.
      await until('jobs run', () => begunNodes(rig) >= 2 && printed.includes('jobs-submitted'), LONG_MS);
      process.kill(pidOf(rig), 'SIGKILL');
      const killed = await first;
      const end = await start(rig, 4, 3000, settings);
      expect(end.code, end.stderr + end.stdout).toBe(0);
      expect(events(end, 'jobs-adopted')).toHaveLength(1);
      const executed = rig.executed();
      expect(new Set(executed).size).toBe(resultsOf(4));
      expect(executed).toHaveLength(resultsOf(4));
      const submitted = [killed, end].flatMap((run) => events(run, 'jobs-submitted'));
      expect(submitted.filter(({ node }) => node === 'waits').map(({ nodes }) => nodes)).toEqual([4]);
      expect(rig.published('sum.txt')).toBe(sumOf(4));
      expect(batchFolders(rig)).toEqual([]);
    },
  );

  /** The run writes its process id into the owner file of its directory. */
  function pidOf(rig: Rig): number {
    const tmp = join(rig.output, '.neuroloom', 'cache', 'tmp');
    const owner = readdirSync(tmp).map((name) => join(tmp, name, 'owner.json'))[0];
    if (owner === undefined) throw new Error('no run is recorded');
    return (JSON.parse(readFileSync(owner, 'utf8')) as { pid: number }).pid;
  }

  const settings = { slurm: { pack_seconds: 0 } };

  test(
    'a job that somebody cancels fails its node, which is not tried again',
    { timeout: TEST_MS },
    async () => {
      using rig = new Rig();
      const cancelled = start(rig, 1, 60_000, settings);
      await until('the job runs', () => begunNodes(rig) === 1, LONG_MS);
      const [job = ''] = slurm.active('RUNNING');
      slurm.run('scancel', job);
      const failed = await cancelled;
      expect(failed.code, failed.stderr).toBe(1);
      expect(events(failed, 'node-failed').at(-1)).toMatchObject({ failureClass: 'error', code: 'KILLED' });
    },
  );

  test('an interrupted run cancels its jobs', { timeout: TEST_MS }, async () => {
    using interrupted = new Rig();
    const run = start(interrupted, 1, 60_000, settings);
    await until('the job runs', () => begunNodes(interrupted) === 1, LONG_MS);
    process.kill(pidOf(interrupted), 'SIGINT');
    expect((await run).code).toBe(130);
    await until('nothing is left in the queue', () => slurm.active().length === 0, LONG_MS);
  });

  test('a machine that goes down while a job runs costs one attempt', { timeout: TEST_MS }, async () => {
    using down = new Rig();
    const waiting = start(down, 1, 5000, settings);
    await until('the node runs', () => down.executed().includes('waits 0'), LONG_MS);
    const [node = ''] = slurm.run('sinfo', '-h', '-o', '%N').trim().split('\n');
    slurm.run('scontrol', 'update', `NodeName=${node}`, 'State=DOWN', 'Reason=test');
    await until('the job is back in the queue', () => slurm.active('PENDING').length === 1, LONG_MS);
    await slurm.care(waiting);
    const end = await waiting;
    expect(end.code, end.stderr + end.stdout).toBe(0);
    expect(down.published('sum.txt')).toBe(sumOf(1));
    expect(down.executed()).toEqual(['add_one 0', 'sum_of', 'waits 0']);
  });
});
