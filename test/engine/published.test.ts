/** Sidecars of published files, and what happens to files of earlier runs. */
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inputFile, VERSION, Workflow, type NodeDefinition, type RunEvent } from 'neuroloom';
import { expect, test } from 'vitest';
import { Rig } from './rig.js';

type Nodes = Record<'upper' | 'concat', NodeDefinition<never, Record<string, never>>>;
const { upper, concat } = (await import('./fixtures/nodes.mjs' as string)) as Nodes;

interface Names {
  readonly each?: (key: string) => string;
  readonly all?: string;
  readonly labels?: string;
}

/** Files in capitals, published one by one where `each` is given, and put together. */
function texts(rig: Rig, keys: readonly string[], names: Names = {}): Workflow {
  const wf = new Workflow('texts');
  const items = wf.items(keys, { key: (key) => key });
  const source = items.select((key) => inputFile(join(rig.input, `${key}.txt`)));
  const each = wf.map(upper, { source } as never);
  const all = wf.add(concat, { texts: wf.join(each.out['text'] as never), dropped: [] } as never);
  if (names.each !== undefined) wf.publish(each.out['text'] as never, names.each);
  wf.publish(all.out['text'] as never, names.all ?? 'all.txt');
  wf.publish(all.out['labels'] as never, names.labels ?? 'labels.txt');
  return wf;
}

const FILES = { 'a.txt': 'one\n', 'b.txt': 'two\n' };
const sidecar = (rig: Rig, name: string): Record<string, unknown> =>
  JSON.parse(rig.published(name)) as Record<string, unknown>;

test('a sidecar names the node and the nearest published or external sources', async () => {
  using rig = new Rig(FILES);
  const each = (key: string): string => `each/${key}.nii.gz`;
  const run = await texts(rig, ['a', 'b'], { each }).run({ outputDir: rig.output });

  expect(sidecar(rig, 'all.json')).toEqual({
    Description: 'all.txt of the workflow texts',
    GeneratedBy: [{ Name: 'neuroloom', Version: VERSION, Workflow: 'texts', Node: 'concat', NodeVersion: 1 }],
    NodeKey: run.nodes.find(({ id }) => id === 'concat')?.key,
    Sources: ['bids::each/a.nii.gz', 'bids::each/b.nii.gz'],
  });
  expect(sidecar(rig, 'each/a.json')).toMatchObject({ Sources: ['../in/a.txt'] });

  using other = new Rig(FILES);
  await texts(other, ['a', 'b']).run({ outputDir: other.output, inputDir: other.input });
  expect(sidecar(other, 'all.json')).toMatchObject({ Sources: ['bids:input:a.txt', 'bids:input:b.txt'] });
});

test('one name for two sidecars, JSON of the workflow, and files of others are left in peace', async () => {
  using rig = new Rig(FILES);
  const { outputDir } = { outputDir: rig.output };
  await texts(rig, ['a'], { all: 'x.txt', labels: 'x.tsv' }).run({ outputDir });
  expect(
    readdirSync(outputDir)
      .filter((name) => name.startsWith('x'))
      .sort(),
  ).toEqual(['x.tsv', 'x.tsv.json', 'x.txt', 'x.txt.json']);
  await texts(rig, ['a'], { all: 'y.txt', labels: 'y.json' }).run({ outputDir });
  expect(rig.published('y.json')).toBe('');
  expect(existsSync(join(outputDir, 'y.txt.json'))).toBe(false);

  const foreign = '{"RepetitionTime": 2}';
  writeFileSync(join(outputDir, 'z.json'), foreign);
  await texts(rig, ['a'], { all: 'z.txt' }).run({ outputDir });
  expect(rig.published('z.json')).toBe(foreign);
  expect(sidecar(rig, 'z.txt.json')).toHaveProperty('Sources');
});

test('a rerun repairs a sidecar, follows a changed source, and leaves the rest as it is', async () => {
  using rig = new Rig(FILES);
  const wf = texts(rig, ['a', 'b'], { each: (key) => `each/${key}.txt` });
  const { outputDir } = { outputDir: rig.output };
  await wf.run({ outputDir });
  const before = sidecar(rig, 'each/b.json');
  rmSync(join(outputDir, 'each/a.json'));
  rig.write('b.txt', 'second\n');
  await wf.run({ outputDir });
  expect(sidecar(rig, 'each/a.json')).toHaveProperty('NodeKey');
  expect(sidecar(rig, 'each/b.json')['NodeKey']).not.toBe(before['NodeKey']);

  using bare = new Rig(FILES);
  await texts(bare, ['a']).run({ outputDir: bare.output, sidecars: false });
  expect(existsSync(join(bare.output, 'all.json'))).toBe(false);
});

test('files of earlier runs are told, and taken away when asked unless somebody changed them', async () => {
  using rig = new Rig({ ...FILES, 'c.txt': 'three\n' });
  const each = (key: string): string => `each/${key}.txt`;
  const { outputDir } = { outputDir: rig.output };
  await texts(rig, ['a', 'b', 'c'], { each }).run({ outputDir });
  const events: RunEvent[] = [];
  const small = (prune: boolean): Promise<unknown> =>
    texts(rig, ['a'], { each }).run({ outputDir, prune, onEvent: (event) => events.push(event) });
  const warnings = (): unknown[] =>
    events.flatMap((event) => (event.type === 'warning' ? [`${event.code} ${event.message}`] : []));

  await small(false);
  expect(warnings()).toEqual([
    'STALE_OUTPUT 2 files of earlier runs are not part of this result: each/b.txt, each/c.txt',
  ]);
  expect(rig.published('each/b.txt')).toBe('TWO\n');
  await texts(rig, ['a'], { each }).run({
    ...{ outputDir, until: ['upper'], prune: true },
    onEvent: (event) => events.push(event),
  });
  expect(warnings()).toHaveLength(1);

  writeFileSync(join(outputDir, 'each/c.txt'), 'mine');
  await small(true);
  expect(events.flatMap((event) => (event.type === 'pruned' ? [event.path] : []))).toEqual(['each/b.txt']);
  expect(warnings().at(-1)).toBe('STALE_OUTPUT not taken away, because somebody changed them: each/c.txt');
  expect(readdirSync(join(outputDir, 'each')).sort()).toEqual(['a.json', 'a.txt', 'c.json', 'c.txt']);

  const quiet = warnings().length;
  rmSync(join(outputDir, 'each/c.txt'));
  await small(false);
  expect(warnings()).toHaveLength(quiet);
});
