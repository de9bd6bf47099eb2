/** The trivial node of the engine benchmark. */
import { defineNode, port } from 'neuroloom';
import { z } from 'zod';

export const addOne = defineNode({
  name: 'bench_add_one',
  version: 1,
  inputs: { x: port.value(z.number()) },
  outputs: { y: port.value(z.number()) },
  run({ x }) {
    return { y: x + 1 };
  },
});
