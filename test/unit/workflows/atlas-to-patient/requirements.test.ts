import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import { generateStatisticalAtlas } from '../../../../src/numerics.js';
import { AtlasConfig } from '../../../../src/workflows/atlas/config.js';
import { AtlasToPatientConfig } from '../../../../src/workflows/atlas-to-patient/config.js';
import { patientProblems } from '../../../../src/workflows/atlas-to-patient/requirements.js';
import { temporaryDirectory } from '../../../support/temporary.js';
import { tractDensity, tractVolume, writeTractCohort } from '../../../support/tract-cohort.js';

const directory = temporaryDirectory();
const at = (...parts: string[]): string => join(directory, ...parts);

beforeAll(async () => {
  writeTractCohort(at('cohort'), ['1', '2', '3']);
  await generateStatisticalAtlas({ inputDir: at('cohort'), atlasDir: at('atlas') });
});

/** Lines `severity CODE message`. */
async function problems(input: string, own: object): Promise<string[]> {
  const config = { atlas: AtlasConfig.parse({}), atlas_to_patient: AtlasToPatientConfig.parse(own) };
  const context = { inputDir: at(input), outputDir: at('out'), participants: null, seed: 0, cpus: 1 };
  const found = await patientProblems(config, context);
  return found.map(({ severity, code, message }) =>
    `${severity} ${code} ${message}`.replaceAll(directory, 'DIR'),
  );
}

test('patients and an atlas of one world have no problem', async () => {
  expect(await problems('cohort', { atlas_dir: at('atlas') })).toEqual([]);
});

test('what is not there is named', async () => {
  expect(await problems('nowhere', {})).toEqual([
    'error INPUT_MISSING atlas_to_patient: cohort directory not found: DIR/nowhere',
    'error CONFIG_VALUE atlas_to_patient.atlas_dir is required: the directory of the atlas',
  ]);
  expect(await problems('cohort', { atlas_dir: at('cohort') })).toEqual([
    'error INPUT_MISSING atlas_to_patient: DIR/cohort holds no atlas_mean.nii.gz',
  ]);
  expect(await problems('atlas', { atlas_dir: at('atlas') })).toEqual([
    'error INPUT_MISSING atlas_to_patient: no patient under DIR/atlas',
  ]);
  expect(await problems('cohort', { atlas_dir: at('atlas'), transform: 'register' })).toEqual([
    'error INPUT_MISSING atlas_to_patient: transform: register needs learned_atlas_model.bin, which is not in DIR/atlas',
  ]);
  expect(await problems('cohort', { atlas_dir: at('atlas'), transform: ['a.txt', at('b.nii')] })).toEqual([
    'error REQUIREMENT atlas_to_patient: 3 of 3 subjects will be skipped: 1 (no transform DIR/cohort/1/a.txt), ' +
      '2 (no transform DIR/cohort/2/a.txt), 3 (no transform DIR/cohort/3/a.txt)',
  ]);
});

test('an atlas in native space is refused unless it is allowed, one without metadata is a warning', async () => {
  cpSync(at('atlas'), at('native'), { recursive: true });
  const path = at('native/atlas_metadata.json');
  const metadata = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...metadata, training_space: 'affine_native' }));
  expect(await problems('cohort', { atlas_dir: at('native') })).toEqual([
    'error NOT_TEMPLATE_SPACE atlas_to_patient: the atlas in DIR/native was trained on affine_native volumes and is not in template space',
  ]);
  expect(await problems('cohort', { atlas_dir: at('native'), allow_native: true })).toEqual([]);
  rmSync(path);
  rmSync(at('native/atlas_prob_threshold.nii.gz'));
  expect(await problems('cohort', { atlas_dir: at('native') })).toEqual([
    'warning REQUIREMENT atlas_to_patient: no metadata in DIR/native: nothing says that the atlas is in template space',
    'warning REQUIREMENT atlas_to_patient: no atlas_prob_threshold.nii.gz in DIR/native: no mask is written',
  ]);
});

test('with the identity a reference that is tilted or elsewhere is refused', async () => {
  writeTractCohort(at('apart'), ['1', '2']);
  const [c, s] = [Math.cos(0.2), Math.sin(0.2)];
  const tilted = tractVolume(tractDensity(0), {
    sform: { code: 1, rows: [-2 * c, -2.5 * s, 0, 20, -2 * s, 2.5 * c, 0, -30, 0, 0, 3, 5] },
  });
  writeFileSync(at('apart/1/tractography/fdt_paths.nii.gz'), tilted);
  const distant = tractVolume(tractDensity(0), {
    sform: { code: 1, rows: [-2, 0, 0, 0, 0, 2.5, 0, 30, 0, 0, 3, 5] },
  });
  writeFileSync(at('apart/2/tractography/fdt_paths.nii.gz'), distant);
  expect(await problems('apart', { atlas_dir: at('atlas') })).toEqual([
    'error COHORT_MISMATCH atlas_to_patient: DIR/apart/1/tractography/fdt_paths.nii.gz is not in the world space of ' +
      'the atlas: their axes are tilted against each other',
    'error COHORT_MISMATCH atlas_to_patient: DIR/apart/2/tractography/fdt_paths.nii.gz is not in the world space of ' +
      'the atlas: their fields of view share 0 % only',
  ]);
});
