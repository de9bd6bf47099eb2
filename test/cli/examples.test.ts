import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { writeFreesurferSurface } from '../../src/io/index.js';
import { icosphere } from '../support/analytic-meshes.js';
import { PipelineRig } from '../support/pipeline-rig.js';

const EXAMPLE = fileURLToPath(new URL('../../examples/reaction-times', import.meta.url));

const SHAPES = fileURLToPath(new URL('../../examples/shape-descriptors/describe.js', import.meta.url));

const TABLE = [
  'participant\ttrials\treaction_time',
  'sub-01\t4\t0.32999999999999996',
  'sub-02\t3\t0.52',
  'sub-03\t4\t0.41000000000000003',
  '',
].join('\n');

test('the library example runs where it stands; the second time nothing is computed', async () => {
  await using rig = await PipelineRig.create();
  const run = (): string =>
    spawnSync(process.execPath, [`${EXAMPLE}/study.js`, rig.path('out')], { encoding: 'utf8' }).stdout;
  expect(run()).toBe('done: 4 nodes run, 0 reused\n');
  expect(await rig.read('out/reaction_times.tsv')).toBe(TABLE);
  expect(run()).toBe('done: 0 nodes run, 4 reused\n');
});

test('combinations, items of the run, conditions and nested workflows: the example, and the page that explains it', async () => {
  await using rig = await PipelineRig.create();
  const run = (): string =>
    spawnSync(process.execPath, [`${EXAMPLE}/outliers.js`, rig.path('out')], { encoding: 'utf8' }).stdout;
  const first = run();
  expect(first).toMatch(/^done: \d+ nodes run, \d+ reused, \d+ skipped\n$/);
  expect((await rig.read('out/both_statistics.tsv')).split('\n')).toHaveLength(8);
  expect(await rig.read('out/sub-01_slow.txt')).toMatch(/^\d slow trial\(s\)\ntrial-\d \d+ ms\n/);
  expect(run()).toMatch(/^done: 0 nodes run, /);

  const page = await readFile(new URL('../../docs/workflows-in-code.md', import.meta.url), 'utf8');
  const code = await readFile(`${EXAMPLE}/outliers.js`, 'utf8');
  const blocks = [...page.matchAll(/```js\n([\s\S]*?)```/g)].map(([, block]) => block ?? '');
  expect(blocks).toHaveLength(4);
  for (const block of blocks) expect(code).toContain(block);
});

test('the workflow module runs from any directory, also where neuroloom is not installed', async () => {
  await using rig = await PipelineRig.create();
  await rig.copy(EXAMPLE, '.');
  const args = [
    '--load',
    './my-workflows.js',
    'run',
    '-w',
    'reaction_times',
    '-i',
    'recordings',
    '-o',
    'out',
  ];
  const run = await rig.run(args);
  expect(run.exitCode).toBe(0);
  expect(run.executed).toHaveLength(4);
  expect(await rig.read('out/reaction_times.tsv')).toBe(TABLE);
  expect(await rig.report()).toContain('Medians are in reaction_times.tsv.');

  const mean = await rig.run([...args, '--set', 'reaction_times.statistic=mean', '--participants', 'sub-03']);
  expect(mean.exitCode).toBe(0);
  expect((await rig.read('out/reaction_times.tsv')).split('\n')[1]).toBe('sub-03\t4\t0.595');
});

test('the example of shape descriptors compares two spheres with a longer one, and the page shows its core', async () => {
  await using rig = await PipelineRig.create();
  const { vertices, faces } = icosphere(2, 10);
  const paths = ['a.white', 'b.white', 'long.white'].map((name) => rig.path(name));
  await writeFreesurferSurface(paths[0]!, { vertices, faces });
  await writeFreesurferSurface(paths[1]!, { vertices: vertices.map((value) => 3 * value), faces });
  await writeFreesurferSurface(paths[2]!, {
    vertices: vertices.map((value, i) => (i % 3 === 2 ? 2 : 1) * value),
    faces,
  });
  const { stdout, stderr } = spawnSync(process.execPath, [SHAPES, ...paths], { encoding: 'utf8' });
  expect(stderr).toBe('');
  // lambda_1 of a sphere of radius 10 is 2 / 100.
  expect(Number(/lambda_1 (\S+)/.exec(stdout)?.[1])).toBeCloseTo(0.02, 3);
  expect(stdout.match(/proved complete: [56]\d/g)).toHaveLength(3);
  const distance = (pair: string): number => Number(new RegExp(`${pair}: (\\S+)`).exec(stdout)?.[1]);
  expect(distance(`${paths[0]} ${paths[1]}`)).toBeLessThan(0.01);
  expect(distance(`${paths[0]} ${paths[2]}`)).toBeGreaterThan(1);
  const page = await readFile(new URL('../../docs/shape-descriptors.md', import.meta.url), 'utf8');
  const core = /```js\n([\s\S]*?)```/.exec(page)?.[1];
  expect(await readFile(SHAPES, 'utf8')).toContain(core);
});
