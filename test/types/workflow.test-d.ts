import { describe, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { Workflow } from '../../src/engine/builder.js';
import type { ExpandedFile, Handle, Mapped, MaybeMapped } from '../../src/engine/handle.js';
import { defineNode } from '../../src/engine/node.js';
import { defineSubworkflow } from '../../src/engine/subworkflow.js';
import { inputFile, port, type FileOf, type InputFile } from '../../src/engine/port.js';

const read = defineNode({
  name: 'read',
  version: 1,
  inputs: { volume: port.file('nifti'), scale: port.value(z.number().default(1)) },
  outputs: { table: port.file('tsv'), mean: port.value(z.number()), mask: port.optional(port.file('nifti')) },
  run(inputs, ctx) {
    expectTypeOf(inputs.volume).toEqualTypeOf<InputFile>();
    expectTypeOf(inputs.scale).toEqualTypeOf<number>();
    return { table: ctx.outputFile('t.tsv'), mean: 1 };
  },
});
const collect = defineNode({
  name: 'collect',
  version: 1,
  inputs: {
    tables: port.list(port.file('tsv')),
    means: port.optional(port.list(port.value(z.number()))),
    mask: port.optional(port.file('nifti')),
    dropped: port.value(z.array(z.object({ key: z.string(), reason: z.string() }))),
  },
  outputs: { table: port.file('tsv'), label: port.value(z.enum(['a', 'b'])) },
  run(inputs) {
    expectTypeOf(inputs.tables).toEqualTypeOf<readonly InputFile[]>();
    expectTypeOf(inputs.means).toEqualTypeOf<readonly number[] | null>();
    return { table: '/x', label: 'a' as const };
  },
});
const anything = defineNode({
  name: 'anything',
  version: 1,
  inputs: { value: port.value(z.unknown()) },
  outputs: { value: port.value(z.string()) },
  run: () => ({ value: 'x' }),
});

const listing = defineNode({
  name: 'listing',
  version: 1,
  inputs: {},
  outputs: {
    files: port.list(port.file('nifti')),
    numbers: port.value(z.array(z.number())),
    isGood: port.value(z.boolean()),
  },
  run: (_, ctx) => ({ files: [ctx.outputFile('a.nii')], numbers: [1], isGood: true }),
});
const part = defineSubworkflow({
  name: 'part',
  inputs: { volume: port.file('nifti'), scale: port.value(z.number().default(2)) },
  build(inner, { volume, scale }) {
    expectTypeOf(volume).toEqualTypeOf<Handle<FileOf<'nifti'>>>();
    expectTypeOf(scale).toEqualTypeOf<Handle<number>>();
    const { table, mean } = inner.add(read, { volume, scale }).out;
    return { table, mean };
  },
});

const wf = new Workflow('types');
const subjects = wf.items([{ id: '1', volume: '/v' }], { key: (s) => s.id });
const volumes = subjects.select((s) => inputFile(s.volume));

describe('what compiles', () => {
  test('outputs carry their types through map, join and add', () => {
    const mapped = wf.map(read, { volume: volumes });
    expectTypeOf(mapped.out.table).toEqualTypeOf<Mapped<FileOf<'tsv'>>>();
    expectTypeOf(mapped.out.mean).toEqualTypeOf<Mapped<number>>();
    const one = wf.add(collect, {
      tables: wf.join(mapped.out.table, { minItems: 2 }),
      means: wf.join(mapped.out.mean),
      dropped: wf.dropped(mapped.out.table),
    });
    expectTypeOf(one.out.label).toEqualTypeOf<Handle<'a' | 'b'>>();
    wf.publish(one.out.table, 'table.tsv');
    wf.publish(mapped.out.table, (key) => `${key}.tsv`);
    wf.publish(mapped.out.mask, (key) => `${key}.nii`);
  });

  test('literals and lists of literals or handles go into ports of their kind', () => {
    const a = wf.add(read, { volume: inputFile('/a'), scale: 2 });
    wf.add(collect, { tables: [a.out.table, inputFile('/b')], means: null, dropped: [] });
  });

  test('a value reaches a port whose schema accepts it', () => {
    const a = wf.add(read, { volume: inputFile('/a') });
    wf.add(read, { volume: inputFile('/a'), scale: a.out.mean });
    wf.add(anything, { value: a.out.mean });
    wf.add(collect, { tables: [], mask: a.out.mask, dropped: [] });
  });
});

describe('items of the run, conditions, products and nested workflows that compile', () => {
  const list = wf.add(listing, {});

  test('elements carry the type of the list, and the function of their key sees what they are', () => {
    const files = wf.expand(list.out.files, {
      key: (file) => {
        expectTypeOf(file).toEqualTypeOf<ExpandedFile>();
        return file.relPath;
      },
    });
    expectTypeOf(files).toEqualTypeOf<Mapped<FileOf<'nifti'>>>();
    const numbers = wf.expand(list.out.numbers, { key: (x) => x.toFixed() });
    const both = wf.map(read, { volume: files, scale: numbers }, { mode: 'cross' });
    expectTypeOf(both.out.mean).toEqualTypeOf<Mapped<number>>();
    expectTypeOf(both.keys).toEqualTypeOf<readonly string[] | null>();
  });

  test('what leaves a condition may be null, and goes into optional ports', () => {
    const made = wf.when(list.out.isGood, (inner) => {
      const one = inner.add(read, { volume: inputFile('/a') });
      return { one, each: inner.map(read, { volume: volumes }).out.table, text: 'x' };
    });
    expectTypeOf(made.one.out.table).toEqualTypeOf<Handle<FileOf<'tsv'> | null>>();
    expectTypeOf(made.each).toEqualTypeOf<MaybeMapped<FileOf<'tsv'>>>();
    expectTypeOf(made.text).toEqualTypeOf<string>();
    wf.add(collect, {
      tables: wf.join(made.each, { minItems: 0 }),
      mask: made.one.out.mask,
      dropped: wf.dropped(made.each),
    });
  });

  test('a nested workflow has the types of its outputs, mapped ones when it is mapped', () => {
    const once = wf.sub(part, { volume: inputFile('/a') });
    expectTypeOf(once.out.mean).toEqualTypeOf<Handle<number>>();
    const each = wf.mapSub(part, { volume: volumes, scale: once.out.mean });
    expectTypeOf(each.out.table).toEqualTypeOf<Mapped<FileOf<'tsv'>>>();
    wf.publish(each.out.table, (key) => `${key}.tsv`);
  });
});

describe('what must not compile', () => {
  const mapped = wf.map(read, { volume: volumes });
  const one = wf.add(read, { volume: inputFile('/a') });

  test('a mapped handle in add', () => {
    // @ts-expect-error mapped output without join
    wf.add(read, { volume: inputFile('/a'), scale: mapped.out.mean });
    // @ts-expect-error items are mapped
    wf.add(read, { volume: volumes });
    // @ts-expect-error also where the port takes anything
    wf.add(anything, { value: mapped.out.mean });
  });

  test('a file of another format', () => {
    // @ts-expect-error tsv is not nifti
    wf.add(read, { volume: one.out.table });
    // @ts-expect-error also when mapped
    wf.map(read, { volume: mapped.out.table });
    // @ts-expect-error also in lists
    wf.add(collect, { tables: [one.out.mask], dropped: [] });
  });

  test('a value of another type', () => {
    const text = wf.add(anything, { value: 1 });
    // @ts-expect-error text is not a number
    wf.add(read, { volume: inputFile('/a'), scale: text.out.value });
    // @ts-expect-error text is not a number
    wf.add(read, { volume: inputFile('/a'), scale: 'x' });
    // @ts-expect-error one value is not a list
    wf.add(collect, { tables: [], means: one.out.mean, dropped: [] });
  });

  test('a file where a value is expected, and the reverse', () => {
    // @ts-expect-error a path is not a file
    wf.add(read, { volume: '/a' });
    // @ts-expect-error a number is not a file
    wf.add(read, { volume: one.out.mean });
    // @ts-expect-error a file is not a number
    wf.add(read, { volume: inputFile('/a'), scale: one.out.table });
  });

  test('an absent output in a port that must be filled', () => {
    // @ts-expect-error the mask may be absent
    wf.add(read, { volume: one.out.mask });
  });

  test('a missing or an unknown input', () => {
    // @ts-expect-error volume is missing
    wf.add(read, { scale: 1 });
    // @ts-expect-error there is no such port
    wf.add(read, { volume: inputFile('/a'), scael: 1 });
    // @ts-expect-error volume is missing
    wf.map(read, { scale: mapped.out.mean });
  });

  test('a value that is published, and one name for all items', () => {
    // @ts-expect-error a number is no file
    wf.publish(one.out.mean, 'mean.txt');
    // @ts-expect-error a mapped output needs a name per key
    wf.publish(mapped.out.table, 'table.tsv');
  });

  test('an output that the node does not have, and a body that returns the wrong thing', () => {
    // @ts-expect-error no such output
    void one.out.tabel;
    defineNode({
      name: 'wrong',
      version: 1,
      inputs: {},
      outputs: { mean: port.value(z.number()) },
      // @ts-expect-error text instead of a number
      run: () => ({ mean: 'x' }),
    });
    defineNode({
      name: 'wrong',
      version: 1,
      inputs: { a: port.value(z.number()) },
      outputs: {},
      // @ts-expect-error steering names no input
      steering: ['b'],
      run: () => ({}),
    });
  });

  test('a list that is none, a flag that is none, a node that could be skipped where something must be', () => {
    const list = wf.add(listing, {});
    // @ts-expect-error a number is no list
    wf.expand(one.out.mean, { key: String });
    // @ts-expect-error a mapped output is no list that one node makes
    wf.expand(mapped.out.mean, { key: String });
    // @ts-expect-error a key is text
    wf.expand(list.out.numbers, { key: (x) => x });
    // @ts-expect-error a number is no flag
    wf.when(one.out.mean, () => 1);
    const made = wf.when(list.out.isGood, (inner) => ({
      volume: inner.add(read, { volume: inputFile('/a') }).out.mask,
      mean: inner.map(read, { volume: volumes }).out.mean,
    }));
    // @ts-expect-error it may have been skipped
    wf.add(read, { volume: made.volume });
    // @ts-expect-error items may have been skipped: a join of them says how many are enough
    wf.add(collect, { tables: [], means: wf.join(made.mean), dropped: [] });
    // @ts-expect-error there is no such way to go together
    wf.map(read, { volume: volumes }, { mode: 'crossed' });
  });

  test('a nested workflow with a wrong, a missing, a mapped or an unknown input', () => {
    // @ts-expect-error tsv is not nifti
    wf.sub(part, { volume: one.out.table });
    // @ts-expect-error volume is missing
    wf.sub(part, { scale: 1 });
    // @ts-expect-error mapped: that is mapSub
    wf.sub(part, { volume: volumes });
    // @ts-expect-error there is no such input
    wf.sub(part, { volume: inputFile('/a'), scael: 1 });
    // @ts-expect-error text is not a number
    wf.mapSub(part, { volume: volumes, scale: 'x' });
  });
});
