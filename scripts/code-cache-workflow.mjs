/** The little workflow that code-cache.mjs runs, so that what a run calls is compiled when it is kept. */
import { defineNode, defineWorkflow, port, Workflow, z } from 'neuroloom';

export const addOne = defineNode({
  name: 'add_one',
  version: 1,
  inputs: { x: port.value(z.number()) },
  outputs: { y: port.value(z.number()) },
  run: ({ x }) => ({ y: x + 1 }),
});

export const sum = defineNode({
  name: 'sum',
  version: 1,
  inputs: { numbers: port.list(port.value(z.number())) },
  outputs: { y: port.value(z.number()) },
  run: ({ numbers }) => ({ y: numbers.reduce((total, number) => total + number, 0) }),
});

defineWorkflow({
  name: 'code_cache',
  summary: 'A few trivial nodes',
  scope: 'cohort',
  configNamespace: 'code_cache',
  configSchema: z.strictObject({ nodes: z.int().min(1).default(4) }),
  verifyRequirements: () => [],
  buildWorkflow({ config }) {
    const wf = new Workflow('code_cache');
    const all = Array.from({ length: config.code_cache.nodes }, (_, i) => i);
    const numbers = wf.items(all, { key: (i) => `n${i}` }).select((i) => i);
    const each = wf.map(addOne, { x: numbers });
    wf.add(sum, { numbers: wf.join(each.out.y) });
    return wf;
  },
});
