import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Workflow } from '../../../src/engine/builder.js';
import { compileGraph } from '../../../src/engine/graph.js';
import type { Handle, Mapped } from '../../../src/engine/handle.js';
import { defineNode } from '../../../src/engine/node.js';
import { inputFile, port, type FileOf } from '../../../src/engine/port.js';
import type { TemplateGraph, TemplateInput } from '../../../src/engine/template.js';
import type { PipelineError } from '../../../src/errors.js';
import { addOne, collect, nameIt, readVolume } from '../../support/engine-nodes.js';

const SUBJECTS = [
  { id: '10', volume: '/c/10.nii' },
  { id: '9', volume: '/c/9.nii' },
  { id: 'x', volume: '/c/x.nii' },
];

function cohort(name = 'study') {
  const wf = new Workflow(name);
  const subjects = wf.items(SUBJECTS, { key: (s) => s.id });
  return { wf, subjects, volumes: subjects.select((s) => inputFile(s.volume)) };
}

function failure(work: () => unknown): PipelineError {
  try {
    work();
  } catch (error) {
    return error as PipelineError;
  }
  throw new Error('was accepted');
}

function chain(length: number, close = false): TemplateGraph {
  const nodes = Array.from({ length }, (_, i) => {
    const from = i > 0 ? i - 1 : length - 1;
    const x: TemplateInput =
      i > 0 || close ? { kind: 'output', node: `n${from}`, port: 'y' } : { kind: 'value', value: 1 };
    return { id: `n${i}`, node: addOne, mapped: false, inputs: { x }, resources: addOne.resources };
  });
  return { name: 'chain', nodes, publications: [] };
}

describe('compiled graph', () => {
  test('a map has one instance per item in key order, and a join has them in the same order', () => {
    const { wf, volumes } = cohort();
    const read = wf.map(readVolume, { volume: volumes });
    const all = wf.add(collect, {
      tables: wf.join(read.out.table, { minItems: 2 }),
      dropped: wf.dropped(read.out.table),
    });
    wf.publish(all.out.table, 'all.tsv', { group: 'maps' });
    wf.publish(read.out.table, (key) => `single/${key}.tsv`);
    const { instances, dependencies, dependents, publications } = wf.compile();

    expect(instances.map((instance) => instance.id)).toEqual([
      'read_volume[9]',
      'read_volume[10]',
      'read_volume[x]',
      'collect',
    ]);
    expect(instances[1]).toMatchObject({ index: 1, nodeId: 'read_volume', itemKey: '10', node: readVolume });
    expect(instances[1]?.inputs).toEqual({
      volume: { kind: 'external', path: '/c/10.nii' },
      scale: { kind: 'value', value: undefined, parsed: 1 },
    });
    expect(instances[3]?.inputs).toEqual({
      tables: {
        kind: 'join',
        members: Int32Array.of(0, 1, 2),
        keys: ['9', '10', 'x'],
        port: 'table',
        minItems: 2,
      },
      means: { kind: 'value', value: undefined, parsed: null },
      dropped: { kind: 'dropped', members: Int32Array.of(0, 1, 2), keys: ['9', '10', 'x'] },
    });
    expect([...dependencies.offsets]).toEqual([0, 0, 0, 0, 3]);
    expect([...dependencies.targets]).toEqual([0, 1, 2]);
    expect([...dependents.offsets]).toEqual([0, 1, 2, 3, 3]);
    expect([...dependents.targets]).toEqual([3, 3, 3]);
    expect(publications).toEqual([
      { instance: 3, port: 'table', target: 'all.tsv', group: 'maps' },
      { instance: 0, port: 'table', target: 'single/9.tsv', group: null },
      { instance: 1, port: 'table', target: 'single/10.tsv', group: null },
      { instance: 2, port: 'table', target: 'single/x.tsv', group: null },
    ]);
  });

  test('maps over maps are matched by key, and shared inputs are one binding', () => {
    const { wf, subjects } = cohort();
    const first = wf.map(nameIt, { label: subjects.select((s) => s.id) });
    const second = wf.map(nameIt, { label: first.out.text }, { id: 'again' });
    expect(second.keys).toEqual(['9', '10', 'x']);
    const shared = wf.map(
      defineNode({
        name: 'both',
        version: 1,
        inputs: { a: port.value(z.string()), b: port.value(z.array(z.number())) },
        outputs: {},
        run: () => ({}),
      }),
      { a: second.out.text, b: [1, 2] },
    );
    expect(shared.keys).toEqual(['9', '10', 'x']);
    const { instances, dependencies } = wf.compile();
    expect(instances[7]?.inputs['a']).toEqual({ kind: 'output', instance: 4, port: 'text' });
    expect(instances[7]?.inputs['b']).toBe(instances[8]?.inputs['b']);
    expect([...dependencies.targets]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('an empty map yields an empty join', () => {
    const wf = new Workflow('empty');
    const read = wf.map(readVolume, {
      volume: wf.items<never>([], { key: String }).select(() => inputFile('/x')),
    });
    wf.add(collect, { tables: wf.join(read.out.table) });
    const { instances } = wf.compile();
    expect(instances).toHaveLength(1);
    expect(instances[0]?.inputs['tables']).toMatchObject({
      kind: 'join',
      members: new Int32Array(),
      keys: [],
    });
  });

  test('a list may mix handles and files, and a join of items is a list of literals', () => {
    const { wf, subjects, volumes } = cohort();
    const one = wf.add(readVolume, { volume: inputFile('/a.nii') });
    wf.add(collect, {
      tables: [one.out.table, inputFile('/b.tsv')],
      means: wf.join(subjects.select((s) => Number.parseInt(s.id, 36))),
    });
    wf.map(readVolume, { volume: volumes }, { id: 'second', resources: { cpus: 3 } });
    const { instances } = wf.compile();
    const all = instances.find((instance) => instance.id === 'collect');
    expect(all?.inputs['tables']).toEqual({
      kind: 'list',
      items: [
        { kind: 'output', instance: 0, port: 'table' },
        { kind: 'external', path: '/b.tsv' },
      ],
    });
    expect(all?.inputs['means']).toMatchObject({
      kind: 'list',
      items: [{ parsed: 9 }, { parsed: 36 }, { parsed: 33 }],
    });
    const mapped = instances.find((instance) => instance.id === 'second[x]');
    expect(mapped?.resources).toEqual({ cpus: 3, memoryGb: 0.5, gpus: 0, tokens: {} });
  });

  test('a chain of 100,000 nodes and a join of 100,000 compile without recursion', () => {
    const long = compileGraph(chain(100_000));
    expect(long.instances).toHaveLength(100_000);
    expect(long.dependencies.targets[99_998]).toBe(99_998);
    const wf = new Workflow('wide');
    const items = wf.items(
      Array.from({ length: 100_000 }, (_, i) => i),
      { key: String },
    );
    const numbers = wf.map(addOne, { x: items });
    wf.add(collect, { tables: [], means: wf.join(numbers.out.y) });
    const wide = wf.compile();
    expect(wide.dependencies.targets).toHaveLength(100_000);
    expect(wide.dependents.offsets[100_001]).toBe(100_000);
  });
});

describe('wiring that is refused', () => {
  test('a cycle, with its path', () => {
    const error = failure(() => compileGraph(chain(3, true)));
    expect(error.code).toBe('GRAPH_CYCLE');
    expect(error.message).toBe('nodes wait for each other: n1 -> n2 -> n0 -> n1');
    expect(error.cure).toBe('remove one of these edges; an output cannot be needed to compute itself');
  });

  test('a long cycle, shortened, and a node that needs itself', () => {
    expect(failure(() => compileGraph(chain(100_000, true))).message).toMatch(
      /^nodes wait for each other: (n\d+ -> ){6}\.\.\.( -> n\d+){5}$/,
    );
    expect(failure(() => compileGraph(chain(1, true))).message).toBe('nodes wait for each other: n0 -> n0');
  });

  test('two nodes with one id, at the call and in plain data', () => {
    const wf = new Workflow('study');
    wf.add(addOne, { x: 1 });
    const error = failure(() => wf.add(addOne, { x: 2 }));
    expect(error).toMatchObject({
      code: 'GRAPH_DUPLICATE_ID',
      message: "workflow study has two nodes with id 'add_one'",
      cure: 'pass another id: wf.add(node, inputs, { id })',
    });
    const { nodes } = chain(1);
    const twice = { name: 'study', nodes: [...nodes, ...nodes], publications: [] };
    expect(failure(() => compileGraph(twice)).message).toBe("two nodes have id 'n0'");
  });

  test('a source and a port that do not exist', () => {
    const [first] = chain(1).nodes;
    const dangling = (x: TemplateInput): TemplateGraph => ({
      name: 'd',
      nodes: [...chain(1).nodes, { ...(first as never as object), id: 'b', inputs: { x } } as never],
      publications: [],
    });
    expect(
      failure(() => compileGraph(dangling({ kind: 'output', node: 'nobody', port: 'y' }))),
    ).toMatchObject({
      code: 'GRAPH_EDGE',
      message: "input x of b comes from 'nobody', which is not in the workflow",
      where: 'd: b.x',
    });
    expect(failure(() => compileGraph(dangling({ kind: 'output', node: 'n0', port: 'z' })))).toMatchObject({
      message: "input x of b: n0 has no output 'z'",
      cure: 'outputs of add_one: y',
    });
    const unknown = {
      ...chain(1),
      nodes: chain(1).nodes.map((n) => ({ ...n, inputs: { ...n.inputs, q: n.inputs['x']! } })),
    };
    expect(failure(() => compileGraph(unknown)).message).toBe("node n0 has no input 'q'");
    const missing = { ...chain(1), nodes: chain(1).nodes.map((n) => ({ ...n, inputs: {} })) };
    expect(failure(() => compileGraph(missing)).message).toBe('input x of n0: nothing is connected');
  });

  test('all problems of a stage are listed', () => {
    const nodes = chain(3).nodes.map((n) => ({ ...n, inputs: {} }));
    expect(failure(() => compileGraph({ name: 'many', nodes, publications: [] })).message).toBe(
      'input x of n0: nothing is connected\n' +
        'n1.x: input x of n1: nothing is connected\n' +
        'n2.x: input x of n2: nothing is connected',
    );
  });

  test('formats and types that do not fit, when the compiler was bypassed', () => {
    const { wf, volumes } = cohort();
    const one = wf.add(readVolume, { volume: inputFile('/a') });
    const text = wf.add(nameIt, { label: 'x' });
    wf.add(
      readVolume,
      { volume: one.out.table as unknown as Handle<FileOf<'nifti'>> },
      { id: 'wrong_format' },
    );
    wf.add(addOne, { x: text.out.text as unknown as number }, { id: 'wrong_type' });
    wf.add(readVolume, { volume: one.out.mask as Handle<FileOf<'nifti'>> }, { id: 'absent' });
    wf.add(addOne, { x: 'five' as unknown as number }, { id: 'wrong_literal' });
    wf.add(readVolume, { volume: '/a' as never }, { id: 'path' });
    wf.map(readVolume, { volume: volumes.select((v) => v.path) as never }, { id: 'paths' });
    const message = failure(() => wf.compile()).message;
    expect(message).toContain('input volume of wrong_format: file(tsv) is not file(nifti)');
    expect(message).toContain(
      'input x of wrong_type: value of {"type":"string"} does not fit {"type":"number"}',
    );
    expect(message).toContain(
      'input volume of absent: optional file(nifti) may be absent, and file(nifti) must be there',
    );
    expect(message).toContain('input x of wrong_literal: Invalid input: expected number, received string');
    expect(message).toContain('input volume of path: a value cannot go into a file port');
    expect(message).toContain('input volume of paths: a value cannot go into a file port');
  });

  test('a mapped output in add, and a map without mapped inputs', () => {
    const { wf, volumes } = cohort();
    const read = wf.map(readVolume, { volume: volumes });
    wf.add(addOne, { x: read.out.mean as unknown as number });
    expect(failure(() => wf.compile())).toMatchObject({
      code: 'GRAPH_EDGE',
      message: 'input x of add_one is mapped, and add_one runs once',
      cure: 'use wf.map, or join it: wf.join(...)',
    });
    expect(failure(() => wf.map(addOne, { x: 1 }, { id: 'none' }))).toMatchObject({
      code: 'GRAPH_KEYS',
      message: 'map of none: no input is mapped',
    });
  });

  test('mapped inputs with different keys', () => {
    const { wf, volumes } = cohort();
    const others = wf.items(['9', '11'], { key: String }).select(() => 1);
    wf.map(readVolume, { volume: volumes, scale: others });
    expect(failure(() => wf.compile())).toMatchObject({
      code: 'GRAPH_KEYS',
      message:
        'inputs volume and scale of read_volume have different keys: only the first has 10, x; only the second has 11',
    });
  });

  test('keys that appear twice or could be paths', () => {
    const wf = new Workflow('study');
    expect(failure(() => wf.items(['a', 'b', 'a', '../x'], { key: String }))).toMatchObject({
      code: 'GRAPH_KEYS',
      message: 'items of workflow study: key "../x" holds a path separator; key \'a\' appears more than once',
    });
  });

  test('handles of another workflow', () => {
    const a = new Workflow('a');
    const one = a.add(addOne, { x: 1 });
    const b = new Workflow('b');
    expect(failure(() => b.add(addOne, { x: one.out.y }))).toMatchObject({
      code: 'GRAPH_EDGE',
      message: 'input x of add_one: the handle belongs to another workflow',
    });
    const table = a.add(readVolume, { volume: inputFile('/a') }).out.table;
    expect(failure(() => b.add(collect, { tables: [table] })).message).toBe(
      'input tables of collect: the handle belongs to another workflow',
    );
  });

  test('a join of a node that runs once, and of values that may be absent', () => {
    const { wf, volumes } = cohort();
    const read = wf.map(readVolume, { volume: volumes });
    wf.add(collect, { tables: wf.join(read.out.mask as unknown as Mapped<FileOf<'tsv'>>) });
    expect(failure(() => wf.compile()).message).toBe(
      'input tables of collect: a join of optional file(nifti) is a list that no port takes',
    );
  });

  test('values that are no JSON or too large', () => {
    const big = defineNode({
      name: 'big',
      version: 1,
      inputs: { v: port.value(z.unknown()) },
      outputs: {},
      run: () => ({}),
    });
    const compile = (v: unknown): string =>
      failure(() => {
        const wf = new Workflow('w');
        wf.add(big, { v });
        wf.compile();
      }).message;
    expect(compile({ at: new Date(0) })).toBe(
      'input v of big: at is a Date; only plain JSON travels to nodes',
    );
    expect(compile([1, NaN])).toBe('input v of big: [1] is NaN; only plain JSON travels to nodes');
    expect(compile('x'.repeat(70_000))).toBe(
      'input v of big: a value of 70002 bytes is too large (limit 65536)',
    );
  });
});

describe('publication', () => {
  const publish = (...names: string[]): PipelineError =>
    failure(() => {
      const wf = new Workflow('study');
      const one = wf.add(readVolume, { volume: inputFile('/a') });
      for (const name of names) wf.publish(one.out.table, name);
      wf.compile();
    });

  test.each([
    ['../x.tsv', 'output name "../x.tsv" leaves the output directory'],
    ['a/./b', 'output name "a/./b" leaves the output directory'],
    ['', 'output name "" is empty'],
    ['a/', 'output name "a/" is a directory'],
    ['a\nb', 'output name "a\\nb" holds a control character'],
    [`${'x'.repeat(256)}`, `output name "${'x'.repeat(256)}" has a part of more than 220 bytes`],
  ])('the name %j is refused', (name, message) => {
    expect(publish(name)).toMatchObject({ code: 'GRAPH_PUBLISH', message });
  });

  test('two outputs with one name are refused, also when mapped', () => {
    expect(publish('a//b.tsv', 'a/b.tsv').message).toBe(
      'read_volume.table and read_volume.table have one output name: a/b.tsv',
    );
    const { wf, volumes } = cohort();
    wf.publish(wf.map(readVolume, { volume: volumes }).out.table, () => 'same.tsv');
    expect(failure(() => wf.compile()).message).toContain(
      'read_volume[10].table and read_volume[9].table have one output name: same.tsv',
    );
  });

  test('a value, and a function as name of a single output, are refused', () => {
    const wf = new Workflow('study');
    const one = wf.add(readVolume, { volume: inputFile('/a') });
    wf.publish(one.out.mean as unknown as Handle<FileOf>, 'mean.txt');
    wf.publish(one.out.table as unknown as Mapped<FileOf>, (key) => key);
    expect(failure(() => wf.compile()).message).toBe(
      'read_volume.mean is value, not a file\n' +
        'read_volume.table: read_volume runs once, and its output name is a function of a key',
    );
  });
});
