/** The workflow of the engine benchmark: `nodes` trivial nodes in chains, ten side by side. */
import { Workflow } from 'neuroloom';
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
