import { z } from 'zod';
import { defineNode } from '../../src/engine/node.js';
import { port } from '../../src/engine/port.js';

/** Small nodes for tests of wiring, keys and the cache; tests that run nodes have theirs in test/engine/fixtures. */
export const readVolume = defineNode({
  name: 'read_volume',
  version: 1,
  inputs: { volume: port.file('nifti'), scale: port.value(z.number().default(1)) },
  outputs: { table: port.file('tsv'), mean: port.value(z.number()), mask: port.optional(port.file('nifti')) },
  run: (_inputs, ctx) => ({ table: ctx.outputFile('table.tsv'), mean: 0 }),
});

export const collect = defineNode({
  name: 'collect',
  version: 2,
  inputs: {
    tables: port.list(port.file('tsv')),
    means: port.optional(port.list(port.value(z.number()))),
    dropped: port.value(z.array(z.strictObject({ key: z.string(), reason: z.string() })).default([])),
  },
  outputs: { table: port.file('tsv'), count: port.value(z.int()) },
  run: (_inputs, ctx) => ({ table: ctx.outputFile('all.tsv'), count: 0 }),
});

export const addOne = defineNode({
  name: 'add_one',
  version: 1,
  inputs: { x: port.value(z.number()) },
  outputs: { y: port.value(z.number()) },
  run: ({ x }) => ({ y: x + 1 }),
});

export const nameIt = defineNode({
  name: 'name_it',
  version: 1,
  inputs: { label: port.value(z.string()) },
  outputs: { text: port.value(z.string()) },
  run: ({ label }) => ({ text: label }),
});

export const sumAll = defineNode({
  name: 'sum_all',
  version: 1,
  inputs: { numbers: port.list(port.value(z.number())) },
  outputs: { sum: port.value(z.number()) },
  run: ({ numbers }) => ({ sum: numbers.reduce((sum, number) => sum + number, 0) }),
});

export const addTwo = defineNode({
  name: 'add_two',
  version: 1,
  inputs: { x: port.value(z.number()), others: port.list(port.value(z.number())) },
  outputs: { y: port.value(z.number()) },
  run: ({ x, others }) => ({ y: x + others.length }),
});
