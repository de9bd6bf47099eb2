import { expect, test } from 'vitest';
import { Workflow, defineNode, port, z, type NodeDefinition } from '../../../src/index.js';
import { estimateRun, type Likelihood, type NodeHistory } from '../../../src/engine/estimate.js';
import type { ResourceLimits } from '../../../src/engine/resource-pool.js';

const number = port.value(z.number());
const node = (name: string, cpus = 1): NodeDefinition<never, { y: typeof number }> =>
  defineNode({
    name,
    version: 1,
    inputs: { x: number, after: port.list(number) },
    outputs: { y: number },
    resources: { cpus },
    module: import.meta.url,
    run: ({ x }) => ({ y: x }),
  }) as never;

/** Four items, and one node that waits for all of them. */
function graph(cpus = 1): ReturnType<Workflow['compile']> {
  const wf = new Workflow('four');
  const items = wf.items([1, 2, 3, 4], { key: String });
  const each = wf.map(node('each', cpus), { x: items, after: [] } as never);
  wf.add(node('all'), { x: 0, after: wf.join(each.out.y as never) } as never);
  return wf.compile();
}

const HISTORY: [string, NodeHistory][] = [
  ['each', { ms: 100, bytes: 1000 }],
  ['all', { ms: 50, bytes: 7 }],
];

function estimate(
  actions: readonly Likelihood[],
  limits: Partial<ResourceLimits>,
  options: { readonly known?: readonly [string, NodeHistory][]; readonly cpus?: number } = {},
): ReturnType<typeof estimateRun> {
  const history = new Map(options.known ?? HISTORY);
  return estimateRun({
    graph: graph(options.cpus),
    store: { nodeHistory: () => history, directory: '/' },
    limits: { jobs: 1, cpus: 8, memoryGb: 8, gpus: 0, tokens: {}, ...limits },
    actions,
    deferred: [],
  });
}

const ALL: Likelihood[] = ['runs', 'runs', 'runs', 'runs', 'runs'];

test('one worker takes the sum, many take the longest way, and cores limit as well', () => {
  const time = (limits: Partial<ResourceLimits>, cpus = 1): unknown => estimate(ALL, limits, { cpus })?.ms;
  expect(time({ jobs: 1 })).toEqual({ least: 450, most: 450 });
  expect(time({ jobs: 2 })).toEqual({ least: 225, most: 225 });
  expect(time({ jobs: 8 })).toEqual({ least: 150, most: 150 });
  expect(time({ jobs: 8, cpus: 2 }, 2)).toEqual({ least: 425, most: 425 });
  expect(estimate(ALL, {})?.bytes).toEqual({ least: 4007, most: 4007 });
});

test('what may run counts for the most only, and what is reused takes nothing', () => {
  const some = estimate(['runs', 'rests', 'rests', 'rests', 'may-run'], {});
  expect(some).toMatchObject({ ms: { least: 100, most: 150 }, bytes: { least: 1000, most: 1007 } });
  expect(estimate(['rests', 'rests', 'rests', 'rests', 'rests'], {})).toBeNull();
});

test('nodes without history are named and count for nothing', () => {
  const known = HISTORY.slice(1);
  expect(estimate(ALL, {}, { known })).toMatchObject({ ms: { least: 50, most: 50 }, unknown: ['each'] });
});
