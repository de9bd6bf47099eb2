import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RequirementError } from '../../../../src/errors.js';
import { failure } from '../../../../src/engine/failure.js';
import type { BatchPhase } from '../../../../src/engine/executors/batch-scheduler.js';
import { BatchRig, GRACE_MS, STATUS_MS } from './fake-cluster.js';

const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `fit[${i}]`);
const unsure = { kind: 'unsure', text: 'Socket timed out' } as const;

test('nodes without history share jobs by eight, in one array; the token is stored before it is submitted', async () => {
  await using rig = new BatchRig();
  const ends = ids(20).map((id) => rig.submit(id));
  const job = await rig.job(0);
  expect(job.job.elements).toBe(3);
  expect(rig.store.history.map(({ jobId }) => jobId)).toEqual([null, job.id]);
  const sizes = [6, 7, 7];
  sizes.forEach((size, element) => {
    for (let slot = 0; slot < size; slot++) rig.end(job, element, slot);
  });
  const outcomes = await Promise.all(ends);
  expect(outcomes.every(({ kind }) => kind === 'result')).toBe(true);
  expect(outcomes[0]).toMatchObject({
    ms: 5,
    peakMb: 10,
    pid: 77,
    attemptDir: join(job.job.folder, '0', '0.1'),
  });
  for (const outcome of outcomes) outcome.release?.();
  await rig.until(() => readdirSync(join(rig.root, 'batch')).length === 0);
  expect(rig.store.rows.size).toBe(0);
  expect(rig.cluster.submissions).toBe(1);
});

test('with history, nodes are packed until a job lasts a minute', async () => {
  await using rig = new BatchRig();
  rig.store.typical = 30_000;
  for (const id of ids(10)) void rig.submit(id);
  expect((await rig.job(0)).job.elements).toBe(5);
});

test('an array is no larger than the cluster and the limit of queued elements allow', async () => {
  await using rig = new BatchRig({ maxQueued: 3, packMs: 0 });
  const ends = ids(5).map((id) => rig.submit(id));
  const first = await rig.job(0);
  expect(first.job.elements).toBe(3);
  for (let element = 0; element < 3; element++) rig.end(first, element, 0);
  const second = await rig.job(1);
  expect(second.job.elements).toBe(2);
  for (let element = 0; element < 2; element++) rig.end(second, element, 0);
  await Promise.all(ends);
});

test('the limit of running elements goes over all arrays', async () => {
  await using rig = new BatchRig({ throttle: 2, packMs: 0 });
  for (const id of ids(4)) void rig.submit(id);
  const first = await rig.job(0);
  expect(first.job.throttle).toBe(2);
  void rig.submit('late');
  await rig.until(() => rig.cluster.questions > 2);
  expect(rig.cluster.submissions).toBe(1);
  for (const element of [0, 1, 2]) rig.end(first, element, 0);
  expect((await rig.job(1)).job.throttle).toBe(1);
});

test('a submission without answer that arrived is found by its token, and not repeated', async () => {
  await using rig = new BatchRig();
  rig.cluster.answers.push({ outcome: unsure, arrives: true });
  const end = rig.submit('a');
  const job = await rig.job(0);
  await rig.until(() => rig.store.rows.get(job.job.token)?.jobId === job.id);
  rig.end(job, 0, 0);
  expect((await end).kind).toBe('result');
  expect(rig.cluster.submissions).toBe(1);
});

test('a submission without answer that did not arrive is repeated under the same token, after two lists without it', async () => {
  await using rig = new BatchRig();
  rig.cluster.answers.push({ outcome: unsure });
  const end = rig.submit('a');
  const job = await rig.job(0);
  expect(rig.cluster.submissions).toBe(2);
  expect(rig.cluster.questions).toBeGreaterThanOrEqual(2);
  expect(new Set(rig.store.history.map(({ token }) => token)).size).toBe(1);
  rig.end(job, 0, 0);
  expect((await end).kind).toBe('result');
});

test('nothing is repeated while the scheduler does not answer, and it is asked more and more rarely', async () => {
  await using rig = new BatchRig();
  rig.cluster.answers.push({ outcome: unsure, arrives: true });
  rig.cluster.isDown = true;
  const end = rig.submit('a');
  await rig.until(() => rig.cluster.questions >= 3);
  const start = performance.now();
  await rig.until(() => rig.cluster.questions >= 5);
  expect(performance.now() - start).toBeGreaterThan(8 * STATUS_MS);
  expect(rig.cluster.submissions).toBe(1);
  expect(
    rig.events.filter((event) => event.type === 'warning' && /does not answer/.test(event.message)),
  ).toHaveLength(1);
  rig.cluster.isDown = false;
  rig.end(rig.cluster.jobs[0]!, 0, 0);
  expect((await end).kind).toBe('result');
});

test('a full queue is waited for', async () => {
  await using rig = new BatchRig();
  rig.cluster.answers.push({ outcome: { kind: 'later', text: 'QOSMaxSubmitJobPerUserLimit' } });
  const end = rig.submit('a');
  rig.end(await rig.job(0), 0, 0);
  expect((await end).kind).toBe('result');
  expect(rig.cluster.submissions).toBe(2);
});

test('an array that is refused for its size comes again in smaller ones', async () => {
  await using rig = new BatchRig({ packMs: 0 });
  const text = 'Invalid job array specification';
  rig.cluster.answers.push({ outcome: { kind: 'refused', because: 'array-size', text } });
  const ends = ids(4).map((id) => rig.submit(id));
  const first = await rig.job(0);
  const second = await rig.job(1);
  expect([first.job.elements, second.job.elements]).toEqual([2, 2]);
  for (const job of [first, second]) for (const element of [0, 1]) rig.end(job, element, 0);
  await Promise.all(ends);
});

test('a request that the cluster refuses at once ends the run; one that it refuses later fails its nodes', async () => {
  await using rig = new BatchRig();
  const outcome = { kind: 'refused', because: 'request', text: 'Invalid partition name specified' } as const;
  rig.cluster.answers.push({ outcome });
  const error: unknown = await rig.submit('a').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RequirementError);
  expect(String(error)).toContain('SLURM refused the job of fit: Invalid partition name specified');

  await using later = new BatchRig();
  const good = later.submit('a');
  later.end(await later.job(0), 0, 0);
  await good;
  later.cluster.answers.push({ outcome });
  expect(await later.submit('b')).toMatchObject({ kind: 'failed', failure: { failureClass: 'requirement' } });
});

test('a failure in a job is the failure of its node, with what it said', async () => {
  await using rig = new BatchRig();
  const end = rig.submit('a');
  const job = await rig.job(0);
  const cause = failure('error', 'NODE_FAILED', { message: 'the content is bad' });
  rig.end(job, 0, 0, { outcome: 'failed', failure: cause, exit: 3 });
  expect(await end).toMatchObject({ kind: 'failed', failure: cause, exit: 3 });
});

test('a node without a limit that its job had to end gets a job of its own with twice the time', async () => {
  await using rig = new BatchRig();
  const end = rig.submit('a');
  const first = await rig.job(0);
  expect(first.job).toMatchObject({ timeLimitMs: null, timeFactor: 1 });
  const cause = failure('timeout', 'TIMEOUT', { message: 'the time of the job is over' });
  rig.end(first, 0, 0, { outcome: 'failed', failure: cause });
  expect(await end).toMatchObject({ failure: { failureClass: 'timeout' } });
  const ends = [rig.submit('a'), rig.submit('b')];
  const jobs = [await rig.job(1), await rig.job(2)];
  expect(jobs.map(({ job }) => [job.elements, job.timeFactor]).sort()).toEqual([
    [1, 1],
    [1, 2],
  ]);
  for (const job of jobs) rig.end(job, 0, 0);
  await Promise.all(ends);
});

test('nodes that a job gives back go into another job, and are no longer packed', async () => {
  await using rig = new BatchRig();
  const ends = ids(3).map((id) => rig.submit(id));
  const first = await rig.job(0);
  expect(first.job.elements).toBe(1);
  rig.end(first, 0, 0);
  rig.end(first, 0, 1, { outcome: 'given-back' });
  rig.end(first, 0, 2, { outcome: 'given-back' });
  const second = await rig.job(1);
  expect(second.job.elements).toBe(2);
  rig.end(second, 0, 0);
  rig.end(second, 1, 0);
  await Promise.all(ends);
});

test('a job that died fails the node that was running; those behind it go into another job', async () => {
  await using rig = new BatchRig();
  const ends = ids(3).map((id) => rig.submit(id));
  const first = await rig.job(0);
  rig.begin(first, 0, 0);
  rig.end(first, 0, 0);
  rig.begin(first, 0, 1);
  first.phases.set(0, 'failed');
  expect(await ends[1]).toMatchObject({ kind: 'failed', failure: { failureClass: 'crashed' } });
  const second = await rig.job(1);
  rig.end(second, 0, 0);
  expect((await ends[2])?.kind).toBe('result');
});

test('a job that is listed nowhere and left nothing is lost, after a grace', async () => {
  await using rig = new BatchRig();
  const end = rig.submit('a');
  const job = await rig.job(0);
  rig.begin(job, 0, 0);
  rig.cluster.isForgetful = true;
  expect(await end).toMatchObject({
    kind: 'failed',
    failure: { failureClass: 'node-lost', code: 'NODE_LOST' },
  });
});

test('a status that appears after the job was forgotten still counts', async () => {
  await using rig = new BatchRig();
  const end = rig.submit('a');
  const job = await rig.job(0);
  rig.cluster.meanwhile.push(
    () => (rig.cluster.isForgetful = true),
    () => undefined,
    () => {
      rig.end(job, 0, 0);
    },
  );
  expect((await end).kind).toBe('result');
});

test('a job that is put back in the queue is waited for', async () => {
  await using rig = new BatchRig();
  const end = rig.submit('a');
  const job = await rig.job(0);
  rig.begin(job, 0, 0);
  const turnsTo = (phase: BatchPhase) => () => {
    job.phases.set(0, phase);
  };
  // Longer in the queue than a job without an end is waited for.
  const since = { queued: 0 };
  rig.cluster.meanwhile.push(turnsTo('lost'), () => {
    turnsTo('waiting')();
    since.queued = performance.now();
  });
  await rig.until(() => since.queued > 0 && performance.now() - since.queued > 2 * GRACE_MS);
  const asked = rig.cluster.questions;
  await rig.until(() => rig.cluster.questions >= asked + 2);
  rig.end(job, 0, 0, { attempt: 2 });
  expect(await end).toMatchObject({ kind: 'result', attemptDir: join(job.job.folder, '0', '0.2') });
});

test('a job that was asked to end and did not start again is no failure of its node', async () => {
  await using rig = new BatchRig();
  const end = rig.submit('a');
  const first = await rig.job(0);
  rig.begin(first, 0, 0);
  writeFileSync(join(first.job.folder, 'done', '0.ended'), first.id);
  first.phases.set(0, 'failed');
  rig.end(await rig.job(1), 0, 0);
  expect((await end).kind).toBe('result');
});

test('a job that is held is told once, with the command that lets it go on, and again when it is held again', async () => {
  await using rig = new BatchRig({ packMs: 0 });
  const ends = ids(2).map((id) => rig.submit(id));
  const job = await rig.job(0);
  const warnings = (): string[] =>
    rig.events.flatMap((event) => (event.type === 'warning' ? [`${event.message} | ${event.cure}`] : []));
  rig.cluster.held.add(`${job.id}_1`);
  await rig.until(() => warnings().length === 1);
  expect(warnings()).toEqual([
    'SLURM holds a job of fit (JobHeldAdmin) and starts it only when somebody releases it | ' +
      `let go on with: scontrol release ${job.id}_1`,
  ]);
  const asked = rig.cluster.questions;
  await rig.until(() => rig.cluster.questions > asked + 1);
  expect(warnings()).toHaveLength(1);
  rig.cluster.held.clear();
  const later = rig.cluster.questions;
  await rig.until(() => rig.cluster.questions > later + 1);
  rig.cluster.held.add(`${job.id}_0`).add(`${job.id}_1`);
  await rig.until(() => warnings().length === 2);
  expect(warnings()[1]).toContain('holds 2 jobs of fit');
  for (const element of [0, 1]) rig.end(job, element, 0);
  await Promise.all(ends);
});

test('a job that somebody cancelled fails its nodes', async () => {
  await using rig = new BatchRig();
  const end = rig.submit('a');
  (await rig.job(0)).phases.set(0, 'cancelled');
  expect(await end).toMatchObject({ kind: 'failed', failure: { failureClass: 'error', code: 'KILLED' } });
});

test('cancelling cancels whole jobs in one call, and what was not submitted at once', async () => {
  await using rig = new BatchRig();
  const ends = ids(10).map((id) => rig.submit(id));
  const job = await rig.job(0);
  const late = rig.submit('late');
  for (const id of [...ids(10), 'late']) rig.executor.cancel(id, false);
  for (const outcome of await Promise.all([...ends, late])) {
    expect(outcome).toMatchObject({ kind: 'failed', failure: { failureClass: 'cancelled' } });
  }
  expect(rig.cluster.cancelled).toEqual([
    { token: job.job.token, name: 'fit', jobId: job.id, elements: null },
  ]);
});

test('a submission that is under way when the run is cancelled is cancelled by its token or number', async () => {
  await using rig = new BatchRig();
  rig.cluster.answers.push({ outcome: unsure, arrives: true });
  rig.cluster.isDown = true;
  const end = rig.submit('a');
  const job = await rig.job(0);
  await rig.until(() => rig.events.some((event) => event.type === 'warning'));
  rig.executor.cancel('a', false);
  expect((await end).kind).toBe('failed');
  expect(rig.cluster.cancelled).toEqual([{ token: job.job.token, name: 'fit', jobId: null, elements: null }]);
});

test('the next run takes over what finished, waits for what runs, and submits again what was lost', async () => {
  await using rig = new BatchRig({ packMs: 0 });
  for (const id of ids(3)) void rig.submit(id);
  const first = await rig.job(0);
  // The parent dies here: its executor does nothing any more.
  await rig.executor.close();
  rig.end(first, 0, 0);
  rig.begin(first, 1, 0);
  first.phases.set(0, 'completed');
  first.phases.set(2, 'lost');
  rig.open('run-2');
  expect(rig.store.adopted).toEqual([join(first.job.folder, '0', '0.1')]);
  expect(rig.events.at(-1)).toMatchObject({ type: 'jobs-adopted', jobs: 1, nodes: 2 });
  const running = rig.submit('fit[1]');
  const lost = rig.submit('fit[2]');
  rig.end(first, 1, 0);
  expect(await running).toMatchObject({ kind: 'result', attemptDir: join(first.job.folder, '1', '0.1') });
  const second = await rig.job(1);
  expect(second.job.elements).toBe(1);
  rig.end(second, 0, 0);
  expect((await lost).kind).toBe('result');
  expect(rig.cluster.submissions).toBe(2);
});

test('a run that died before its submission was known finds the job by its token', async () => {
  await using rig = new BatchRig();
  rig.cluster.answers.push({ outcome: unsure, arrives: true });
  rig.cluster.isDown = true;
  void rig.submit('a');
  const job = await rig.job(0);
  await rig.executor.close();
  rig.cluster.isDown = false;
  rig.open('run-2');
  const end = rig.submit('a');
  rig.begin(job, 0, 0);
  await rig.until(() => rig.executor.states().get('a') === 'running');
  rig.end(job, 0, 0);
  expect((await end).kind).toBe('result');
  expect(rig.cluster.submissions).toBe(1);
});

test('folders of a live run are left alone', async () => {
  await using rig = new BatchRig();
  void rig.submit('a');
  const job = await rig.job(0);
  await rig.executor.close();
  rig.end(job, 0, 0);
  rig.open('run-2', 'run-1');
  expect(rig.store.adopted).toEqual([]);
  expect(existsSync(job.job.folder)).toBe(true);
  expect(rig.events.some((event) => event.type === 'jobs-adopted')).toBe(false);
});

test('where the folder is not seen by the machines, the run ends before anything ran', async () => {
  await using rig = new BatchRig();
  const end = rig.submit('a').catch((thrown: unknown) => thrown);
  const job = await rig.job(0);
  writeFileSync(
    join(job.job.folder, 'done', '0.refused'),
    'Node.js is neither /opt/node nor on the PATH of node1\n',
  );
  const error = await end;
  expect(error).toBeInstanceOf(RequirementError);
  expect(String(error)).toContain('Node.js is neither /opt/node nor on the PATH of node1');
  expect(existsSync(job.job.folder)).toBe(true);
});
