/** The graphs of the engine benchmark, of trivial nodes. */
import { defineWorkflow, Workflow, z } from 'neuroloom';
import { addOne, sum } from './nodes.mjs';

const WIDTH = 10;

function numbers(wf, count) {
  const all = Array.from({ length: count }, (_, i) => i);
  return wf.items(all, { key: (i) => `c${i}` }).select((i) => i * 1_000_000);
}

/** Chains, ten side by side. */
export function chains(nodes) {
  const wf = new Workflow('bench_chains');
  let x = numbers(wf, Math.min(WIDTH, nodes));
  for (let row = 0; row * WIDTH < nodes; row++) {
    x = wf.map(addOne, { x }, { id: `row_${row}` }).out.y;
  }
  return wf;
}

/** One chain. */
export function chain(nodes) {
  const wf = new Workflow('bench_chain');
  let x = wf.add(addOne, { x: 0 }, { id: 'n0' }).out.y;
  for (let i = 1; i < nodes; i++) x = wf.add(addOne, { x }, { id: `n${i}` }).out.y;
  return wf;
}

/** A wide map and the join of all its items. */
export function wide(nodes) {
  const wf = new Workflow('bench_wide');
  const each = wf.map(addOne, { x: numbers(wf, nodes - 1) });
  wf.add(sum, { numbers: wf.join(each.out.y) });
  return wf;
}

/** Maps of 100 items, each joined; the sums are joined again. */
export function tree(nodes) {
  const wf = new Workflow('bench_tree');
  const branches = Math.max(1, Math.round((nodes - 1) / 101));
  const sums = [];
  for (let i = 0; i < branches; i++) {
    const each = wf.map(addOne, { x: numbers(wf, 100).select((x) => x + i) }, { id: `map_${i}` });
    sums.push(wf.add(sum, { numbers: wf.join(each.out.y) }, { id: `sum_${i}` }).out.y);
  }
  wf.add(sum, { numbers: sums }, { id: 'total' });
  return wf;
}

/** Two layers in which each node of the second depends on all of the first: (nodes / 2) squared edges. */
export function dense(nodes) {
  const wf = new Workflow('bench_dense');
  const half = Math.floor(nodes / 2);
  const first = wf.map(addOne, { x: numbers(wf, half) });
  wf.map(sum, { x: first.out.y, numbers: wf.join(first.out.y) });
  return wf;
}

export const GRAPHS = { chains, chain, wide, tree, dense };

defineWorkflow({
  name: 'bench_chains',
  summary: 'Trivial nodes in chains',
  scope: 'cohort',
  configNamespace: 'bench_chains',
  configSchema: z.strictObject({ nodes: z.int().min(1).default(1000) }),
  verifyRequirements: () => [],
  buildWorkflow: ({ config }) => chains(config.bench_chains.nodes),
});
