import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import { generateStatisticalAtlas } from '../../../../src/numerics.js';
import { AtlasConfig } from '../../../../src/workflows/atlas/config.js';
import { TractSimilarityConfig } from '../../../../src/workflows/tract-similarity/config.js';
import { similarityProblems } from '../../../../src/workflows/tract-similarity/requirements.js';
import { floatBytes } from '../../../support/nifti-bytes.js';
import { temporaryDirectory } from '../../../support/temporary.js';
import { COHORT_SHAPE, tractDensity, tractVolume, writeTractCohort } from '../../../support/tract-cohort.js';

const directory = temporaryDirectory();
const at = (...parts: string[]): string => join(directory, ...parts);

beforeAll(async () => {
  writeTractCohort(at('cohort'), ['1', '2', '3']);
  await generateStatisticalAtlas({ inputDir: at('cohort'), atlasDir: at('atlas') });
});

/** Lines `severity CODE message | cure`. */
function problems(input: string, similarity: object, atlas: object = {}): string[] {
  const config = {
    atlas: AtlasConfig.parse(atlas),
    tract_similarity: TractSimilarityConfig.parse(similarity),
  };
  const context = { inputDir: at(input), outputDir: at('out'), participants: null, seed: 0, cpus: 1 };
  return similarityProblems(config, context).map(({ severity, code, message, cure }) =>
    `${severity} ${code} ${message} | ${cure}`.replaceAll(directory, 'DIR'),
  );
}

test('a cohort and an atlas that fit have no problem', () => {
  expect(problems('cohort', { reference: at('atlas') })).toEqual([]);
  expect(problems('cohort', { reference: at('atlas/atlas_std.nii.gz') })).toEqual([]);
});

test('what is not there is named', () => {
  expect(problems('nowhere', {})).toEqual([
    'error INPUT_MISSING tract_similarity: cohort directory not found: DIR/nowhere | ' +
      'give the cohort directory with -i, or set input_dir in the configuration',
    'error CONFIG_VALUE tract_similarity.reference is required: the map, or the directory of the atlas, to ' +
      'compare with | add --set tract_similarity.reference=PATH',
  ]);
  expect(problems('cohort', { reference: at('map.nii.gz') })).toEqual([
    'error INPUT_MISSING tract_similarity: the reference is not there: DIR/map.nii.gz | ' +
      'correct tract_similarity.reference',
  ]);
  expect(problems('cohort', { reference: at('cohort') })).toEqual([
    'error INPUT_MISSING tract_similarity: the reference directory DIR/cohort holds no atlas_mean.nii.gz | ' +
      'name a map, or a directory that the workflow atlas or learned_atlas wrote',
  ]);
  expect(problems('atlas', { reference: at('atlas'), map_pattern: 'x*' })).toEqual([
    'error INPUT_MISSING tract_similarity: neither subjects nor other NIfTI files in DIR/atlas | ' +
      'check -i, tract_similarity.map_pattern and atlas.subject_pattern',
  ]);
});

test('a reference that is no image, two files of one name and another grid are errors', () => {
  writeFileSync(at('text.nii.gz'), 'a text, not an image');
  expect(problems('cohort', { reference: at('text.nii.gz') })[0]).toContain(
    'error REQUIREMENT tract_similarity: the reference cannot be read: unreadable: ',
  );
  mkdirSync(at('maps'));
  writeFileSync(at('maps/a.nii.gz'), tractVolume(tractDensity(0)));
  writeFileSync(at('maps/a.nii'), tractVolume(tractDensity(0)));
  expect(problems('maps', { reference: at('atlas') })).toEqual([
    'error REQUIREMENT tract_similarity: a.nii and a.nii.gz would both be written as a_vs_atlas_mean.json | ' +
      'rename one of them',
  ]);
  const other = [COHORT_SHAPE[0], COHORT_SHAPE[1], COHORT_SHAPE[2] + 1];
  const values = tractDensity(0, other);
  const volume = at('uneven/1/tractography/fdt_paths.nii.gz');
  mkdirSync(dirname(volume), { recursive: true });
  writeFileSync(volume, tractVolume(values, { dim: [3, ...other], voxels: floatBytes(values) }));
  expect(problems('uneven', { reference: at('atlas') }, { normalization_method: 'max' })).toEqual([
    'error COHORT_MISMATCH tract_similarity: DIR/uneven/1/tractography/fdt_paths.nii.gz (11x13x11) is not on the ' +
      'grid of DIR/atlas/atlas_mean.nii.gz (11x13x10); largest affine difference 0 | resample all volumes to one ' +
      'grid, or leave the subject out with --participants',
    "warning CONFIG_VALUE tract_similarity: the subjects are normalised with 'max', the atlas was made with " +
      "'waytotal': mass_ratio and soft_dice compare different units | set atlas.normalization_method to waytotal",
  ]);
});
