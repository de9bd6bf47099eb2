/** The trivial nodes of the engine benchmark. */
import { defineNode, port, z } from 'neuroloom';

export const addOne = defineNode({
  name: 'bench_add_one',
  version: 1,
  inputs: { x: port.value(z.number()) },
  outputs: { y: port.value(z.number()) },
  run({ x }) {
    return { y: x + 1 };
  },
});

export const sum = defineNode({
  name: 'bench_sum',
  version: 1,
  inputs: { x: port.value(z.number().default(0)), numbers: port.list(port.value(z.number())) },
  outputs: { y: port.value(z.number()) },
  run({ x, numbers }) {
    return { y: numbers.reduce((total, number) => total + number, x) };
  },
});
