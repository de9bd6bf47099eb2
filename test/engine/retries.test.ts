import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Workflow, type RunEvent } from 'neuroloom';
import { expect, test } from 'vitest';
import { LIMITS_ALL_MEMORY } from '../../src/engine/memory-limit.js';
import { Rig } from './rig.js';

const { takesMemory, unsteady } = await import('./fixtures/retry-nodes.mjs');
const { addOne } = await import('./fixtures/authoring-nodes.mjs').then(({ double }) => ({ addOne: double }));
const PIPELINE = fileURLToPath(new URL('../../bin/pipeline.js', import.meta.url));

test('a killed node is tried once more, an error only when asked for, a timeout with twice the time', async () => {
  using rig = new Rig();
  const wf = new Workflow('again');
  wf.add(unsteady, { how: 'kill', file: rig.path('kill'), failures: 1 }, { id: 'killed' });
  wf.add(unsteady, { how: 'throw', file: rig.path('throw'), failures: 1 }, { id: 'wrong' });
  wf.add(
    unsteady,
    { how: 'throw', file: rig.path('asked'), failures: 2 },
    { id: 'asked', retry: { error: 2 } },
  );
  wf.add(unsteady, { how: 'wait', file: rig.path('wait'), failures: 1 }, { id: 'slow', timeoutMs: 1500 });
  const events: RunEvent[] = [];
  const run = await wf.run({
    outputDir: rig.output,
    jobs: 2,
    graceMs: 300,
    onEvent: (event) => events.push(event),
  });
  expect(run.exitCode).toBe(1);
  expect(run.nodes.map(({ id, state, attempts }) => [id, state, attempts])).toEqual([
    ['killed', 'executed', 2],
    ['wrong', 'failed', 1],
    ['asked', 'executed', 3],
    ['slow', 'executed', 2],
  ]);
  const retried = events.filter((event) => event.type === 'node-retried');
  expect(retried.map(({ id, attempt, failureClass }) => `${id} ${attempt} ${failureClass}`).sort()).toEqual([
    'asked 1 error',
    'asked 2 error',
    'killed 1 killed',
    'slow 1 timeout',
  ]);
  expect(retried.find(({ id }) => id === 'slow')?.timeoutMs).toBe(3000);
  expect(events.find((event) => event.type === 'node-done' && event.id === 'asked')).toMatchObject({
    attempts: 3,
  });
  expect(rig.leftovers()).toEqual([]);
});

test.skipIf(!LIMITS_ALL_MEMORY)(
  'typed arrays beyond the request fail as out of memory, and the next attempt has twice the request',
  async () => {
    using rig = new Rig();
    const wf = new Workflow('memory');
    // 256 MB are asked for and Node's own share is 1 GB: 1.4 GB fit with 512 MB.
    wf.add(takesMemory, { mb: 1344 });
    const events: RunEvent[] = [];
    const run = await wf.run({ outputDir: rig.output, onEvent: (event) => events.push(event) });
    expect(run.nodes[0]).toMatchObject({ state: 'executed', attempts: 2 });
    expect(events.find((event) => event.type === 'node-retried')).toMatchObject({
      failureClass: 'out-of-memory',
      memoryGb: 0.5,
    });
  },
);

test('a failed node leaves a record from which it runs again alone', async () => {
  using rig = new Rig();
  const wf = new Workflow('crash');
  const people = wf.items(['it’s 1'], { key: (label) => label });
  wf.map(unsteady, { how: people.select(() => 'throw'), file: rig.path('count'), failures: 1 });
  const events: RunEvent[] = [];
  await wf.run({ outputDir: rig.output, onEvent: (event) => events.push(event) });
  const failed = events.find((event) => event.type === 'node-failed');
  expect(failed?.rerun).toBe(`pipeline rerun 'unsteady[it’s 1]' -o ${rig.output}`);
  const record = JSON.parse(readFileSync(join(rig.output, failed?.crashPath ?? ''), 'utf8')) as Record<
    string,
    unknown
  >;
  expect(record).toMatchObject({
    format: 1,
    id: 'unsteady[it’s 1]',
    item: 'it’s 1',
    attempt: 1,
    failure: { failureClass: 'error', code: 'NODE_FAILED', message: 'not this time' },
    memory_gb: 0.25,
    timeout_ms: 60_000,
    log_tail: ['attempt 1'],
    rerun: failed?.rerun,
  });

  const rerun = (...args: string[]) =>
    spawnSync(process.execPath, [PIPELINE, 'rerun', ...args], { encoding: 'utf8' });
  const again = rerun('unsteady[it’s 1]', '-o', rig.output);
  expect(again.status, again.stderr).toBe(0);
  expect(again.stderr).toContain('attempt 2');
  expect(JSON.parse(again.stdout)).toMatchObject({
    state: 'done',
    outputs: { attempts: { kind: 'value', value: 2 } },
  });
  expect(rig.completeResults()).toBe(0);
  const unknown = rerun('nobody', '-o', rig.output);
  expect(unknown.status).toBe(2);
  expect(unknown.stderr).toMatch(/USAGE {2}run \S+ was not started by `pipeline run`/);
});

test('refresh runs everything again, no-cache takes and leaves nothing', async () => {
  using rig = new Rig();
  const wf = new Workflow('fresh');
  const first = wf.add(addOne, { x: 1 });
  wf.add(addOne, { x: first.out.y }, { id: 'second' });
  wf.add(addOne, { x: 1 }, { id: 'twin' });
  const cacheDir = rig.path('cache');
  const passing = await wf.run({ outputDir: rig.output, cacheDir, noCache: true });
  expect(passing.counts).toMatchObject({ executed: 2, reused: 1 });
  expect(existsSync(cacheDir)).toBe(false);
  expect(readdirSync(join(rig.output, '.neuroloom', 'work'))).toEqual([]);

  await wf.run({ outputDir: rig.output, cacheDir });
  expect((await wf.run({ outputDir: rig.output, cacheDir })).counts).toMatchObject({
    executed: 0,
    reused: 3,
  });
  const plan = await wf.plan({ outputDir: rig.output, cacheDir, refresh: true });
  expect(plan.entries[0]).toMatchObject({ action: 'run', reason: { kind: 'forced' } });
  const fresh = await wf.run({ outputDir: rig.output, cacheDir, refresh: true });
  // Two instances with one key are still one computation.
  expect(fresh.counts).toMatchObject({ executed: 2, reused: 1 });
});

test('a time limit cancels the run with its own exit code, and the next run goes on', async () => {
  using rig = new Rig();
  const wf = new Workflow('limited');
  wf.add(addOne, { x: 1 });
  wf.add(unsteady, { how: 'wait', file: rig.path('wait'), failures: 1 });
  const run = await wf.run({ outputDir: rig.output, timeLimitMs: 3000, graceMs: 300 });
  expect(run.exitCode).toBe(6);
  expect(run.status).toBe('cancelled');
  const next = await wf.run({ outputDir: rig.output, timeLimitMs: 2 ** 40 });
  expect(next.exitCode).toBe(0);
});
