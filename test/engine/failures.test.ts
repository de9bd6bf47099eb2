import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { inputFile, Workflow, type NodeDefinition, type NodeReport, type RunEvent } from 'neuroloom';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isAlive, processesWith, Rig, until } from './rig.js';

const nodes = (await import('./fixtures/nodes.mjs' as string)) as Record<string, NodeDefinition>;
const { addOne, misbehave, slow, touchInput, waits } = nodes as Required<typeof nodes>;

type Failed = Extract<RunEvent, { type: 'node-failed' }>;

describe('every way a node can end badly', () => {
  const CASES = [
    ['throw', 'error', 'NODE_FAILED', /this did not work/],
    ['throw-later', 'error', 'NODE_FAILED', /too late/],
    ['kill', 'killed', 'KILLED', /ended from outside \(SIGKILL/],
    ['segv', 'crashed', 'CRASHED', /crashed \(SIGSEGV, signal 11\)/],
    ['bus', 'crashed', 'CRASHED', /crashed \(SIGBUS, signal \d+\)/],
    ['abort', 'crashed', 'CRASHED', /crashed \(SIGABRT, signal 6\)/],
    ['exit', 'crashed', 'CRASHED', /exit code 0 without a result/],
    ['half-result', 'crashed', 'CRASHED', /exit code 0 without a result/],
    ['heap', 'out-of-memory', 'OUT_OF_MEMORY', /JavaScript heap of 256 MB/],
    ['array', 'out-of-memory', 'OUT_OF_MEMORY', /no memory for a large array/],
    ['unwritten', 'output-missing', 'OUTPUT_MISSING', /never\.txt was not written/],
    ['outside', 'output-invalid', 'OUTPUT_INVALID', /not in the node's own directory/],
    ['wrong-type', 'output-invalid', 'OUTPUT_INVALID', /misbehave\.ok Invalid input: expected number/],
    ['missing-value', 'output-missing', 'OUTPUT_MISSING', /misbehave\.ok \(value\) was not returned/],
    ['nan', 'output-invalid', 'OUTPUT_INVALID', /NaN/],
    ['print', 'error', 'NODE_FAILED', /after printing/],
  ] as const;
  const rig = new Rig();
  const failed = new Map<string, Failed>();
  let reports: readonly NodeReport[] = [];
  let exitCode = -1;

  beforeAll(async () => {
    const wf = new Workflow('failures');
    const items = wf.items(
      CASES.map(([how]) => how),
      { key: (how) => how },
    );
    const bad = wf.map(misbehave as NodeDefinition, { how: items });
    wf.map(addOne as NodeDefinition, { x: (bad.out as Record<string, never>)['ok'] as never });
    wf.add(addOne as NodeDefinition, { x: 1 }, { id: 'other' });
    const run = await wf.run({
      outputDir: rig.output,
      jobs: 2,
      retries: 0,
      logCapBytes: 200_000,
      graceMs: 300,
      onEvent: (event) => {
        if (event.type === 'node-failed') failed.set(event.id, event);
      },
    });
    reports = run.nodes;
    exitCode = run.exitCode;
  });
  afterAll(() => {
    rig[Symbol.dispose]();
  });

  test.each(CASES)('%s is told as %s', (how, failureClass, code, message) => {
    const event = failed.get(`misbehave[${how}]`);
    expect(event?.failureClass).toBe(failureClass);
    expect(event?.code).toBe(code);
    expect(event?.message).toMatch(message);
    expect(event?.cure).not.toBe('');
    // V8 itself writes more lines than the tail holds.
    expect(event?.logTail).toContain(how === 'heap' ? 'heap out of memory' : `about to ${how}`);
  });

  test('the run ends by itself: others are done, dependants are not started', () => {
    expect(exitCode).toBe(1);
    expect(reports.find(({ id }) => id === 'other')?.state).toBe('executed');
    const dependants = reports.filter(({ id }) => id.startsWith('add_one['));
    expect(dependants).toHaveLength(CASES.length);
    expect(new Set(dependants.map(({ state }) => state))).toEqual(new Set(['not-started']));
    expect(dependants[0]?.because).toMatch(/^misbehave\[.*\] failed$/);
  });

  test('what a failed node printed is kept beside the run, first and last half when it is long', () => {
    const { logPath } = failed.get('misbehave[print]') as Failed;
    expect(logPath).toMatch(/^logs\/[^/]+\/misbehave\/print\/stderr\.log$/);
    const stdout = join(rig.output, logPath as string, '..', 'stdout.log');
    const log = readFileSync(stdout, 'utf8');
    expect(statSync(stdout).size).toBeLessThan(201_000);
    expect(log).toMatch(/^line 0 /);
    expect(log).toContain('part of this log was left out');
    expect(log).toMatch(/line 19999 x+\n.*the last line/);
  });

  test('nothing is left of the run but results and logs', () => {
    expect(rig.leftovers()).toEqual([]);
    expect(processesWith(rig.root)).toEqual([]);
  });
});

test('a failed node runs again in the next run, and the reason is its failure', async () => {
  using rig = new Rig();
  const wf = new Workflow('again');
  wf.add(misbehave as NodeDefinition, { how: 'throw' });
  await wf.run({ outputDir: rig.output });
  const plan = await wf.plan({ outputDir: rig.output });
  expect(plan.entries[0]?.reason).toEqual({ kind: 'previous-failure', failureClass: 'error' });
});

test.each(['async', 'loop', 'stopped', 'tool'])('a node over its time limit is ended: %s', async (how) => {
  using rig = new Rig();
  const wf = new Workflow('timeout');
  wf.add(slow as NodeDefinition, { how });
  const run = await wf.run({ outputDir: rig.output, graceMs: 200, retries: 0 });
  expect(run.nodes[0]?.error?.failureClass).toBe('timeout');
  expect(run.nodes[0]?.error?.message).toContain('time limit of 0.3 s');
  await until('the group is empty', () => processesWith(rig.root).length === 0);
});

test('an input that is edited, replaced or deleted while its node runs fails it, and nothing is stored', async () => {
  const ways = ['deleted', 'edited', 'replaced'];
  using rig = new Rig(Object.fromEntries(ways.map((how) => [`${how}.txt`, 'one'])));
  const wf = new Workflow('change');
  const hows = wf.items(ways, { key: (how) => how });
  const source = hows.select((how) => inputFile(join(rig.input, `${how}.txt`)));
  wf.map(touchInput as NodeDefinition, { source, how: hows } as never);
  const run = await wf.run({ outputDir: rig.output, jobs: 1 });
  expect(run.nodes.map(({ id, error }) => [id, error?.failureClass, error?.message])).toEqual(
    ways.map((how) => {
      const file = join(rig.input, `${how}.txt`);
      return [`touch_input[${how}]`, 'input-changed', `input ${file} changed while the node ran`];
    }),
  );
  expect(rig.completeResults()).toBe(0);
});

test('a full disk under a node is told as such, and the run ends with 5', async () => {
  using rig = new Rig();
  const wf = new Workflow('full');
  // Every write to this device fails with ENOSPC.
  wf.add(misbehave as NodeDefinition, { how: 'write', path: '/dev/full' });
  const run = await wf.run({ outputDir: rig.output });
  expect(run.nodes[0]?.error?.failureClass).toBe('io-full');
  expect(run.exitCode).toBe(5);
});

test('a node that may not write is told as such', async () => {
  using rig = new Rig({ 'a.txt': '' });
  const wf = new Workflow('denied');
  wf.add(misbehave as NodeDefinition, { how: 'write', path: join(rig.input, 'a.txt', 'below-a-file') });
  const run = await wf.run({ outputDir: rig.output });
  expect(run.nodes[0]?.error?.failureClass).toBe('io-denied');
  expect(run.exitCode).toBe(5);
});

test('an output directory below a file is refused with path and cure', async () => {
  using rig = new Rig({ 'a.txt': '' });
  const outputDir = join(rig.input, 'a.txt', 'out');
  const wf = new Workflow('refused');
  wf.add(addOne as NodeDefinition, { x: 1 });
  await expect(wf.run({ outputDir })).rejects.toMatchObject({
    code: 'IO_DENIED',
    message: `${outputDir} cannot be written: a part of the path is a file, not a directory`,
    where: outputDir,
  });
});

test('a request that no machine can meet is refused before anything runs', async () => {
  using rig = new Rig();
  const wf = new Workflow('large');
  wf.add(addOne as NodeDefinition, { x: 1 }, { resources: { memoryGb: 64 } });
  await expect(wf.run({ outputDir: rig.output, memoryGb: 2 })).rejects.toMatchObject({
    code: 'RESOURCES',
    message: '1 node(s) can never start: add_one needs 64 GB of memory, 2.0 GB are there',
  });
});

test('more cpus than the run may use are refused in the plan and before a run makes anything', async () => {
  using rig = new Rig();
  const wf = new Workflow('wide');
  wf.add(addOne as NodeDefinition, { x: 1 }, { resources: { cpus: 3 } });
  const refusal = {
    code: 'RESOURCES',
    message: '1 node(s) can never start: add_one needs 3 cpus, 2 are there',
    cure: "lower the node's resources, raise --cpus or --memory, or use a larger machine",
  };
  await expect(wf.plan({ outputDir: rig.output, cpus: 2 })).rejects.toMatchObject(refusal);
  await expect(wf.run({ outputDir: rig.output, cpus: 2 })).rejects.toMatchObject(refusal);
  expect(existsSync(rig.output)).toBe(false);
  expect((await wf.run({ outputDir: rig.output, cpus: 3 })).exitCode).toBe(0);
});

test.skipIf(!existsSync('/proc/self'))(
  'places that take no directories are errors, and the run returns',
  async () => {
    using rig = new Rig();
    const wf = new Workflow('nowhere');
    wf.add(addOne as NodeDefinition, { x: 1 });
    await expect(wf.run({ outputDir: '/proc/neuroloom' })).rejects.toMatchObject({
      code: 'IO_DENIED',
      message: '/proc/neuroloom cannot be written: this file system takes no new files',
      cure: expect.stringContaining('(-o)') as string,
    });
    await expect(wf.run({ outputDir: rig.output, cacheDir: '/proc/neuroloom' })).rejects.toMatchObject({
      code: 'IO',
      where: '/proc/neuroloom',
    });
    const workDir = join(rig.input, 'a.txt', 'work');
    rig.write('a.txt', '');
    await expect(wf.run({ outputDir: rig.output, workDir })).rejects.toMatchObject({ code: 'IO' });
    // The failed run of this process holds nothing: neither a lease nor a place in the history.
    expect((await wf.run({ outputDir: rig.output })).exitCode).toBe(0);
  },
);

test.each([
  ['waiting', false],
  ['in a loop with a tool beside it', true],
])('workers and their tools end by themselves when the parent is killed: %s', async (_, busy) => {
  using rig = new Rig();
  const mark = rig.path('mark');
  const parent = rig.spawn('one-node.mjs', [rig.output, mark, String(busy)], { killAfterMs: 60_000 });
  await until('the node runs', () => readMark(mark).length === 2);
  const [worker = 0, tool = 0] = readMark(mark);
  expect(isAlive(worker)).toBe(true);
  for (const pid of processesWith(`one-node.mjs\0${rig.output}`)) process.kill(pid, 'SIGKILL');
  await parent;
  await until('the worker is gone', () => !isAlive(worker));
  if (busy) await until('its tool is gone', () => !isAlive(tool));
});

function readMark(path: string): number[] {
  try {
    return readFileSync(path, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

test('a worker that is killed from outside fails its node only', async () => {
  using rig = new Rig();
  const mark = rig.path('mark');
  const wf = new Workflow('outside');
  wf.add(waits as NodeDefinition, { ms: 60_000, mark, x: 1 });
  wf.add(addOne as NodeDefinition, { x: 1 });
  const run = wf.run({ outputDir: rig.output, jobs: 2, retries: 0 });
  await until('the node runs', () => readMark(mark).length === 2);
  process.kill(readMark(mark)[0] as number, 'SIGKILL');
  const { nodes: ended } = await run;
  expect(ended.map(({ state }) => state).sort()).toEqual(['executed', 'failed']);
  expect(ended.find(({ state }) => state === 'failed')?.error?.failureClass).toBe('killed');
});
