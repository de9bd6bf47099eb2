import { expect, test } from 'vitest';
import { Workflow } from '../../src/engine/builder.js';
import { longestPaths } from '../../src/engine/scheduler.js';
import { addOne, addTwo, sumAll } from '../support/engine-nodes.js';
import { TemporaryDirectory } from '../support/cache-rig.js';

/** Sizes of spec/engine.md section 7: nothing may overflow, and nothing may grow with the square of the graph. */
const MANY = 100_000;

test('a chain of 100,000 nodes is planned', async () => {
  using tmp = new TemporaryDirectory();
  const wf = new Workflow('chain');
  let x = wf.add(addOne, { x: 0 }, { id: 'n0' }).out.y;
  for (let i = 1; i < MANY; i++) x = wf.add(addOne, { x }, { id: `n${i}` }).out.y;

  const plan = await wf.plan({ outputDir: tmp.join('out') });

  expect(plan.counts).toEqual({ run: 1, reuse: 0, 'may-run': MANY - 1, 'not-run': 0 });
  expect(longestPaths(wf.compile())[0]).toBe(MANY);
});

test('a join of 100,000 items is planned', async () => {
  using tmp = new TemporaryDirectory();
  const wf = new Workflow('join');
  const items = wf.items(
    Array.from({ length: MANY }, (_, i) => i),
    { key: (i) => `i${i}` },
  );
  const mapped = wf.map(addOne, { x: items });
  wf.add(sumAll, { numbers: wf.join(mapped.out.y) });

  const plan = await wf.plan({ outputDir: tmp.join('out') });

  expect(plan.counts).toEqual({ run: MANY, reuse: 0, 'may-run': 1, 'not-run': 0 });
  expect(wf.compile().dependencies.targets).toHaveLength(MANY);
});

test('1,000,000 edges are unfolded, each once and to an earlier instance', () => {
  const width = 1000;
  const wf = new Workflow('edges');
  const items = wf.items(
    Array.from({ length: width }, (_, i) => i),
    { key: (i) => `i${i}` },
  );
  const first = wf.map(addOne, { x: items });
  const all = wf.join(first.out.y);
  wf.map(addTwo, { x: first.out.y, others: all });

  const { instances, dependencies, dependents } = wf.compile();

  expect(instances).toHaveLength(2 * width);
  // The partner of the same key is one of all: it counts once.
  expect(dependencies.targets).toHaveLength(width * width);
  expect(dependents.targets).toHaveLength(width * width);
  expect(dependencies.targets.every((target) => target < width)).toBe(true);
});
