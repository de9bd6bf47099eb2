import { expect, test } from 'vitest';
import { defineNode, port, Workflow, z, type NodeDefinition } from '../../../src/index.js';
import type { RunEvent } from '../../../src/engine/events.js';
import type { NodeState } from '../../../src/engine/run-account.js';
import { LiveRun } from '../../../src/engine/run-view.js';

const number = port.value(z.number());
const double = defineNode({
  name: 'double',
  version: 1,
  inputs: { x: number },
  outputs: { y: number },
  module: import.meta.url,
  run: ({ x }) => ({ y: 2 * x }),
});

/** Four items of one node on two workers. */
function liveRun(historyMs: number | null) {
  const wf = new Workflow('four');
  wf.map(double, { x: wf.items([1, 2, 3, 4], { key: String }) });
  const ends: NodeState[] = [];
  const means = new Map<NodeDefinition, number>();
  const clock = { ms: 0 };
  const running = new Set<number>();
  const live = new LiveRun(
    wf.compile(),
    {
      counts: () => expect.unreachable(),
      endOf: (index) => ends[index],
      runningIndices: () => running,
      meanMs: (node) => means.get(node) ?? null,
    },
    () => ({ jobs: 2, cpus: 8, memoryGb: 8, gpus: 0, tokens: {} }),
    () => new Map(historyMs === null ? [] : [['double', { ms: historyMs, bytes: 1 }]]),
    () => clock.ms,
  );
  const start = (index: number): void => {
    running.add(index);
    const id = `double[${index + 1}]`;
    live.see({ type: 'node-started', id, key: 'k', reason: { kind: 'new' }, attempt: 1 });
  };
  const end = (index: number): void => {
    running.delete(index);
    ends[index] = 'executed';
    live.see({ type: 'node-done', id: `double[${index + 1}]`, key: 'k', ms: 1, peakMb: 1, attempts: 1 });
  };
  const progress = (done: number, total: number): RunEvent => ({
    type: 'node-progress',
    id: 'double[1]',
    done,
    total,
    text: 'step',
  });
  return { live, clock, start, end, progress, means, node: double as unknown as NodeDefinition };
}

test('what is left follows earlier runs, then this run, then what a node says of itself', () => {
  const { live, clock, start, end, progress, means, node } = liveRun(10_000);
  expect(live.remaining()).toBeNull(); // what is in the cache is not settled yet
  start(0);
  start(1);
  clock.ms = 4_000;
  expect(live.remaining()).toEqual({ ms: (6_000 + 6_000 + 10_000 + 10_000) / 2, isPartial: false });

  live.see(progress(1, 5));
  expect(live.running()[0]).toMatchObject({ id: 'double[1]', ms: 4_000, done: 1, total: 5, text: 'step' });
  expect(live.remaining()?.ms).toBe((16_000 + 6_000 + 10_000 + 10_000) / 2);

  end(0);
  means.set(node, 2_000);
  expect(live.running().map(({ id }) => id)).toEqual(['double[2]']);
  expect(live.remaining()?.ms).toBe((0 + 2_000 + 2_000) / 2);
});

test('without any knowledge nothing is said, and with some of it the rest is admitted', () => {
  const { live, clock, start, progress } = liveRun(null);
  start(0);
  clock.ms = 5_000;
  expect(live.remaining()).toBeNull();
  live.see(progress(1, 2));
  expect(live.remaining()).toEqual({ ms: 5_000, isPartial: true });
});
