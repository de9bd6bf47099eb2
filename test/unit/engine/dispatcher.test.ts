import { expect, test } from 'vitest';
import { Dispatcher } from '../../../src/engine/dispatcher.js';
import type { Instance } from '../../../src/engine/graph.js';
import { DEFAULT_RESOURCES, type Resources } from '../../../src/engine/node.js';
import { ReadyQueue } from '../../../src/engine/ready-queue.js';
import { ResourcePool, type ResourceLimits } from '../../../src/engine/resource-pool.js';

const LIMITS: ResourceLimits = { jobs: 4, cpus: 4, memoryGb: 8, gpus: 0, tokens: {} };

function dispatcher(
  requests: readonly Partial<Resources>[],
  priorities: readonly number[] = requests.map(() => 1),
): {
  next: () => number;
  pool: ResourcePool;
  resources: (i: number) => Resources;
  push: (i: number) => void;
} {
  const instances = requests.map(
    (request, index) => ({ index, resources: { ...DEFAULT_RESOURCES, ...request } }) as Instance,
  );
  const priority = Float64Array.from(priorities);
  const queue = new ReadyQueue(priority);
  instances.forEach(({ index }) => {
    queue.push(index);
  });
  const pool = new ResourcePool(LIMITS, instances);
  const found = new Dispatcher(queue, pool, instances, priority);
  return {
    next: () => found.next(),
    pool,
    resources: (i) => (instances[i] as Instance).resources,
    push: (i) => {
      queue.push(i);
    },
  };
}

test('of equal priority the one that fits best goes first', () => {
  const { next } = dispatcher([{ cpus: 1 }, { cpus: 3 }, { cpus: 1 }]);
  expect([next(), next(), next()]).toEqual([1, 0, -1]);
});

test('a higher priority goes before a better fit, and what does not fit is passed over', () => {
  const { next } = dispatcher([{ cpus: 1 }, { cpus: 4 }, { cpus: 1, memoryGb: 100 }], [2, 1, 3]);
  expect(next()).toBe(0);
  expect(next()).toBe(-1);
});

test('no more than the limits are taken, and released resources serve the next', () => {
  const { next, pool, resources } = dispatcher([{ memoryGb: 5 }, { memoryGb: 5 }]);
  expect([next(), next()]).toEqual([0, -1]);
  pool.release(resources(0));
  expect(next()).toBe(1);
});

test('named tokens are counted; one without a limit serves its largest request', () => {
  const { next, pool, resources } = dispatcher([
    { tokens: { 'license:matlab': 1 } },
    { tokens: { 'license:matlab': 1 } },
  ]);
  expect([next(), next()]).toEqual([0, -1]);
  pool.release(resources(0));
  expect(next()).toBe(1);
});

test('a large request that was passed over often enough is no longer overtaken', () => {
  const small = Array.from({ length: 100 }, () => ({ cpus: 1 }));
  const { next, pool, resources } = dispatcher([{ cpus: 4 }, ...small], [2, ...small.map(() => 1)]);
  // One small node always runs, so that the large one never fits.
  pool.take(resources(1));
  let started = 0;
  for (let index = next(); index > 0; index = next()) {
    started++;
    pool.release(resources(index));
  }
  expect(started).toBeGreaterThan(10);
  expect(started).toBeLessThan(100);
  pool.release(resources(1));
  expect(next()).toBe(0);
});
