import { z } from 'zod';

import { AtlasStatisticsSettings } from '../../numerics/registration/statistics-settings.js';

/**
 * Path of a file below each subject's directory; may contain `{subject}`. Checked by text: relative, without `..`.
 */
export const subjectRelpath = z
  .string()
  .min(1)
  .refine(staysInside, {
    error: 'must be a path inside the subject directory',
    params: { cure: 'give a relative path without .., for example tractography/fdt_paths.nii.gz' },
  });

/** True for a relative path that cannot leave the directory it is joined to. */
export function staysInside(path: string): boolean {
  const isAbsolute = /^([/\\]|[A-Za-z]:)/.test(path);
  return !isAbsolute && !path.includes('\0') && !path.split(/[/\\]/).includes('..');
}

/** Configuration block `atlas`: the averaging atlas, and what both atlases share about the cohort. */
export const AtlasConfig = z.strictObject({
  tractography_relpath: subjectRelpath
    .default('tractography/fdt_paths.nii.gz')
    .describe('Tract density volume below each subject directory; {subject} stands for its name'),
  ...AtlasStatisticsSettings.shape,
  subject_pattern: z
    .enum(['auto', 'digits', 'bids'])
    .default('auto')
    .describe('Which sub-directories are subjects: all-digit names, sub-<label>, or whichever there is'),
  min_subjects: z.int().min(1).default(2).describe('Fewest usable subjects for the averaging atlas'),
});

export type AtlasConfig = z.infer<typeof AtlasConfig>;

/** The settings of the statistics alone. */
export function atlasStatisticsOf(atlas: AtlasConfig): AtlasStatisticsSettings {
  const { normalization_method, presence_value, cov_mean_threshold_pct, ddof } = atlas;
  return { normalization_method, presence_value, cov_mean_threshold_pct, ddof };
}
