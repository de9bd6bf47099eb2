/** What a run can be told: fresh processes, a part of the graph, and what containers do to keys. */
import { Workflow, type NodeDefinition, type RunResult } from 'neuroloom';
import { expect, test } from 'vitest';
import { openCacheStore } from '../../src/engine/cache-store.js';
import { requirementProblems } from '../../src/engine/prepare.js';
import type { WorkflowDefinition } from '../../src/engine/registry.js';
import { Rig } from './rig.js';

type Node = NodeDefinition<never, Record<string, never>>;
const { whichProcess, aloneByItself, onCard, inImage } = (await import(
  './fixtures/choice-nodes.mjs' as string
)) as {
  whichProcess: Node;
  aloneByItself: Node;
  onCard: Node;
  inImage: (sha256: string) => Node;
};

function processes(node: Node, items: number): Workflow {
  const wf = new Workflow('processes');
  const numbers = wf.items(
    Array.from({ length: items }, (_, x) => x),
    { key: (x) => `i${x}` },
  );
  wf.map(node, { x: numbers } as never);
  return wf;
}

/** The processes that the nodes of a run ran in. */
const pidsOf = (rig: Rig, run: RunResult): Promise<number[]> => valuesOf(rig, run, 'pid');

/** A value of each node of a run. */
async function valuesOf(rig: Rig, { nodes }: RunResult, output: string): Promise<number[]> {
  const store = await openCacheStore({ directory: `${rig.output}/.neuroloom/cache`, writable: false });
  try {
    return nodes.map(({ key }) => {
      const found = store.lookup(key as string);
      const made = found.outcome === 'hit' ? found.result.outputs[output] : undefined;
      return made?.kind === 'value' ? (made.value as number) : NaN;
    });
  } finally {
    store.close();
  }
}

test('isolation process gives every node a process of its own; workers are used again otherwise', async () => {
  using rig = new Rig();
  const wf = processes(whichProcess, 4);
  const shared = await wf.run({ outputDir: rig.output, jobs: 1 });
  expect(new Set(await pidsOf(rig, shared)).size).toBe(1);

  const own = await wf.run({ outputDir: rig.output, jobs: 1, isolation: 'process', refresh: true });
  expect(own).toMatchObject({ exitCode: 0, counts: { executed: 4 } });
  expect(new Set(await pidsOf(rig, own)).size).toBe(4);
});

/** Whether nodes that follow each other with these requests, GB, take over the process of the one before. */
async function takeOvers(rig: Rig, memoryGb: readonly number[], jobs: number): Promise<boolean[]> {
  const wf = new Workflow('sizes');
  let after: unknown = 0;
  for (const [x, gb] of memoryGb.entries()) {
    const options = { id: `n${x}`, resources: { memoryGb: gb } };
    after = wf.add(whichProcess, { x, after } as never, options).out['pid'];
  }
  const pids = await pidsOf(rig, await wf.run({ outputDir: rig.output, jobs }));
  return pids.slice(1).map((pid, i) => pid === pids[i]);
}

test('where no process may be added, one of twice the memory serves a node too; one of four times does not', async () => {
  using rig = new Rig();
  expect(await takeOvers(rig, [0.5, 0.25, 1, 0.25], 1)).toEqual([true, false, false]);
  using roomy = new Rig();
  expect(await takeOvers(roomy, [0.5, 0.25], 2)).toEqual([false]);
});

test('a node that asks for it, or for a gpu, is alone in its process', async () => {
  using rig = new Rig();
  const alone = await processes(aloneByItself, 3).run({ outputDir: rig.output, jobs: 2 });
  expect(new Set(await pidsOf(rig, alone)).size).toBe(3);

  const mixed = new Workflow('mixed');
  const [one, two] = [1, 2].map((x) => mixed.add(whichProcess, { x } as never, { id: `warm${x}` }));
  mixed.add(aloneByItself, { x: 9 } as never);
  mixed.add(whichProcess, { x: 3, after: one?.out['pid'] } as never, { id: 'after1' });
  mixed.add(whichProcess, { x: 4, after: two?.out['pid'] } as never, { id: 'after2' });
  const run = await mixed.run({ outputDir: rig.output, jobs: 1 });
  const pids = await pidsOf(rig, run);
  const isolated = pids[run.nodes.findIndex(({ id }) => id === 'alone_by_itself')];
  expect(pids.filter((pid) => pid === isolated)).toHaveLength(1);
});

test.each([1, 2])(
  'of %i graphics cards each serves one node at a time, in a process of its own',
  async (gpus) => {
    using rig = new Rig();
    const run = await processes(onCard, 4).run({ outputDir: rig.output, jobs: 4, cpus: 4, gpus });
    expect(run).toMatchObject({ exitCode: 0, counts: { executed: 4 } });
    expect(new Set(await pidsOf(rig, run)).size).toBe(4);
    const [from, to] = [await valuesOf(rig, run, 'from'), await valuesOf(rig, run, 'to')];
    const together = from.map((start) => from.filter((other, i) => other <= start && to[i]! > start).length);
    expect(Math.max(...together)).toBeLessThanOrEqual(gpus);
  },
);

test('a node that needs a graphics card is refused where there is none', async () => {
  using rig = new Rig();
  await expect(processes(onCard, 1).run({ outputDir: rig.output, gpus: 0 })).rejects.toMatchObject({
    code: 'RESOURCES',
  });
});

test('until leaves out what the named node does not need, and what that publishes', async () => {
  using rig = new Rig();
  const wf = new Workflow('chain');
  const first = wf.add(whichProcess, { x: 1 } as never, { id: 'first' });
  const second = wf.add(whichProcess, { x: 2, after: first.out['pid'] } as never, { id: 'second' });
  wf.add(whichProcess, { x: 3, after: second.out['pid'] } as never, { id: 'third' });
  wf.add(whichProcess, { x: 4 } as never, { id: 'aside' });
  const request = { outputDir: rig.output, until: ['second'] };

  expect((await wf.plan(request)).entries.map(({ id }) => id)).toEqual(['first', 'second']);
  const run = await wf.run(request);
  expect(run.nodes.map(({ id, state }) => `${id} ${state}`)).toEqual(['first executed', 'second executed']);
  const all = await wf.run({ outputDir: rig.output });
  expect(all.counts).toMatchObject({ executed: 2, reused: 2 });
  await expect(wf.plan({ ...request, until: ['secnd'] })).rejects.toMatchObject({
    code: 'USAGE',
    message: 'chain has no node secnd; did you mean second?',
    cure: '--until takes one of first, second, third, aside',
  });
});

test('another image of a container is another key, and the reason says which', async () => {
  using rig = new Rig();
  const withImage = (sha256: string): Workflow => {
    const wf = new Workflow('image');
    wf.add(inImage(sha256), {} as never);
    return wf;
  };
  await withImage('a'.repeat(64)).run({ outputDir: rig.output });
  const same = await withImage('a'.repeat(64)).plan({ outputDir: rig.output });
  const other = await withImage('b'.repeat(64)).plan({ outputDir: rig.output });
  expect(same.counts).toMatchObject({ reuse: 1, run: 0 });
  expect(other.entries[0]?.reason).toEqual({
    kind: 'container',
    name: 'brain_tool',
    before: 'a'.repeat(64),
    after: 'b'.repeat(64),
  });
  expect(() => inImage('latest')).toThrow('node in_image: container brain_tool has no digest');
});

test('checks of a workflow that do not end are given up', async () => {
  using rig = new Rig();
  const definition = {
    name: 'waits',
    checksInput: false,
    produces: {},
    requires: { tools: [], products: [] },
    configNamespace: 'waits',
    verifyRequirements: () => new Promise(() => undefined),
  } as unknown as WorkflowDefinition;
  const context = { inputDir: rig.input, outputDir: rig.output, participants: null, seed: 0, cpus: 1 };
  const problems = await requirementProblems({ definition, config: {}, context, checkLimitMs: 50 });
  expect(problems).toEqual([
    {
      severity: 'error',
      code: 'TIMEOUT',
      message: 'the checks of workflow waits did not end within 0.05 s',
      cure: 'see whether the disk of the input directory answers, or allow more with --check-limit',
    },
  ]);
});
