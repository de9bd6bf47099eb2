import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inputFile, Workflow, type NodeDefinition } from 'neuroloom';
import { expect, test } from 'vitest';
import { Rig } from '../rig.js';

type Nodes = Record<'upper' | 'touchInput', NodeDefinition<never, Record<string, never>>>;
const { upper, touchInput } = (await import('../fixtures/nodes.mjs' as string)) as Nodes;

/** Files in capitals, by name and place. */
function capitals(places: Readonly<Record<string, string>>): Workflow {
  const wf = new Workflow('links');
  const items = wf.items(Object.keys(places), { key: (name) => name });
  const each = wf.map(upper, { source: items.select((name) => inputFile(places[name] ?? '')) } as never);
  wf.publish(each.out['text'] as never, (key) => `${key}.txt`);
  return wf;
}

test('links are read through: to files, to directories, to links; what they lead to decides', async () => {
  using rig = new Rig();
  mkdirSync(rig.path('real'));
  writeFileSync(rig.path('real/a.txt'), 'one\n');
  writeFileSync(rig.path('real/b.txt'), 'two\n');
  const file = join(rig.input, 'file');
  symlinkSync('../real/a.txt', file);
  symlinkSync('../real', join(rig.input, 'directory'));
  symlinkSync('file', join(rig.input, 'again'));
  const places = {
    file,
    directory: join(rig.input, 'directory', 'b.txt'),
    again: join(rig.input, 'again'),
  };
  expect((await capitals(places).run({ outputDir: rig.output })).exitCode).toBe(0);
  expect(rig.published('file.txt') + rig.published('directory.txt')).toBe('ONE\nTWO\n');
  rig.executed();

  // The same content by another way is the same input.
  rmSync(file);
  writeFileSync(file, 'one\n');
  expect((await capitals(places).run({ outputDir: rig.output })).counts).toMatchObject({ executed: 0 });
  rmSync(file);
  symlinkSync(rig.path('real/b.txt'), file);
  const moved = await capitals(places).run({ outputDir: rig.output });
  expect(rig.executed()).toEqual([]);
  expect(moved.counts).toMatchObject({ executed: 0, reused: 3 });
  expect(rig.published('file.txt') + rig.published('again.txt')).toBe('TWO\nTWO\n');
  writeFileSync(rig.path('real/b.txt'), 'six\n');
  await capitals(places).run({ outputDir: rig.output });
  expect(rig.executed()).toEqual(['upper six']);
  expect(rig.published('directory.txt')).toBe('SIX\n');
});

test('a link in a circle and one that leads nowhere concern their item only', async () => {
  using rig = new Rig({ 'good.txt': 'good\n' });
  const at = (name: string): string => join(rig.input, name);
  symlinkSync('circle', at('circle'));
  symlinkSync('nowhere', at('dangling'));
  const places = { circle: at('circle'), dangling: at('dangling'), good: at('good.txt') };
  const run = await capitals(places).run({ outputDir: rig.output });
  const told = Object.fromEntries(run.nodes.map(({ id, state }) => [id, state]));
  expect(told).toEqual({
    'upper[circle]': 'failed',
    'upper[dangling]': 'skipped',
    'upper[good]': 'executed',
  });
  expect(run.nodes.find(({ state }) => state === 'failed')?.error?.message).toMatch(/ELOOP.*circle/);
  expect(rig.published('good.txt')).toBe('GOOD\n');
});

test('what a link leads to changes while the node runs: nothing is stored', async () => {
  using rig = new Rig({ 'a.txt': 'one' });
  const link = join(rig.input, 'link');
  symlinkSync('a.txt', link);
  const wf = new Workflow('change');
  wf.add(touchInput, { source: inputFile(link) } as never);
  const run = await wf.run({ outputDir: rig.output });
  expect(run.nodes[0]?.error?.failureClass).toBe('input-changed');
  expect(rig.completeResults()).toBe(0);
});
