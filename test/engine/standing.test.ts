/** Runs in which nothing has changed take results without a look at each, and see all the same what did change. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { inputFile, Workflow, type NodeDefinition, type RunRequest } from 'neuroloom';
import { afterEach, expect, test, vi } from 'vitest';
import { openCareCache } from '../../src/engine/cache-care.js';
import { collectGarbage, planGc } from '../../src/engine/cache-gc.js';
import { Rig } from './rig.js';

type Nodes = Record<'read' | 'double' | 'write', NodeDefinition<never, Record<string, never>>>;
const { read, double, write } = (await import('./fixtures/standing-nodes.mjs' as string)) as Nodes;
const { SqliteCache } = (await import('../../dist/engine/sqlite-cache.js' as string)) as {
  SqliteCache: { prototype: { lookup(key: string): unknown } };
};

afterEach(() => {
  vi.restoreAllMocks();
  delete process.env['TEST_MORE'];
});

/** read -> double -> write -> again (reads what was written) -> last. */
function chain(rig: Rig, factor = 1): Workflow {
  const wf = new Workflow('chain');
  const first = wf.add(read, { source: inputFile(join(rig.input, 'x.txt')) } as never);
  const twice = wf.add(double, { x: first.out['x'] } as never);
  const text = wf.add(write, { x: twice.out['y'] } as never);
  const again = wf.add(read, { source: text.out['text'] } as never, { id: 'again' });
  wf.add(double, { x: again.out['x'] } as never, { id: 'last' });
  wf.add(double, { x: factor } as never, { id: 'alone' });
  return wf;
}

async function run(rig: Rig, more: Partial<RunRequest> & { factor?: number } = {}) {
  const lookup = vi.spyOn(SqliteCache.prototype, 'lookup');
  const { factor, ...request } = more;
  const result = await chain(rig, factor).run({ outputDir: rig.output, jobs: 1, ...request });
  const lookups = lookup.mock.calls.length;
  lookup.mockRestore();
  expect(result.status).toBe('done');
  return { lookups, executed: rig.executed(), reused: result.counts.reused, nodes: result.nodes };
}

/**
 * Runs until the next one need not look at values: a source that was written a moment ago is read again by its content,
 * because its time could hide one more change.
 */
async function settled(): Promise<Rig> {
  const rig = new Rig({ 'x.txt': '5' });
  for (let runs = 0; runs < 20; runs++) {
    const { lookups } = await run(rig);
    if (lookups === 1) return rig;
    await setTimeout(250);
  }
  throw new Error('every run looked at every result');
}

test('only results with files are looked up when nothing has changed; a changed literal or input is seen', async () => {
  using rig = await settled();
  const quiet = await run(rig);
  expect(quiet).toMatchObject({ lookups: 1, executed: [], reused: 6 });
  expect(quiet.nodes.every(({ state, key }) => state === 'reused' && key?.length === 64)).toBe(true);
  // Asked for content, every result is looked at.
  expect(await run(rig, { hash: 'content' })).toMatchObject({ lookups: 6, executed: [], reused: 6 });

  expect(await run(rig, { factor: 3 })).toMatchObject({ executed: ['double 3'], reused: 5 });
  rig.write('x.txt', '7');
  // `last` doubles 14 like `double` doubles 7: another key.
  expect((await run(rig)).executed).toEqual(['double 14', 'double 7', 'read', 'read', 'write 14']);
});

test('what follows from a lost, forced or removed result that comes out otherwise runs again', async () => {
  using rig = await settled();
  const cacheDir = join(rig.output, '.neuroloom', 'cache');
  const objects = readdirSync(join(cacheDir, 'objects'), { recursive: true }) as string[];
  const text = objects.find((name) => name.endsWith('text.txt')) as string;
  rmSync(join(cacheDir, 'objects', text));
  process.env['TEST_MORE'] = '0';
  // 100 instead of 10.
  expect((await run(rig)).executed).toEqual(['double 100', 'read', 'write 10']);
  expect(await run(rig)).toMatchObject({ executed: [], reused: 6 });

  process.env['TEST_MORE'] = '1';
  expect((await run(rig, { forceNodes: ['write'] })).executed).toEqual(['double 101', 'read', 'write 10']);
  expect(await run(rig)).toMatchObject({ executed: [], reused: 6 });
  expect(await run(rig)).toMatchObject({ lookups: 1, executed: [], reused: 6 });

  const cache = await openCareCache(cacheDir);
  const { candidates } = planGc(cache, { usedBefore: null, maxBytes: 0 });
  collectGarbage(cache, candidates);
  cache.close();
  // A byte budget takes only results with files, the oldest first.
  expect(candidates.length).toBeGreaterThan(0);
  expect((await run(rig)).executed.length).toBeGreaterThan(0);
});
