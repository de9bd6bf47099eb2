import { createHash } from 'node:crypto';
import { getEventListeners } from 'node:events';
import {
  type Dirent,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  inputFile,
  StopController,
  Workflow,
  type NodeDefinition,
  type NodeReport,
  type PlanRequest,
  type RunEvent,
} from 'neuroloom';
import { describe, expect, test } from 'vitest';
import { isAlive, Rig, until } from './rig.js';

type Nodes = Record<
  'map' | 'addOne' | 'settle' | 'signOf' | 'upper' | 'concat' | 'train' | 'threads' | 'waits',
  NodeDefinition<never, Record<string, never>>
>;
const { map, addOne, settle, signOf, upper, concat, train, threads, waits } = (await import(
  './fixtures/nodes.mjs' as string
)) as Nodes;

/** Files in capitals, put together; published under the name of each and as one. */
function texts(rig: Rig, names: readonly string[], minItems?: number): Workflow {
  const wf = new Workflow('texts');
  const files = wf.items(names, { key: (name) => name });
  const each = wf.map(upper, {
    source: files.select((name) => inputFile(join(rig.input, `${name}.txt`))),
  } as never);
  const all = wf.add(concat, {
    texts: wf.join(each.out['text'] as never, minItems === undefined ? {} : { minItems }),
    dropped: wf.dropped(each.out['text'] as never),
  } as never);
  wf.publish(each.out['text'] as never, (key) => `each/${key}.txt`);
  wf.publish(all.out['text'] as never, 'all.txt', { group: 'atlas' });
  wf.publish(all.out['labels'] as never, 'labels.txt', { group: 'atlas' });
  return wf;
}

const THREE = { 'a.txt': 'one\n', 'b.txt': 'two\n', 'c.txt': 'three\n' };

test('a second run executes nothing; a changed file reruns what depends on it, and the plan says so', async () => {
  using rig = new Rig(THREE);
  const names = ['a', 'b', 'c'];
  const first = await texts(rig, names).run({ outputDir: rig.output, jobs: 1 });
  expect(first).toMatchObject({ status: 'done', exitCode: 0, counts: { executed: 4, reused: 0 } });
  expect(rig.executed()).toEqual(['concat', 'upper one', 'upper three', 'upper two']);
  expect(rig.published('all.txt')).toBe('ONE\nTWO\nTHREE\n');
  expect(first.published).toHaveLength(5);

  const second = await texts(rig, names).run({ outputDir: rig.output, jobs: 1 });
  expect(second.counts).toMatchObject({ executed: 0, reused: 4 });
  expect(rig.executed()).toEqual([]);

  rig.write('b.txt', 'second\n');
  const plan = await texts(rig, names).plan({ outputDir: rig.output });
  expect(plan.counts).toEqual({ run: 1, reuse: 2, 'may-run': 1, 'not-run': 0 });
  expect(plan.entries.find(({ id }) => id === 'upper[b]')).toMatchObject({
    action: 'run',
    reason: { kind: 'input', port: 'source' },
  });
  expect(plan.entries.find(({ id }) => id === 'concat')).toMatchObject({
    action: 'may-run',
    reason: { kind: 'upstream', port: 'texts', instance: 'upper[b]' },
  });
  expect(rig.published('each/b.txt')).toBe('TWO\n');

  const third = await texts(rig, names).run({ outputDir: rig.output, jobs: 1 });
  expect(rig.executed()).toEqual(['concat', 'upper second']);
  expect(third.nodes.find(({ id }) => id === 'concat')?.reason).toMatchObject({
    kind: 'input',
    port: 'texts[1]',
    instance: 'upper[b]',
  });
  expect(rig.published('all.txt')).toBe('ONE\nSECOND\nTHREE\n');
  expect(rig.published('each/b.txt')).toBe('SECOND\n');
});

test('a plan writes nothing, not even directories', async () => {
  using rig = new Rig(THREE);
  const plan = await texts(rig, ['a', 'b', 'c']).plan({ outputDir: rig.output });
  expect(plan.counts).toEqual({ run: 3, reuse: 0, 'may-run': 1, 'not-run': 0 });
  expect(plan.entries[0]).toMatchObject({ id: 'upper[a]', reason: { kind: 'new' } });
  expect(existsSync(rig.output)).toBe(false);
});

test('a node leaves its outputs and two files at most; a study that moves as a whole executes nothing', async () => {
  using rig = new Rig(THREE);
  const names = ['a', 'b', 'c'];
  await texts(rig, names).run({ outputDir: rig.output, jobs: 1 });
  expect(rig.executed()).toHaveLength(4);
  const objects = join(rig.output, '.neuroloom', 'cache', 'objects');
  const files = (readdirSync(objects, { recursive: true, withFileTypes: true }) as Dirent[]).filter((entry) =>
    entry.isFile(),
  );
  // Four nodes, one of them with two outputs.
  expect(files.length).toBeLessThanOrEqual(4 * 2 + 5);
  expect(rig.leftovers()).toEqual([]);

  mkdirSync(rig.path('elsewhere'));
  for (const name of ['in', 'out']) renameSync(rig.path(name), rig.path(`elsewhere/${name}`));
  const moved = { input: rig.path('elsewhere/in') } as Rig;
  const run = await texts(moved, names).run({ outputDir: rig.path('elsewhere/out'), jobs: 1 });
  expect(rig.executed()).toEqual([]);
  expect(run.counts).toMatchObject({ executed: 0, reused: 4 });
});

function signs(x: number): Workflow {
  const wf = new Workflow('signs');
  const plus = wf.add(addOne, { x } as never);
  const sign = wf.add(signOf, { x: plus.out['y'] } as never);
  wf.add(addOne, { x: sign.out['sign'] } as never, { id: 'after' });
  return wf;
}

test('a node whose result stays the same stops the recomputation there', async () => {
  using rig = new Rig();
  await signs(1).run({ outputDir: rig.output, jobs: 1 });
  rig.executed();
  const run = await signs(41).run({ outputDir: rig.output, jobs: 1 });
  expect(rig.executed()).toEqual(['add_one 41', 'sign_of 42']);
  expect(run.nodes.map(({ id, state }) => `${id} ${state}`)).toEqual([
    'add_one executed',
    'sign_of executed',
    'after reused',
  ]);
});

test('each reason is told: parameter, seed, forced', async () => {
  using rig = new Rig();
  const { outputDir } = { outputDir: rig.output };
  await signs(1).run({ outputDir });
  const reasonOf = async (x: number, options: Partial<PlanRequest>): Promise<unknown> =>
    (await signs(x).plan({ outputDir, ...options })).entries[0]?.reason;
  expect(await reasonOf(1, {})).toBeNull();
  expect(await reasonOf(2, {})).toEqual({ kind: 'params', port: 'x', before: '1', after: '2' });
  expect(await reasonOf(1, { seed: 7 })).toEqual({ kind: 'seed', before: '0', after: '7' });
  expect(await reasonOf(1, { forceNodes: ['add_one'] })).toEqual({ kind: 'forced', by: 'force-node' });
  expect(await reasonOf(1, { refresh: true })).toEqual({ kind: 'forced', by: 'refresh' });
  expect(await reasonOf(1, { noCache: true })).toEqual({ kind: 'not-cacheable' });
  await expect(signs(1).plan({ outputDir, forceNodes: ['nobody'] })).rejects.toMatchObject({
    message: 'there is no node nobody to force',
    cure: 'use one of: add_one, sign_of, after',
  });
});

test('the reason names the setting that changed inside a parameter, also where the parameter is long', async () => {
  using rig = new Rig();
  const { outputDir } = { outputDir: rig.output };
  const graph = (epochs: number, note: string): Workflow => {
    const wf = new Workflow('settings');
    wf.add(settle, { settings: { note, optimizer: { epochs, lr: 0.1 } } } as never);
    return wf;
  };
  const reasonOf = async (epochs: number, note: string): Promise<unknown> =>
    (await graph(epochs, note).plan({ outputDir })).entries[0]?.reason;
  for (const note of ['short', 'long '.repeat(100)]) {
    await graph(150, note).run({ outputDir });
    const reason = { kind: 'params', port: 'settings', setting: 'optimizer.epochs' };
    expect(await reasonOf(200, note)).toEqual({ ...reason, before: '150', after: '200' });
  }
  expect(await reasonOf(200, 'short')).toMatchObject({ setting: 'note', others: 1 });
});

test('a result whose file is lost or changed runs again, and the reason names the file', async () => {
  using rig = new Rig(THREE);
  const { outputDir } = { outputDir: rig.output };
  const reason = async (): Promise<unknown> =>
    (await texts(rig, ['a']).plan({ outputDir })).entries[0]?.reason;
  const { nodes } = await texts(rig, ['a']).run({ outputDir });
  const key = nodes[0]?.key as string;
  const file = join(outputDir, '.neuroloom/cache/objects', key.slice(0, 2), key, 'out/upper.txt');
  chmodSync(file, 0o644);
  const brief = (content: string): string =>
    `${createHash('sha256').update(content).digest('hex').slice(0, 12)}, ${content.length} bytes`;
  const before = brief('ONE\n');
  writeFileSync(file, 'forg');
  const changed = { kind: 'output-changed', path: 'upper.txt', before };
  expect(await reason()).toEqual({ ...changed, after: brief('forg') });
  writeFileSync(file, 'forged');
  expect(await reason()).toEqual({ ...changed, after: '6 bytes' });
  rmSync(file);
  expect(await reason()).toEqual({ kind: 'output-missing', path: 'upper.txt', before });
  const run = await texts(rig, ['a']).run({ outputDir });
  expect(run.nodes.map(({ state }) => state)).toEqual(['executed', 'reused']);
  expect(rig.published('all.txt')).toBe('ONE\n');
});

test('a forced node runs, and its dependants only when its result changed', async () => {
  using rig = new Rig();
  await signs(1).run({ outputDir: rig.output, jobs: 1 });
  rig.executed();
  const run = await signs(1).run({ outputDir: rig.output, forceNodes: ['add_one'] });
  expect(rig.executed()).toEqual(['add_one 1']);
  expect(run.counts).toMatchObject({ executed: 1, reused: 2 });
});

test('an item that skips itself is dropped by a join that may lose it, and stays cached', async () => {
  using rig = new Rig(THREE);
  const names = ['a', 'b', 'c', 'gone'];
  const events: RunEvent[] = [];
  const run = await texts(rig, names, 2).run({
    outputDir: rig.output,
    onEvent: (event) => events.push(event),
  });
  expect(run).toMatchObject({ status: 'done', exitCode: 0, counts: { executed: 4, skipped: 1 } });
  expect(rig.published('labels.txt')).toBe('gone: the file is missing\n');
  expect(events).toContainEqual({
    type: 'node-skipped',
    id: 'upper[gone]',
    reason: 'the file is missing',
    reused: false,
  });
  rig.executed();
  const again = await texts(rig, names, 2).run({ outputDir: rig.output, jobs: 1 });
  expect(again.counts).toMatchObject({ executed: 0, reused: 4, skipped: 1 });
  expect(rig.executed()).toEqual([]);
});

test('a failure that the join allows ends in 4; what is published lacks it', async () => {
  using rig = new Rig({ ...THREE, 'bad.txt': 'fail\n' });
  const run = await texts(rig, ['a', 'b', 'bad', 'c'], 2).run({ outputDir: rig.output, jobs: 1 });
  expect(run).toMatchObject({ status: 'done-with-failures', exitCode: 4, counts: { failed: 1 } });
  expect(rig.published('all.txt')).toBe('ONE\nTWO\nTHREE\n');
  expect(rig.published('labels.txt')).toBe('bad: the content is fail\n');
  expect(existsSync(join(rig.output, 'each/bad.txt'))).toBe(false);
});

describe('nodes that no join takes, below a failure that one allows', () => {
  /** `upper` of each name, joined; beside that `side` on each and `below` on that, as `wire` says. */
  function withSides(rig: Rig, wire: (wf: Workflow, each: never) => void): Workflow {
    const wf = new Workflow('sides');
    const names = wf.items(['a', 'b', 'bad', 'c'], { key: (name) => name });
    const source = names.select((name) => inputFile(join(rig.input, `${name}.txt`)));
    const each = wf.map(upper, { source } as never).out['text'] as never;
    const all = wf.add(concat, { texts: wf.join(each, { minItems: 2 }), dropped: [] } as never);
    wf.publish(all.out['text'] as never, 'all.txt', { group: 'sides' });
    wire(wf, each);
    return wf;
  }
  const states = (run: { nodes: readonly NodeReport[] }) =>
    Object.fromEntries(run.nodes.map(({ id, state }) => [id, state]));

  test('are lost with their item: exit 4, and what is published together lacks them', async () => {
    using rig = new Rig({ ...THREE, 'bad.txt': 'fail\n' });
    const wf = withSides(rig, (sides, each) => {
      const side = sides.map(upper, { source: each } as never, { id: 'side' });
      const below = sides.map(upper, { source: side.out['text'] } as never, { id: 'below' });
      sides.publish(below.out['text'] as never, (key) => `below/${key}.txt`, { group: 'sides' });
    });
    const run = await wf.run({ outputDir: rig.output, jobs: 1 });
    expect(run).toMatchObject({
      status: 'done-with-failures',
      exitCode: 4,
      counts: { failed: 1, notStarted: 2 },
    });
    expect(states(run)).toMatchObject({
      'side[bad]': 'not-started',
      'below[bad]': 'not-started',
    });
    expect(rig.published('all.txt')).toBe('ONE\nTWO\nTHREE\n');
    expect(rig.published('below/c.txt')).toBe('THREE\n');
    expect(existsSync(join(rig.output, 'below/bad.txt'))).toBe(false);
  });

  test('are failures of the run where they are of the whole run, or of other items', async () => {
    using rig = new Rig({ ...THREE, 'bad.txt': 'fail\n' });
    const ofAll = withSides(rig, (wf, each) => {
      wf.add(upper, { source: wf.pick(each, 'bad') } as never, { id: 'side' });
    });
    expect(await ofAll.run({ outputDir: rig.output, jobs: 1 })).toMatchObject({
      status: 'failed',
      exitCode: 1,
    });
    const ofOthers = withSides(rig, (wf, each) => {
      const others = wf.items(['d', 'e'], { key: (name) => name });
      wf.map(upper, { source: others.select(() => wf.pick(each, 'bad')) } as never, { id: 'side' });
    });
    expect(await ofOthers.run({ outputDir: rig.output, jobs: 1 })).toMatchObject({
      status: 'failed',
      exitCode: 1,
    });
  });
});

test('too few items fail the consumer with the reasons of the missing ones', async () => {
  using rig = new Rig({ 'a.txt': 'one\n', 'bad.txt': 'fail\n' });
  const run = await texts(rig, ['a', 'bad', 'gone'], 2).run({ outputDir: rig.output, jobs: 1 });
  expect(run).toMatchObject({ status: 'failed', exitCode: 1 });
  const consumer = run.nodes.find(({ id }) => id === 'concat');
  expect(consumer).toMatchObject({ state: 'failed', error: { failureClass: 'requirement' } });
  expect(consumer?.error?.message).toBe(
    '1 of 3 items are there, at least 2 are needed: upper[bad]: the content is fail; upper[gone]: the file is missing',
  );
  expect(existsSync(join(rig.output, 'all.txt'))).toBe(false);
});

test('without a minimum a skipped item is an error of the consumer, a failed one stops it', async () => {
  using rig = new Rig({ 'a.txt': 'one\n', 'bad.txt': 'fail\n' });
  const skipped = await texts(rig, ['a', 'gone']).run({ outputDir: rig.output, jobs: 1 });
  expect(skipped.nodes.find(({ id }) => id === 'concat')?.error?.failureClass).toBe('requirement');
  const failed = await texts(rig, ['a', 'bad']).run({ outputDir: rig.output, jobs: 1 });
  expect(failed.nodes.find(({ id }) => id === 'concat')).toMatchObject({
    state: 'not-started',
    because: 'upper[bad] failed',
  });
});

test('mapped dependants of a skipped item are skipped too', async () => {
  using rig = new Rig({ 'a.txt': 'one\n' });
  const wf = new Workflow('skips');
  const files = wf.items(['a', 'gone'], { key: (name) => name });
  const first = wf.map(upper, {
    source: files.select((name) => inputFile(join(rig.input, `${name}.txt`))),
  } as never);
  wf.map(upper, { source: first.out['text'] } as never, { id: 'again' });
  const run = await wf.run({ outputDir: rig.output, jobs: 1 });
  expect(run.exitCode).toBe(0);
  expect(run.nodes.find(({ id }) => id === 'again[gone]')).toMatchObject({
    state: 'skipped',
    because: 'upstream skipped: upper[gone]: the file is missing',
  });
});

test('published files that were deleted or changed are repaired without running a node', async () => {
  using rig = new Rig(THREE);
  const names = ['a', 'b', 'c'];
  await texts(rig, names).run({ outputDir: rig.output, jobs: 1 });
  rig.executed();
  rmSync(join(rig.output, 'each/a.txt'));
  writeFileSync(join(rig.output, 'all.txt'), 'somebody wrote here');
  const fresh: string[] = [];
  await texts(rig, names).run({
    outputDir: rig.output,
    onEvent: (event) => {
      if (event.type === 'published' && event.fresh) fresh.push(event.path);
    },
  });
  expect(fresh.sort()).toEqual(['all.txt', 'each/a.txt']);
  expect(rig.published('each/a.txt')).toBe('ONE\n');
  expect(rig.published('all.txt')).toBe('ONE\nTWO\nTHREE\n');
  expect(rig.executed()).toEqual([]);
});

test('a place that cannot be published to is an error with path and cure; nothing half-written is left', async () => {
  using rig = new Rig(THREE);
  mkdirSync(rig.output);
  writeFileSync(join(rig.output, 'each'), 'a file where a directory should be');
  await expect(texts(rig, ['a', 'b', 'c']).run({ outputDir: rig.output, jobs: 1 })).rejects.toMatchObject({
    code: 'IO_DENIED',
    cure: expect.stringContaining('output directory (-o)') as string,
  });
  expect(rig.published('all.txt')).toBe('ONE\nTWO\nTHREE\n');
  expect(rig.leftovers()).toEqual([]);
});

test('a resumable node that is killed goes on from its checkpoint in the next run', async () => {
  using rig = new Rig();
  mkdirSync(rig.path('once'));
  const build = (every: number): Workflow => {
    const wf = new Workflow('training');
    wf.add(train, { die: rig.path('once'), checkpointEvery: every } as never);
    return wf;
  };
  const first = await build(1).run({ outputDir: rig.output, retries: 0 });
  expect(first.nodes[0]?.error?.failureClass).toBe('killed');
  // What only steers checkpoints is not part of the key.
  const second = await build(2).run({ outputDir: rig.output, jobs: 1 });
  expect(second.exitCode).toBe(0);
  expect(rig.executed()).toEqual(['train from 0', 'train from 5']);
  expect(rig.leftovers()).toEqual([]);
});

test('a node is told its threads, and tools read them from the environment', async () => {
  using rig = new Rig();
  const wf = new Workflow('threads');
  const told = wf.add(threads, {} as never);
  wf.add(addOne, { x: told.out['cpus'] } as never);
  const run = await wf.run({ outputDir: rig.output, cpus: 2, seed: 11 });
  expect(run.exitCode).toBe(0);
  const { key } = run.nodes[0] as { key: string };
  const record = JSON.parse(
    readFileSync(join(rig.output, '.neuroloom/cache/objects', key.slice(0, 2), key, 'result.json'), 'utf8'),
  ) as { outputs: unknown };
  expect(record.outputs).toMatchObject({ cpus: { value: 2 }, omp: { value: '2' }, seed: { value: 11 } });
});

function waiting(marks: readonly string[], gate: string): Workflow {
  const wf = new Workflow('waiting');
  const items = wf.items(marks, { key: (mark) => mark.slice(mark.lastIndexOf('/') + 1) });
  const first = wf.map(waits, { ms: 0, mark: items, gate, x: 1 } as never);
  wf.map(addOne, { x: first.out['y'] } as never);
  return wf;
}

test('the first stop lets running nodes finish, the second cancels, and the next run goes on', async () => {
  using rig = new Rig();
  const marks = [rig.path('m1'), rig.path('m2'), rig.path('m3')];
  const drained = new StopController();
  const gate = rig.path('gate');
  const run = waiting(marks, gate).run({ outputDir: rig.output, jobs: 1, signal: drained.signal });
  await until('a node runs', () => marks.some((mark) => existsSync(mark)));
  drained.escalate();
  writeFileSync(gate, '');
  expect(await run).toMatchObject({
    status: 'cancelled',
    exitCode: 130,
    counts: { executed: 1, notStarted: 5 },
  });

  const cancelled = new StopController();
  const told: RunEvent[] = [];
  const long = waiting(marks, rig.path('never')).run({
    outputDir: rig.output,
    jobs: 2,
    signal: cancelled.signal,
    onEvent: (event) => told.push(event),
  });
  marks.forEach((mark) => {
    rmSync(mark, { force: true });
  });
  await until('a node runs', () => marks.some((mark) => existsSync(mark)));
  cancelled.escalate();
  cancelled.escalate();
  const ended = await long;
  expect(ended.exitCode).toBe(130);
  const ids = ended.nodes.filter(({ state }) => state === 'cancelled').map(({ id }) => id);
  expect(ids).not.toEqual([]);
  const cancelledIds = told.flatMap((event) => (event.type === 'node-cancelled' ? [event.id] : []));
  expect(cancelledIds.sort()).toEqual(ids.sort());

  const last = await waiting(marks, gate).run({ outputDir: rig.output, jobs: 2 });
  expect(last).toMatchObject({ exitCode: 0, counts: { total: 6 } });
});

test('a run beside another says once that it waits, and takes the result over', async () => {
  using rig = new Rig();
  const mark = rig.path('m1');
  const one = (): Workflow => {
    const wf = new Workflow('one');
    wf.add(waits as NodeDefinition, { ms: 0, mark, gate: rig.path('gate'), x: 1 });
    return wf;
  };
  const first = one().run({ outputDir: rig.output, jobs: 1 });
  await until('the node runs', () => existsSync(mark));
  const told: string[] = [];
  const second = one().run({
    outputDir: rig.output,
    onEvent: ({ type }) => {
      told.push(type);
      if (type === 'node-waiting') writeFileSync(rig.path('gate'), '');
    },
  });
  expect(await first).toMatchObject({ exitCode: 0, counts: { executed: 1 } });
  expect(await second).toMatchObject({ exitCode: 0, counts: { executed: 0, reused: 1 } });
  expect(told).toEqual(['run-started', 'node-waiting', 'node-adopted', 'run-finished']);
});

test('the third stop kills: a node that ignores the first two is gone with its tool, and the run ends', async () => {
  using rig = new Rig();
  const mark = rig.path('mark');
  const stop = new StopController();
  const wf = new Workflow('deaf');
  wf.add(waits as NodeDefinition, { ms: 60_000, mark, busy: true, x: 1 });
  const run = wf.run({ outputDir: rig.output, signal: stop.signal, graceMs: 30_000 });
  const pids = (): number[] =>
    existsSync(mark) ? readFileSync(mark, 'utf8').trim().split(' ').map(Number) : [];
  await until('the node runs', () => pids().length === 2);
  stop.escalate();
  stop.escalate();
  stop.escalate();
  expect(await run).toMatchObject({ status: 'cancelled', exitCode: 130 });
  await until('its processes are gone', () => !pids().some(isAlive));
  expect(rig.leftovers()).toEqual([]);
});

test('a listener that throws ends the run with its error, and the next run goes on', async () => {
  using rig = new Rig(THREE);
  const broken = texts(rig, ['a', 'b', 'c']).run({
    outputDir: rig.output,
    onEvent: (event) => {
      if (event.type === 'node-done') throw new Error('my progress bar broke');
    },
  });
  await expect(broken).rejects.toThrow('my progress bar broke');
  expect(rig.leftovers()).toEqual([]);
  expect((await texts(rig, ['a', 'b', 'c']).run({ outputDir: rig.output, jobs: 1 })).exitCode).toBe(0);
});

test('the collector may work while a run waits', async () => {
  using rig = new Rig();
  const { code, stdout, stderr } = await rig.spawn('collected.mjs', [rig.output]);
  expect([code, stdout.trim()], stderr).toEqual([0, 'collected']);
});

test('a signal that serves many runs keeps no listeners of them', async () => {
  using rig = new Rig();
  const { signal } = new AbortController();
  await signs(1).run({ outputDir: rig.output, signal });
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('blanks, quotes and line breaks in directories and keys are only characters', async () => {
  using rig = new Rig();
  const outputDir = rig.path('o u"t\'s\nnext $(x)');
  const wf = new Workflow('letters');
  const keys = ["it's", 'a b', '$(id)'];
  const files = wf.items(keys, { key: (key) => key });
  keys.forEach((key) => rig.write(`${key}.txt`, `${key}\n`));
  const each = wf.map(upper, {
    source: files.select((key) => inputFile(join(rig.input, `${key}.txt`))),
  } as never);
  wf.publish(each.out['text'] as never, (key) => `each/${key}.txt`);
  expect((await wf.run({ outputDir })).exitCode).toBe(0);
  expect(readdirSync(join(outputDir, 'each')).sort()).toEqual(
    keys.flatMap((key) => [`${key}.json`, `${key}.txt`]).sort(),
  );
});

test('an AbortSignal cancels', async () => {
  using rig = new Rig();
  const abort = new AbortController();
  const run = waiting([rig.path('m1')], rig.path('never')).run({
    outputDir: rig.output,
    signal: abort.signal,
  });
  await until('a node runs', () => existsSync(rig.path('m1')));
  abort.abort();
  expect((await run).exitCode).toBe(130);
});

test.each(['keep-going', 'finish-running', 'stop'] as const)(
  'after a failure, %s starts what it should',
  async (onFailure) => {
    using rig = new Rig({ 'bad.txt': 'fail\n', 'x.txt': 'x\n', 'y.txt': 'y\n', 'z.txt': 'z\n' });
    const wf = new Workflow('modes');
    const files = wf.items(['bad', 'x', 'y', 'z'], { key: (name) => name });
    wf.map(upper, { source: files.select((name) => inputFile(join(rig.input, `${name}.txt`))) } as never);
    const happened: string[] = [];
    const run = await wf.run({
      outputDir: rig.output,
      jobs: 1,
      onFailure,
      onEvent: ({ type }) => happened.push(type),
    });
    expect(run.exitCode).toBe(1);
    // Which of the four is ready first depends on whose file was digested first.
    const startedAfter = happened
      .slice(happened.indexOf('node-failed'))
      .filter((type) => type === 'node-started');
    const notStarted = run.nodes.filter(({ state }) => state === 'not-started');
    if (onFailure === 'keep-going') {
      expect(happened.filter((type) => type === 'node-started')).toHaveLength(4);
      expect(notStarted).toEqual([]);
    } else {
      expect(startedAfter).toEqual([]);
      expect(notStarted).toHaveLength(4 - happened.filter((type) => type === 'node-started').length);
      for (const { because } of notStarted)
        expect(because).toBe('the run was stopped after upper[bad] failed');
    }
  },
);

test('two instances with one key are computed once', async () => {
  using rig = new Rig();
  const wf = new Workflow('twins');
  const items = wf.items(['a', 'b', 'c'], { key: (key) => key });
  wf.map(addOne, { x: items.select(() => 5) } as never);
  const run = await wf.run({ outputDir: rig.output, jobs: 2 });
  expect(rig.executed()).toEqual(['add_one 5']);
  expect(run.counts).toMatchObject({ executed: 1, reused: 2 });
});

test('several runs at once on one cache, also of another workflow, compute each key once and agree', async () => {
  using rig = new Rig({ 'ka.txt': 'alpha\n', 'kb.txt': 'beta\n' });
  const runs = [1, 2, 3].map((i) =>
    rig.spawn('scenario.mjs', [rig.input, join(rig.root, `out${i}`)], {
      env: { NEUROLOOM_CACHE_DIR: rig.path('cache'), ...(i === 3 ? { TEST_WORKFLOW: 'other' } : {}) },
    }),
  );
  for (const run of await Promise.all(runs)) expect(run.code, run.stderr).toBe(0);
  const lines = rig.executed();
  expect(lines).toEqual([...new Set(lines)]);
  for (const i of [1, 2, 3]) {
    expect(readFileSync(join(rig.root, `out${i}`, 'all.txt'), 'utf8')).toBe('ALPHA\nBETA\n');
  }
});

test('numbers that are not finite are told and counted, or fail their node', async () => {
  using rig = new Rig();
  const wf = new Workflow('maps');
  const lists = wf.items([[1, null], [null]], { key: (list) => `n${list.length}` });
  wf.map(map, { numbers: lists } as never);
  const events: RunEvent[] = [];
  const run = await wf.run({ outputDir: rig.output, onEvent: (event) => events.push(event) });
  expect(run.exitCode).toBe(1);
  expect(events.find(({ type }) => type === 'node-log')).toMatchObject({
    ...{ id: 'map[n2]', level: 'warn', message: '1 of 2 numbers of output map.map are not finite' },
  });
  expect(events.find(({ type }) => type === 'node-failed')).toMatchObject({
    ...{ id: 'map[n1]', failureClass: 'output-invalid', code: 'OUTPUT_INVALID' },
  });
  const objects = join(rig.output, '.neuroloom', 'cache', 'objects');
  const record = (readdirSync(objects, { recursive: true }) as string[]).find((name) =>
    name.endsWith('/result.json'),
  );
  const { outputs } = JSON.parse(readFileSync(join(objects, record as string), 'utf8')) as {
    outputs: object;
  };
  expect(outputs).toMatchObject({ map: { kind: 'file', finite: 0.5 } });
});

test('the log of a run holds its configuration and every event', async () => {
  using rig = new Rig();
  const run = await signs(1).run({ outputDir: rig.output, config: { atlas: { min_subjects: 2 } } });
  const folder = join(rig.output, 'logs', run.runId);
  expect(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))).toEqual({
    atlas: { min_subjects: 2 },
  });
  const types = readFileSync(join(folder, 'events.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as RunEvent).type);
  expect(types[0]).toBe('run-started');
  expect(types.at(-1)).toBe('run-finished');
  expect(types.filter((type) => type === 'node-done')).toHaveLength(3);
});
