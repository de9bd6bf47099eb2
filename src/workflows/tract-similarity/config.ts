import { z } from 'zod';

import { configPath } from '../../config/index.js';

/** Configuration block `tract_similarity` (spec/learned_atlas.md 10). */
export const TractSimilarityConfig = z
  .strictObject({
    reference: configPath
      .nullable()
      .default(null)
      .describe(
        'Map to compare with, or a directory with an atlas, whose atlas_mean.nii.gz is taken; required',
      ),
    candidates: z
      .enum(['auto', 'cohort', 'maps'])
      .default('auto')
      .describe(
        'What the input directory holds: a cohort (atlas.tractography_relpath of every subject, normalised), ' +
          'or maps (NIfTI files, as they stand); auto: a cohort if it has subjects',
      ),
    map_pattern: z
      .string()
      .min(1)
      .default('*')
      .describe('Which NIfTI files of the input directory are maps; * stands for any text in a name'),
    threshold: z
      .number()
      .min(0)
      .default(0)
      .describe('A voxel belongs to the support of a map where its value is above this, units of the maps'),
  })
  .describe('Similarity of tract density maps');

export type TractSimilarityConfig = z.infer<typeof TractSimilarityConfig>;
