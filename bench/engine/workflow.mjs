/** The workflow of the engine benchmark: NEUROLOOM_BENCH_NODES trivial nodes in chains, ten side by side. */
import { defineWorkflow, Workflow, z } from 'neuroloom';
import { addOne } from './nodes.mjs';

const WIDTH = 10;

export function chains(nodes) {
  const wf = new Workflow('bench_chains');
  const columns = Array.from({ length: Math.min(WIDTH, nodes) }, (_, i) => i);
  let x = wf.items(columns, { key: (i) => `c${i}` }).select((i) => i * 1_000_000);
  for (let row = 0; row * WIDTH < nodes; row++) {
    x = wf.map(addOne, { x }, { id: `row_${row}` }).out.y;
  }
  return wf;
}

defineWorkflow({
  name: 'bench_chains',
  summary: 'Trivial nodes in chains',
  scope: 'cohort',
  configNamespace: 'bench_chains',
  configSchema: z.strictObject({ nodes: z.int().min(1).default(1000) }),
  verifyRequirements: () => [],
  buildWorkflow: ({ config }) => chains(config.bench_chains.nodes),
});
