import { readFileSync, rmSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import { fortranToC, readNifti } from '../../src/io/index.js';
import { ATLAS_STATISTIC_NAMES, generateStatisticalAtlas, trainLearnedAtlas } from '../../src/numerics.js';
import { writeField } from '../../src/nodes/atlas/field-file.js';
import { emitAtlasSubject } from '../../src/numerics/registration/emit-mixture.js';
import { decodeModelFile } from '../../src/numerics/registration/model-file.js';
import { PipelineRig } from '../support/pipeline-rig.js';
import {
  COHORT_AFFINE_ROWS,
  COHORT_SHAPE,
  tractDensity,
  tractVolume,
  writeTractCohort,
} from '../support/tract-cohort.js';

const RUN = ['run', '-w', 'atlas_to_patient', '-i', 'in', '-o', 'out'];

async function volume(rig: PipelineRig, path: string): Promise<Float32Array> {
  const { data, shape } = await readNifti(rig.path(path));
  return Float32Array.from(fortranToC(data, shape));
}

/** Two patients and an averaging atlas of a cohort. */
async function patientRig(): Promise<PipelineRig> {
  const rig = await PipelineRig.create();
  writeTractCohort(rig.path('cohort'), ['1', '2', '3']);
  writeTractCohort(rig.path('in'), ['sub-07', 'sub-08']);
  await generateStatisticalAtlas({ inputDir: rig.path('cohort'), atlasDir: rig.path('made') });
  await rig.write('in/neuroloom.yaml', 'atlas_to_patient:\n  atlas_dir: ../made\n');
  return rig;
}

describe('an averaging atlas', () => {
  test('comes through the identity bit for bit, with a mask and its provenance', async () => {
    await using rig = await patientRig();
    const run = await rig.run(RUN);
    expect([run.exitCode, run.executed]).toEqual([0, ['warp_atlas[sub-07]', 'warp_atlas[sub-08]']]);
    const folder = 'out/sub-07/atlas_to_patient';
    expect(await rig.list(folder)).toEqual([
      'atlas_cov.nii.gz',
      'atlas_mask.nii.gz',
      'atlas_mean.nii.gz',
      'atlas_prob_threshold.nii.gz',
      'atlas_std.nii.gz',
      'atlas_std_error.nii.gz',
      'atlas_to_patient.json',
    ]);
    for (const name of ATLAS_STATISTIC_NAMES) {
      const file = `atlas_${name}.nii.gz`;
      expect(await volume(rig, `${folder}/${file}`)).toEqual(await volume(rig, `made/${file}`));
    }
    const share = await volume(rig, 'made/atlas_prob_threshold.nii.gz');
    expect(await volume(rig, `${folder}/atlas_mask.nii.gz`)).toEqual(share.map((x) => (x >= 0.5 ? 1 : 0)));
    const provenance = JSON.parse(await rig.read(`${folder}/atlas_to_patient.json`)) as Record<
      string,
      unknown
    >;
    expect(provenance).toMatchObject({
      patient: 'sub-07',
      reference: { file: 'sub-07/tractography/fdt_paths.nii.gz' },
      transform: { kind: 'identity', steps: [] },
      registration: null,
    });
    expect(provenance['files']).toHaveLength(6);
    expect((await rig.run(RUN)).executed).toEqual([]);
  });

  test('is moved by a matrix below the patient; a patient without it is skipped', async () => {
    await using rig = await patientRig();
    // The grid has -2, 2.5 and 3 mm: one voxel along the first and the last axis.
    await rig.write('in/sub-07/xfm/sub-07_to_atlas.txt', '1 0 0 -2\n0 1 0 0\n0 0 1 3\n0 0 0 1\n');
    const run = await rig.run([...RUN, '--set', 'atlas_to_patient.transform=xfm/{subject}_to_atlas.txt']);
    expect(run.exitCode).toBe(0);
    expect(run.stderr).toContain('1 of 2 subjects will be skipped: sub-08 (no transform');
    expect(await rig.list('out')).toEqual(['.neuroloom', 'dataset_description.json', 'logs', 'sub-07']);
    const [X, Y, Z] = COHORT_SHAPE;
    const mean = await volume(rig, 'made/atlas_mean.nii.gz');
    const expected = mean.map((_, v) => {
      const [i, j, k] = [Math.floor(v / (Y * Z)) + 1, Math.floor(v / Z) % Y, (v % Z) + 1];
      return i < X && k < Z ? mean[(i * Y + j) * Z + k]! : 0;
    });
    expect(await volume(rig, 'out/sub-07/atlas_to_patient/atlas_mean.nii.gz')).toEqual(expected);
  });

  test('a list of a matrix and a field moves it as the list of two matrices does, right to left', async () => {
    await using rig = await patientRig();
    rmSync(rig.path('in/sub-08'), { recursive: true });
    // A quarter turn about the middle of the grid, and one voxel along the second axis: they do not commute.
    await rig.write('in/sub-07/turn.txt', '0 -1 0 -5\n1 0 0 -25\n0 0 1 0\n0 0 0 1\n');
    await rig.write('in/sub-07/shift.txt', '1 0 0 0\n0 1 0 2.5\n0 0 1 0\n0 0 0 1\n');
    const voxels = COHORT_SHAPE[0] * COHORT_SHAPE[1] * COHORT_SHAPE[2];
    await writeField(
      rig.path('in/sub-07/shift.nii.gz'),
      new Float32Array(3 * voxels).map((_, i) => (i % 3 === 1 ? 1 : 0)),
      {
        shape: COHORT_SHAPE,
        affine: [...COHORT_AFFINE_ROWS, 0, 0, 0, 1],
        headerBytes: gunzipSync(tractVolume(tractDensity(0))).subarray(0, 348),
        space: 'ants',
      },
    );
    const moved = async (list: string): Promise<Float32Array> => {
      const run = await rig.run([...RUN, '--set', `atlas_to_patient.transform=${list}`]);
      expect(run.exitCode).toBe(0);
      return volume(rig, 'out/sub-07/atlas_to_patient/atlas_mean.nii.gz');
    };
    const both = await moved('[turn.txt, shift.txt]');
    const mixed = await moved('[turn.txt, shift.nii.gz]');
    // The field says nothing about points outside of its grid; the patient's own grid lies inside.
    mixed.forEach((value, v) => expect(value).toBeCloseTo(both[v]!, 6));
    expect(Math.max(...both)).toBeGreaterThan(0);
    const other = await moved('[shift.nii.gz, turn.txt]');
    expect(other.some((value, v) => Math.abs(value - both[v]!) > 1e-3)).toBe(true);
  });

  test('comes to a reference on another grid, told by its qform alone', async () => {
    await using rig = await patientRig();
    const bytes = tractVolume(tractDensity(0), {
      sform: { code: 0, rows: new Array<number>(12).fill(0) },
      // Same world as the cohort: a half turn about z makes the first axis run to the left, the second back.
      qform: { code: 1, quaternion: [0, 0, 1], offset: [20, 0, 5] },
    });
    await rig.write('in/sub-07/anat.nii.gz', bytes);
    rmSync(rig.path('in/sub-08'), { recursive: true });
    await rig.run([...RUN, '--set', 'atlas_to_patient.reference=anat.nii.gz']);
    const [, Y, Z] = COHORT_SHAPE;
    const mean = await volume(rig, 'made/atlas_mean.nii.gz');
    const turned = mean.map(
      (_, v) => mean[(Math.floor(v / (Y * Z)) * Y + Y - 1 - (Math.floor(v / Z) % Y)) * Z + (v % Z)]!,
    );
    expect(await volume(rig, 'out/sub-07/atlas_to_patient/atlas_mean.nii.gz')).toEqual(turned);
  });
});

test('register predicts the field of a patient from its own density, also one with the label of a trained subject', async () => {
  await using rig = await PipelineRig.create();
  writeTractCohort(rig.path('cohort'), ['1', '2', '3']);
  writeTractCohort(rig.path('in'), ['4', '5', '2']); // the third is seeded as subject 3 of the cohort
  await trainLearnedAtlas({
    inputDir: rig.path('cohort'),
    atlasDir: rig.path('made'),
    trainConfig: {
      min_subjects: 3,
      instance_steps: 6,
      model: { enc_features: [3, 4], dec_features: [4, 4, 3] },
      loss: { ncc_window: 5 },
      optimizer: { mode: 'direct', epochs: 4, direct_velocity_rounds: 1 },
    },
  });
  const run = await rig.run([
    ...RUN,
    ...['--set', 'atlas_to_patient.atlas_dir=made', '--set', 'atlas_to_patient.transform=register'],
  ]);
  expect(run.exitCode).toBe(0);
  expect(run.executed.filter((id) => id.startsWith('register'))).toHaveLength(3);
  const folder = 'out/2/atlas_to_patient';
  const { registration, transform } = JSON.parse(await rig.read(`${folder}/atlas_to_patient.json`)) as {
    registration: { id: string; n_folds: number; ncc_before: number; ncc_after: number };
    transform: { kind: string; field_sha256: string };
  };
  expect(transform).toMatchObject({
    kind: 'register',
    field_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
  });
  expect(registration).toMatchObject({ id: '2', n_folds: 0 });
  expect(registration.ncc_after).toBeGreaterThan(registration.ncc_before);
  // Not the velocity that subject 2 was trained with: that person has another density.
  const [own, trained] = [`${folder}/patient_field.nii.gz`, 'made/fields/2_field.nii.gz'];
  expect(await volume(rig, own)).not.toEqual(await volume(rig, trained));
  const [template, personal] = ['made/atlas_mean.nii.gz', `${folder}/atlas_mean.nii.gz`];
  expect(await volume(rig, personal)).not.toEqual(await volume(rig, template));
});

test('register with an atlas of two templates gives the patient the sum of both by their responsibilities', async () => {
  await using rig = await PipelineRig.create();
  writeTractCohort(rig.path('cohort'), ['1', '2', '3', '4']);
  writeTractCohort(rig.path('in'), ['5', '6']);
  await trainLearnedAtlas({
    inputDir: rig.path('cohort'),
    atlasDir: rig.path('made'),
    trainConfig: {
      min_subjects: 3,
      instance_steps: 3,
      instance_full_steps: 0,
      model: { n_templates: 2, mixture_sharpness: 2, enc_features: [3, 4], dec_features: [4, 4, 3] },
      loss: { ncc_window: 5 },
      optimizer: { mode: 'direct', epochs: 4, direct_velocity_rounds: 1 },
    },
  });
  const given = ['atlas_dir=made', 'transform=register'].flatMap((text) => [
    '--set',
    `atlas_to_patient.${text}`,
  ]);
  const run = await rig.run([...RUN, ...given]);
  expect(run.exitCode).toBe(0);
  const folder = 'out/6/atlas_to_patient';
  const { registration } = JSON.parse(await rig.read(`${folder}/atlas_to_patient.json`)) as {
    registration: { n_folds: number; responsibilities: number[] };
  };
  const [first = NaN, second = NaN] = registration.responsibilities;
  expect(first + second).toBeCloseTo(1, 12);
  expect(Math.min(first, second)).toBeGreaterThan(0);
  // What the library gives for the same patient and model, with the same bits.
  const model = decodeModelFile(readFileSync(rig.path('made/learned_atlas_model.bin')), 'model');
  const counts = await volume(rig, 'in/6/tractography/fdt_paths.nii.gz');
  const expected = await emitAtlasSubject({
    model: { ...model, velocities: [], metadata: { ...model.metadata, subjects: [] } },
    id: '6',
    volume: counts.map((count) => count / 1000),
    foldPolicy: 'repair',
    device: 'cpu',
    threads: 1,
  });
  expect(expected.responsibilities).toEqual(registration.responsibilities);
  expect(await volume(rig, `${folder}/atlas_mean.nii.gz`)).toEqual(expected.warped);
});

test('the sample runs', async () => {
  await using rig = await PipelineRig.create();
  expect((await rig.command(['sample', 'atlas_to_patient', 'demo'])).exitCode).toBe(0);
  const run = await rig.run(['run', '-w', 'atlas_to_patient', '-i', 'demo', '-o', 'out']);
  expect([run.exitCode, run.executed.length]).toEqual([0, 6]);
});
