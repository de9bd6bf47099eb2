import { join } from 'node:path';
import {
  defineSubworkflow,
  inputFile,
  port,
  Workflow,
  z,
  type NodeReport,
  type RunEvent,
  type RunResult,
} from 'neuroloom';
import { expect, test } from 'vitest';
import { Rig } from './rig.js';

// The fixtures are plain JavaScript, as nodes of users are.
const { add, capitals, double, fails, isPositive, readNumbers, splitLines, tell, total } =
  await import('./fixtures/authoring-nodes.mjs');

function states(run: RunResult): Record<string, NodeReport['state']> {
  return Object.fromEntries(run.nodes.map(({ id, state }) => [id, state]));
}

function because(run: RunResult, id: string): string | null {
  const report = run.nodes.find((node) => node.id === id);
  return report?.because ?? report?.error?.message ?? null;
}

/** Numbers of a file, doubled one by one, and their sum. */
function doubled(rig: Rig): Workflow {
  const wf = new Workflow('doubled');
  const read = wf.add(readNumbers, { source: inputFile(join(rig.input, 'numbers.txt')) });
  const numbers = wf.expand(read.out.numbers, { key: (x) => `n${x}` });
  const twice = wf.map(double, { x: numbers });
  const again = wf.map(double, { x: twice.out.y }, { id: 'again' });
  const sum = wf.add(total, { numbers: wf.join(again.out.y) });
  wf.publish(sum.out.file, 'total.txt');
  return wf;
}

test('items that the run makes known: in key order, early cut-off, resume, and no items at all', async () => {
  using rig = new Rig({ 'numbers.txt': '3 1 2' });
  const events: RunEvent[] = [];
  const first = await doubled(rig).run({ outputDir: rig.output, onEvent: (event) => events.push(event) });
  expect(first.exitCode).toBe(0);
  expect(first.nodes.map(({ id }) => id)).toEqual([
    'read_numbers',
    'double[n1]',
    'double[n2]',
    'double[n3]',
    'again[n1]',
    'again[n2]',
    'again[n3]',
    'total',
  ]);
  expect(rig.published('total.txt')).toBe('4 8 12');
  expect(events).toContainEqual({ type: 'nodes-added', because: 'read_numbers', added: 7, nodes: 8 });
  rig.executed();

  const second = await doubled(rig).run({ outputDir: rig.output, jobs: 1 });
  expect(second.counts).toMatchObject({ total: 8, executed: 0, reused: 8 });
  expect((await doubled(rig).plan({ outputDir: rig.output })).counts).toMatchObject({
    reuse: 8,
    'may-run': 0,
  });

  // Another list in another order: what was computed for its numbers stays.
  rig.write('numbers.txt', '1 2 3 5');
  const plan = await doubled(rig).plan({ outputDir: rig.output });
  expect(plan.entries.map(({ id, action }) => `${action} ${id}`)).toEqual([
    'run read_numbers',
    'may-run double[*]',
    'may-run again[*]',
    'may-run total',
  ]);
  expect(plan.entries[1]?.reason).toEqual({ kind: 'upstream', port: 'numbers', instance: 'read_numbers' });
  const third = await doubled(rig).run({ outputDir: rig.output, jobs: 1 });
  expect(third.counts).toMatchObject({ total: 10, reused: 6, executed: 4 });
  expect(rig.executed()).toEqual(['double 10', 'double 5', 'read_numbers', 'total']);
  expect(rig.published('total.txt')).toBe('4 8 12 20');

  rig.write('numbers.txt', '');
  const empty = await doubled(rig).run({ outputDir: rig.output, jobs: 1 });
  expect(empty.exitCode).toBe(0);
  expect(empty.nodes.map(({ id }) => id)).toEqual(['read_numbers', 'total']);
  expect(rig.published('total.txt')).toBe('');
});

test('a list of files is expanded by name, and its items are published by key', async () => {
  using rig = new Rig({ 'lines.txt': 'b two\na one\n' });
  const wf = new Workflow('lines');
  const split = wf.add(splitLines, { source: inputFile(join(rig.input, 'lines.txt')) });
  const parts = wf.expand(split.out.parts, { key: (file) => file.relPath.replace(/\.txt$/, '') });
  const big = wf.map(capitals, { part: parts });
  wf.publish(big.out.text, (key) => `parts/${key}.txt`);
  const run = await wf.run({ outputDir: rig.output, jobs: 1 });
  expect(run.published).toEqual(['parts/a.txt', 'parts/b.txt']);
  expect(rig.published('parts/a.txt')).toBe('A ONE');
});

test('a list that fails, and one whose keys are wrong: nothing below starts, others go on', async () => {
  using rig = new Rig({ 'numbers.txt': '1 1' });
  const wf = new Workflow('wrong');
  const none = wf.add(fails, { x: 1 });
  const below = wf.map(double, { x: wf.expand(none.out.numbers, { key: String }) }, { id: 'below' });
  wf.add(total, { numbers: wf.join(below.out.y) }, { id: 'strict' });
  wf.add(total, { numbers: wf.join(below.out.y, { minItems: 0 }) }, { id: 'lenient' });
  const read = wf.add(readNumbers, { source: inputFile(join(rig.input, 'numbers.txt')) });
  wf.map(double, { x: wf.expand(read.out.numbers, { key: String }) }, { id: 'twins' });
  const run = await wf.run({ outputDir: rig.output, jobs: 1 });
  expect(run.exitCode).toBe(1);
  expect(states(run)).toEqual({
    fails: 'failed',
    'below[*]': 'not-started',
    strict: 'not-started',
    lenient: 'executed',
    read_numbers: 'executed',
    'twins[*]': 'failed',
  });
  expect(because(run, 'below[*]')).toBe('fails failed');
  expect(because(run, 'twins[*]')).toBe(
    "elements of read_numbers.numbers cannot be told apart: key '1' appears more than once",
  );
});

test('mode cross runs every combination; inputs of one list go together', async () => {
  using rig = new Rig();
  const wf = new Workflow('grid');
  const people = wf.items([10, 20], { key: (x) => `p${x}` });
  const runs = wf.items([1, 2], { key: (x) => `r${x}` });
  const twice = wf.map(double, { x: people });
  const grid = wf.map(add, { a: twice.out.y, b: runs }, { mode: 'cross' });
  // A combination with what only depends on the person.
  const more = wf.map(add, { a: grid.out.sum, b: people }, { mode: 'cross', id: 'more' });
  expect(more.keys).toEqual(['p10,r1', 'p10,r2', 'p20,r1', 'p20,r2']);
  const sum = wf.add(total, { numbers: wf.join(more.out.sum) });
  wf.publish(sum.out.file, 'total.txt');
  const run = await wf.run({ outputDir: rig.output, jobs: 1 });
  expect(run.exitCode).toBe(0);
  expect(rig.published('total.txt')).toBe('31 32 61 62');
  expect(run.nodes.filter(({ nodeId }) => nodeId === 'more').map(({ id }) => id)).toEqual([
    'more[p10,r1]',
    'more[p10,r2]',
    'more[p20,r1]',
    'more[p20,r2]',
  ]);
});

test('a product of a list of the run with items known before', async () => {
  using rig = new Rig({ 'numbers.txt': '1 2' });
  const wf = new Workflow('late_grid');
  const read = wf.add(readNumbers, { source: inputFile(join(rig.input, 'numbers.txt')) });
  const late = wf.expand(read.out.numbers, { key: String });
  const early = wf.items([100, 200], { key: String });
  const grid = wf.map(add, { a: late, b: early }, { mode: 'cross' });
  const sum = wf.add(total, { numbers: wf.join(grid.out.sum) });
  wf.publish(sum.out.file, 'total.txt');
  await wf.run({ outputDir: rig.output, jobs: 1 });
  expect(rig.published('total.txt')).toBe('101 201 102 202');
});

/** `branch` is only computed for a number above zero; who takes it gets nothing otherwise. */
function conditional(x: number): Workflow {
  const wf = new Workflow('conditional');
  const flag = wf.add(isPositive, { x });
  const branch = wf.when(flag.out.yes, (inner) => {
    const first = inner.add(double, { x }, { id: 'first' });
    const second = inner.add(double, { x: first.out.y }, { id: 'second' });
    return { second: second.out.y };
  });
  wf.add(tell, { x: branch.second });
  return wf;
}

/** Numbers in groups: the sum of each group of doubled numbers, and every double added to the first of its group. */
function grouped(groups: Readonly<Record<string, readonly number[]>>): Workflow {
  const wf = new Workflow('grouped');
  const pairs = Object.entries(groups).flatMap(([group, numbers]) =>
    numbers.map((x, i) => ({ key: `${group}.${i}`, group, x })),
  );
  const numbers = wf.items(pairs, { key: ({ key }) => key });
  const twice = wf.map(double, { x: numbers.select(({ x }) => x) });
  const names = wf.items(Object.keys(groups), { key: (group) => group });
  const sums = wf.map(total, {
    numbers: names.select((group) =>
      pairs.filter((pair) => pair.group === group).map(({ key }) => wf.pick(twice.out.y, key)),
    ),
  });
  const shared = numbers.select(({ group }) => wf.pick(twice.out.y, `${group}.0`));
  wf.map(double, { x: shared }, { id: 'first_again' });
  wf.publish(sums.out.file, (group) => `${group}.txt`);
  return wf;
}

test('items of one map are picked for the items of another, one by one or in groups', async () => {
  using rig = new Rig();
  const first = await grouped({ a: [1, 2], b: [5] }).run({ outputDir: rig.output, jobs: 1 });
  expect(first.exitCode).toBe(0);
  expect([rig.published('a.txt'), rig.published('b.txt')]).toEqual(['2 4', '10']);
  expect(first.nodes.map(({ id }) => id).filter((id) => id.startsWith('first'))).toEqual([
    'first_again[a.0]',
    'first_again[a.1]',
    'first_again[b.0]',
  ]);
  const second = await grouped({ a: [1, 2], b: [6] }).run({ outputDir: rig.output, jobs: 1 });
  const executed = second.nodes.filter(({ state }) => state === 'executed').map(({ id }) => id);
  expect(executed.sort()).toEqual(['double[b.0]', 'first_again[b.0]', 'total[b]']);
  const wf = new Workflow('wrong');
  const some = wf.map(double, { x: wf.items([1], { key: () => 'one' }) });
  expect(() => wf.pick(some.out.y, 'two')).toThrow("pick: no item 'two' of an output of a map; it has one");
});

test('a condition decides what runs; skipped is a state, no failure, and not part of a key', async () => {
  using rig = new Rig();
  const off = await conditional(-1).run({ outputDir: rig.output, jobs: 1 });
  expect(off.exitCode).toBe(0);
  expect(states(off)).toEqual({
    is_positive: 'executed',
    first: 'skipped',
    second: 'skipped',
    tell: 'executed',
  });
  expect(because(off, 'first')).toBe('is_positive.yes is false');
  expect(rig.executed()).toEqual(['is_positive -1', 'tell null']);

  const on = await conditional(3).run({ outputDir: rig.output, jobs: 1 });
  expect(on.counts).toMatchObject({ executed: 4, skipped: 0 });
  expect(rig.executed()).toEqual(['double 3', 'double 6', 'is_positive 3', 'tell 12']);

  const plan = await conditional(-1).plan({ outputDir: rig.output });
  expect(plan.entries.map(({ action }) => action)).toEqual(['reuse', 'not-run', 'not-run', 'reuse']);
  expect((await conditional(-1).run({ outputDir: rig.output, jobs: 1 })).counts).toMatchObject({
    executed: 0,
    skipped: 2,
  });
  expect(rig.executed()).toEqual([]);
});

test('a mapped condition decides for each item, and a join takes those that are there', async () => {
  using rig = new Rig();
  const wf = new Workflow('choosing');
  const numbers = wf.items([-2, 4, 5], { key: (x) => `n${x}` });
  const flags = wf.map(isPositive, { x: numbers });
  const chosen = wf.when(flags.out.yes, (inner) => inner.map(double, { x: numbers }).out.y);
  const sum = wf.add(total, { numbers: wf.join(chosen, { minItems: 0 }) });
  wf.map(tell, { x: chosen });
  wf.publish(sum.out.file, 'total.txt');
  const run = await wf.run({ outputDir: rig.output, jobs: 1 });
  expect(run.exitCode).toBe(0);
  expect(states(run)['double[n-2]']).toBe('skipped');
  expect(rig.published('total.txt')).toBe('8 10');
  expect(rig.executed().filter((line) => line.startsWith('tell'))).toEqual([
    'tell 10',
    'tell 8',
    'tell null',
  ]);
});

/** Doubles a number, and adds something that may be given. */
const doubleAndAdd = defineSubworkflow({
  name: 'double_and_add',
  inputs: { x: port.value(z.number()), extra: port.value(z.number().default(100)) },
  build(wf, { x, extra }) {
    const twice = wf.add(double, { x });
    const sum = wf.add(add, { a: twice.out.y, b: extra });
    return { sum: sum.out.sum, twice: twice.out.y };
  },
});

test('a nested workflow once, twice with other ids, once per item, and inside another', async () => {
  using rig = new Rig();
  const outer = defineSubworkflow({
    name: 'outer',
    inputs: { x: port.value(z.number()) },
    build: (wf, { x }) => ({ result: wf.sub(doubleAndAdd, { x }, { id: 'inner' }).out.sum }),
  });
  const wf = new Workflow('nesting');
  const one = wf.sub(doubleAndAdd, { x: 1 });
  const two = wf.sub(doubleAndAdd, { x: one.out.sum, extra: one.out.twice }, { id: 'two' });
  const people = wf.items([10, 20], { key: (x) => `p${x}` });
  const each = wf.mapSub(outer, { x: people }, { id: 'each' });
  const sum = wf.add(total, { numbers: wf.join(each.out.result) });
  wf.add(tell, { x: two.out.sum });
  wf.publish(sum.out.file, 'total.txt');
  const run = await wf.run({ outputDir: rig.output, jobs: 1 });
  expect(run.exitCode).toBe(0);
  expect(Object.keys(states(run))).toEqual([
    'double_and_add.double',
    'each.inner.double[p10]',
    'each.inner.double[p20]',
    'double_and_add.add',
    'each.inner.add[p10]',
    'each.inner.add[p20]',
    'two.double',
    'total',
    'two.add',
    'tell',
  ]);
  expect(rig.published('total.txt')).toBe('120 140');
  expect(rig.executed()).toContain('tell 206');
});

test('a stop tells also of items that never came', async () => {
  using rig = new Rig({ 'numbers.txt': '1' });
  const run = await doubled(rig).run({ outputDir: rig.output, signal: AbortSignal.abort() });
  expect(run.exitCode).toBe(130);
  expect(states(run)).toEqual({
    read_numbers: 'not-started',
    'double[*]': 'not-started',
    'again[*]': 'not-started',
    total: 'not-started',
  });
});

test('what does not fit together is refused when the workflow is built', () => {
  const wf = new Workflow('refused');
  const numbers = wf.items([1], { key: String });
  const flag = wf.add(isPositive, { x: 1 });
  const mapped = wf.map(double, { x: numbers });
  expect(() => wf.expand(mapped.out.y as never, { key: String })).toThrow(/only a list that one node makes/);
  expect(() => wf.when(flag.out.yes, async () => Promise.resolve(1))).toThrow(/does not wait/);
  expect(() => wf.sub(doubleAndAdd, {} as never)).toThrow(/nothing is connected/);
  expect(() => wf.sub(doubleAndAdd, { x: 1, y: 2 } as never, { id: 'b' })).toThrow(/has no input 'y'/);
  expect(() => wf.mapSub(doubleAndAdd, { x: 1 }, { id: 'c' })).toThrow(/no input is mapped/);
  const notFlag = new Workflow('not_flag');
  const seven = notFlag.add(double, { x: 1 });
  notFlag.when(seven.out.y as never, (inner) => inner.add(double, { x: 2 }, { id: 'inside' }));
  expect(() => notFlag.compile()).toThrow(/condition of inside: value of .* does not fit/);
  const notList = new Workflow('not_list');
  const one = notList.add(double, { x: 1 });
  notList.map(double, { x: notList.expand(one.out.y as never, { key: String }) }, { id: 'each' });
  expect(() => notList.compile()).toThrow(/expand of double.y: value is not a list/);
  const wrongSub = new Workflow('wrong_sub');
  const told = wrongSub.add(tell, { x: 1 });
  wrongSub.sub(doubleAndAdd, { x: told.out.text as never });
  expect(() => wrongSub.compile()).toThrow(/input double_and_add.x: value of .* does not fit/);
});
