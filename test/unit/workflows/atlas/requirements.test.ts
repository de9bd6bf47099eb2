import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { isReady, type Problem } from '../../../../src/engine/requirements.js';
import { AtlasConfig } from '../../../../src/workflows/atlas/config.js';
import { atlasProblems } from '../../../../src/workflows/atlas/requirements.js';
import { LearnedAtlasConfig } from '../../../../src/workflows/learned-atlas/config.js';
import { learnedAtlasProblems } from '../../../../src/workflows/learned-atlas/requirements.js';
import { temporaryDirectory } from '../../../support/temporary.js';
import { tractDensity, tractVolume, writeTractCohort } from '../../../support/tract-cohort.js';

const directory = temporaryDirectory();
let cohorts = 0;

function cohort(ids = ['1', '2', '3', '4', '5']): string {
  const root = join(directory, `cohort-${++cohorts}`);
  mkdirSync(root);
  writeTractCohort(root, ids);
  return root;
}

function context(inputDir: string, participants: string[] | null = null) {
  return { inputDir, outputDir: join(directory, 'out'), participants, seed: 0, cpus: 1 };
}

const volumeOf = (root: string, id: string): string => join(root, id, 'tractography', 'fdt_paths.nii.gz');

/** `CODE message`, the cohort directory as ROOT. */
function lines(problems: readonly Problem[], root: string): string[] {
  for (const { cure } of problems) expect(cure).toMatch(/\w+/);
  return problems.map(({ code, message }) => `${code} ${message.replaceAll(root, 'ROOT')}`);
}

function atlas(root: string, settings: object = {}, participants: string[] | null = null): string[] {
  return lines(atlasProblems(AtlasConfig.parse(settings), context(root, participants)), root);
}

async function learned(root: string, block: object = {}, atlasBlock: object = {}): Promise<string[]> {
  const config = { atlas: AtlasConfig.parse(atlasBlock), learned_atlas: LearnedAtlasConfig.parse(block) };
  return lines(await learnedAtlasProblems(config, context(root)), root);
}

describe('atlas', () => {
  test('a sound cohort has no problem', () => {
    expect(atlas(cohort())).toEqual([]);
  });

  test('a cohort directory that is not there', () => {
    const root = join(directory, 'nowhere');
    expect(atlas(root)).toEqual(['INPUT_MISSING atlas: cohort directory not found: ROOT']);
    const file = join(directory, 'volume.nii.gz');
    writeFileSync(file, '');
    expect(atlas(file)).toEqual(['INPUT_MISSING atlas: cohort directory not found: ROOT is a file']);
  });

  test('too few subjects, with up to five reasons', () => {
    const root = cohort(['1', '2', '3', '4', '5', '6', '7', '8']);
    rmSync(volumeOf(root, '2'));
    writeFileSync(volumeOf(root, '3'), tractVolume(tractDensity(1)).subarray(0, 40));
    writeFileSync(volumeOf(root, '4'), 'no volume at all');
    writeFileSync(volumeOf(root, '5'), tractVolume(tractDensity(1), { datatype: 32 }));
    for (const id of ['6', '7']) rmSync(join(root, id, 'tractography'), { recursive: true });
    symlinkSync(join(root, 'gone'), join(root, '9'));
    expect(atlas(root, { min_subjects: 4 })).toEqual([
      'MIN_SUBJECTS atlas: found 2 subject(s) with a readable tractography/fdt_paths.nii.gz under ROOT, need at ' +
        'least 4; skipped: 2 (missing), 3 (unreadable: the gzip stream of ROOT/3/tractography/fdt_paths.nii.gz ' +
        'ends too early), 4 (unreadable: ROOT/4/tractography/fdt_paths.nii.gz is not a NIfTI ' +
        'file: it is text that begins with "no volume at all"), 5 (unreadable: ROOT/5/tractography/' +
        'fdt_paths.nii.gz has data type complex64: complex voxels are not densities; save the magnitude or one ' +
        'part), 6 (missing) and 2 more',
    ]);
  });

  test('subjects that will be left out are told although enough remain; nothing stands in the way', () => {
    const root = cohort();
    rmSync(volumeOf(root, '2'));
    writeFileSync(volumeOf(root, '4'), 'no volume at all');
    const problems = atlasProblems(AtlasConfig.parse({}), context(root));
    expect(isReady(problems)).toBe(true);
    expect(lines(problems, root)).toEqual([
      'REQUIREMENT atlas: 2 of 5 subjects will be skipped: 2 (missing), 4 (unreadable: ROOT/4/tractography/' +
        'fdt_paths.nii.gz is not a NIfTI file: it is text that begins with "no volume at all")',
    ]);
  });

  test('every grid that differs and every missing waytotal, all at once', () => {
    const root = cohort();
    const smaller = [10, 13, 10];
    writeFileSync(volumeOf(root, '2'), tractVolume(tractDensity(1, smaller), { dim: [3, ...smaller] }));
    const rows = [-2, 0, 0, 20.5, 0, 2.5, 0, -30, 0, 0, 3, 5];
    writeFileSync(volumeOf(root, '3'), tractVolume(tractDensity(1), { sform: { code: 4, rows } }));
    writeFileSync(volumeOf(root, '4'), tractVolume(tractDensity(1), { dim: [4, 11, 13, 5, 2] }));
    rmSync(join(root, '1', 'tractography', 'waytotal'));
    writeFileSync(join(root, '5', 'tractography', 'waytotal'), '0');
    const grid = (id: string, shape: string): string =>
      `COHORT_MISMATCH atlas: ROOT/${id}/tractography/fdt_paths.nii.gz (${shape}) is not on the grid of ` +
      'ROOT/1/tractography/fdt_paths.nii.gz (11x13x10); largest affine difference';
    expect(atlas(root)).toEqual([
      'COHORT_MISMATCH atlas: ROOT/4/tractography/fdt_paths.nii.gz has 4 axes (11x13x5x2), not 3',
      `${grid('2', '10x13x10')} 0`,
      `${grid('3', '11x13x10')} 0.5`,
      'WAYTOTAL atlas: waytotal file is missing: ROOT/1/tractography/waytotal',
      'WAYTOTAL atlas: waytotal file holds no positive number: ROOT/5/tractography/waytotal ("0")',
    ]);
    expect(atlas(root, { normalization_method: 'max' })).toHaveLength(3);
  });

  test('an affine difference up to 1e-3 is one grid; a last axis of length 1 is no axis', () => {
    const root = cohort();
    const rows = [-2, 0, 0, 20.0009, 0, 2.5, 0, -30, 0, 0, 3, 5];
    writeFileSync(volumeOf(root, '3'), tractVolume(tractDensity(1), { sform: { code: 4, rows } }));
    writeFileSync(volumeOf(root, '2'), tractVolume(tractDensity(1), { dim: [4, 11, 13, 10, 1] }));
    expect(atlas(root)).toEqual([]);
  });

  test('a matrix without inverse', () => {
    const root = cohort();
    const rows = [-2, 0, 0, 20, 0, 2.5, 0, -30, 0, 2.5, 0, 5];
    writeFileSync(volumeOf(root, '3'), tractVolume(tractDensity(1), { sform: { code: 4, rows } }));
    expect(atlas(root)).toEqual([
      'AFFINE_SINGULAR atlas: the voxel to world matrix of ROOT/3/tractography/fdt_paths.nii.gz cannot be inverted',
    ]);
  });

  test('participants narrow the cohort, and unknown ones are an error', () => {
    const root = cohort();
    rmSync(volumeOf(root, '5'));
    expect(atlas(root, { min_subjects: 2 }, ['1', '2'])).toEqual([]);
    expect(() => atlas(root, {}, ['1', '77'])).toThrow(`no such participant in ${root}: 77`);
  });

  test('{subject} in the path stands for the directory name', () => {
    const root = join(directory, 'named');
    writeTractCohort(root, ['sub-1', 'sub-2'], 'dwi');
    const settings = { tractography_relpath: 'dwi/{subject}.nii.gz' };
    for (const id of ['sub-1', 'sub-2']) {
      writeFileSync(join(root, id, 'dwi', `${id}.nii.gz`), tractVolume(tractDensity(1)));
    }
    expect(atlas(root, settings)).toEqual([]);
  });
});

describe('learned_atlas', () => {
  test('a sound cohort is ready', async () => {
    expect(await learned(cohort(), { loss: { ncc_window: 5 } })).toEqual([]);
  });

  test('disabled is one warning and nothing else', async () => {
    expect(await learned(join(directory, 'nowhere'), { enabled: false })).toEqual([
      'DISABLED learned_atlas: disabled by learned_atlas.enabled: false; no node is built',
    ]);
  });

  test('cohort, device, type, number of subjects, native space, in this order', async () => {
    const root = join(directory, 'nowhere');
    const wrong = { device: 'cuda:1', dtype: 'float16', training_space: 'affine_native' };
    const backend = [
      "DEVICE learned_atlas: device 'cuda:1' is not available here: @tensorflow/tfjs-node-gpu is not installed",
      "DTYPE learned_atlas: dtype 'float16' is not available here (available: float32)",
    ];
    const space =
      "NOT_TEMPLATE_SPACE learned_atlas: training_space='affine_native': the maps are not in template space and " +
      'must not feed atlas_to_patient jobs';
    expect(await learned(root, wrong)).toEqual([
      'INPUT_MISSING learned_atlas: cohort directory not found: ROOT',
      ...backend,
      space,
    ]);
    expect(await learned(cohort(), wrong)).toEqual([
      ...backend,
      "CONFIG_VALUE learned_atlas.affine_native_relpath is required when training_space='affine_native'",
      space,
    ]);
    expect(await learned(cohort(['1', '2', '3']), { loss: { ncc_window: 5 } })).toEqual([
      'MIN_SUBJECTS learned_atlas: found 3 subject(s) with a readable tractography/fdt_paths.nii.gz under ROOT, ' +
        'need at least 5',
    ]);
  });

  test('of a list of native volumes the first that enough subjects have is used for all, and that is said', async () => {
    const root = cohort();
    writeTractCohort(root, ['1', '2'], 'rare');
    writeTractCohort(root, ['1', '2', '3', '4', '5'], 'common');
    const block = {
      training_space: 'affine_native',
      affine_native_relpath: ['rare/fdt_paths.nii.gz', 'common/fdt_paths.nii.gz'],
      loss: { ncc_window: 5 },
    };
    const [space, fallback, ...more] = await learned(root, block);
    expect(space).toMatch(/^NOT_TEMPLATE_SPACE/);
    expect(fallback).toBe(
      'REQUIREMENT learned_atlas: too few subjects under ROOT have rare/fdt_paths.nii.gz; ' +
        'common/fdt_paths.nii.gz is used for all',
    );
    expect(more).toEqual([]);
    const skipped =
      'REQUIREMENT learned_atlas: 3 of 5 subjects will be skipped: 3 (missing), 4 (missing), 5 (missing)';
    expect(await learned(root, { ...block, min_subjects: 2 })).toEqual([skipped, space]);
  });

  test('settings that the cohort rules out, and unwise ones as warnings', async () => {
    const group_by = { 1: 9, 2: 9, 3: 9, 4: 9, 5: 9 };
    expect(
      await learned(cohort(), {
        optimizer: { batch_size: 6 },
        loss: { ncc_window: 11, density_weight: 0 },
        evaluate: 'loo',
        group_by,
      }),
    ).toEqual([
      'REQUIREMENT learned_atlas: optimizer.batch_size 6 exceeds the 5 subject(s)',
      'REQUIREMENT learned_atlas: loss.ncc_window 11 is larger than an axis of the grid 11x13x10',
      'REQUIREMENT learned_atlas: evaluate: loo needs at least two groups of subjects, group_by leaves one',
      'CONFIG_VALUE learned_atlas.loss.density_weight: 0: neither of the other terms sees scale, template densities ' +
        'will drift',
    ]);
  });

  test('groups of subjects that are not there, however they are spelt', async () => {
    const group_by = { '01': 9, 2: 9, elsewhere: 9 };
    const config = {
      atlas: AtlasConfig.parse({}),
      learned_atlas: LearnedAtlasConfig.parse({ evaluate: 'loo', group_by }),
    };
    const problems = await learnedAtlasProblems(config, context(cohort()));
    expect(problems.map(({ severity, message, cure }) => [severity, message, cure])).toEqual([
      ['error', 'learned_atlas.group_by names 01, which is no subject of the cohort', 'did you mean 1?'],
      [
        'error',
        'learned_atlas.group_by names elsewhere, which is no subject of the cohort',
        'take it out of learned_atlas.group_by',
      ],
    ]);
    expect(await learned(cohort(), { group_by })).toEqual([]);
  });

  test('a batch that is larger than what leaving a group out leaves', async () => {
    const evaluated = { evaluate: 'loo', group_by: { 1: 9, 2: 9 } };
    expect(await learned(cohort(), { ...evaluated, optimizer: { batch_size: 4 } })).toEqual([
      'REQUIREMENT learned_atlas: evaluate: loo trains on as few as 3 subject(s), fewer than optimizer.batch_size 4',
    ]);
    expect(await learned(cohort(), { ...evaluated, optimizer: { batch_size: 3 } })).toEqual([]);
  });

  test('an estimate above the memory limit, where the headers tell the training grid', async () => {
    const model = { enc_features: [4, 4], dec_features: [4, 4] };
    const limited = { memory_limit_mb: 100, model };
    expect(await learned(cohort(), { ...limited, crop_to_support: false })).toEqual([
      'MEMORY_LIMIT learned_atlas: training needs about 121 MB, memory_limit_mb is 100',
    ]);
    expect(await learned(cohort(), { ...limited, crop_to_support: false, memory_limit_mb: 200 })).toEqual([]);
    expect(await learned(cohort(), limited)).toEqual([]);
  });

  test('only problems of severity error stand in the way', async () => {
    const config = {
      atlas: AtlasConfig.parse({}),
      learned_atlas: LearnedAtlasConfig.parse({ enabled: false }),
    };
    expect(isReady(await learnedAtlasProblems(config, context(directory)))).toBe(true);
  });
});
