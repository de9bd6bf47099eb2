import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { parseTsv, readNifti, fortranToC } from '../../src/io/index.js';
import { generateStatisticalAtlas } from '../../src/numerics.js';
import { tractSimilarity } from '../../src/numerics/similarity/tract-similarity.js';
import { PipelineRig } from '../support/pipeline-rig.js';
import { COHORT_SHAPE, tractDensity, tractVolume, writeTractCohort } from '../support/tract-cohort.js';

const RUN = ['run', '-w', 'tract_similarity', '-i', 'in', '-o', 'out'];
const volume = (id: string): string => `in/${id}/tractography/fdt_paths.nii.gz`;

/** A cohort with its averaging atlas, and a configuration in the input directory that names it. */
async function similarityRig(): Promise<PipelineRig> {
  const rig = await PipelineRig.create();
  writeTractCohort(rig.path('in'), ['10', '9', '2']);
  await generateStatisticalAtlas({ inputDir: rig.path('in'), atlasDir: rig.path('made/atlas') });
  await rig.write('in/neuroloom.yaml', 'tract_similarity:\n  reference: ../made/atlas\n');
  return rig;
}

const rows = async (rig: PipelineRig, path = 'out/tract_similarity.tsv') => {
  const { columns, rows: cells } = parseTsv(await rig.read(path), path);
  return cells.map((row) => Object.fromEntries(row.map((cell, i) => [columns[i]!, cell])));
};

describe('a cohort against its atlas', () => {
  test('every subject has its file and its row, equal to the metrics of its normalised volume', async () => {
    await using rig = await similarityRig();
    const run = await rig.run(RUN);
    expect([run.exitCode, run.executed]).toEqual([
      0,
      ['collect_similarities', 'compare_maps[10]', 'compare_maps[2]', 'compare_maps[9]'],
    ]);
    expect(await rig.list('out/tract_similarity')).toEqual([
      '10_vs_atlas_mean.json',
      '2_vs_atlas_mean.json',
      '9_vs_atlas_mean.json',
    ]);
    const table = await rows(rig);
    expect(table.map((row) => row['candidate'])).toEqual(['2', '9', '10']);

    const mean = await readNifti(rig.path('made/atlas/atlas_mean.nii.gz'));
    const counts = await readNifti(rig.path(volume('9')));
    const expected = tractSimilarity({
      a: fortranToC(
        Float32Array.from(counts.data, (count) => count / 1000),
        counts.shape,
      ),
      b: fortranToC(mean.data, mean.shape),
      shape: [...COHORT_SHAPE],
      affine: mean.affine,
    });
    const written = JSON.parse(await rig.read('out/tract_similarity/9_vs_atlas_mean.json')) as {
      metrics: Record<string, number>;
      candidate: unknown;
    };
    expect(written.metrics).toEqual(expected);
    expect(written.candidate).toMatchObject({ name: '9', file: '9/tractography/fdt_paths.nii.gz' });
    expect(table[1]).toMatchObject({ dice: String(expected.dice), status: 'compared' });

    const second = await rig.run(RUN);
    expect([second.executed, second.reused.length]).toEqual([[], 4]);
  });

  test('a volume that cannot be read is a row that says why', async () => {
    await using rig = await similarityRig();
    writeFileSync(rig.path(volume('9')), 'not an image at all');
    const run = await rig.run(RUN, { report: true });
    expect(run.exitCode).toBe(0);
    const [, skipped] = await rows(rig);
    expect(skipped).toMatchObject({ candidate: '9', dice: null });
    expect(skipped!['status']).toContain('skipped: unreadable: 9/tractography/fdt_paths.nii.gz');
    expect(run.stderr).toContain('1 of 3 subjects will be skipped');
  });
});

describe('maps', () => {
  test('of a directory are compared as they stand, without the reference itself', async () => {
    await using rig = await PipelineRig.create();
    await rig.write('in/empty.nii.gz', tractVolume(tractDensity(0).map(() => 0)));
    for (const [name, seed] of [
      ['a', 0],
      ['b', 1],
      ['other', 2],
    ] as const) {
      await rig.write(`in/${name}.nii.gz`, tractVolume(tractDensity(seed)));
    }
    const command = [...RUN, '--set', 'tract_similarity.reference=in/b.nii.gz'];
    expect((await rig.run(command)).exitCode).toBe(0);
    expect(await rig.list('out/tract_similarity')).toEqual([
      'a_vs_b.json',
      'empty_vs_b.json',
      'other_vs_b.json',
    ]);
    expect((await rows(rig))[1]).toMatchObject({ dice: '0', mass_ratio: null, hausdorff_mm: null });
    const only = await rig.run([...command, '--set', 'tract_similarity.map_pattern=a*'], { output: 'out' });
    expect((await rows(rig)).map((row) => row['pair'])).toEqual(['a_vs_b']);
    expect(only.executed).toEqual(['collect_similarities']);
  });
});

test('the sample runs', async () => {
  await using rig = await PipelineRig.create();
  expect((await rig.command(['sample', 'tract_similarity', 'demo'])).exitCode).toBe(0);
  const run = await rig.run(['run', '-w', 'tract_similarity', '-i', 'demo', '-o', 'out']);
  expect(run.exitCode).toBe(0);
  expect(await rows(rig)).toHaveLength(6);
});
