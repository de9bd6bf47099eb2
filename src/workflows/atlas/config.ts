import { z } from 'zod';

import { NORMALIZATION_METHODS } from '../../numerics/registration/normalization.js';

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
  normalization_method: z
    .enum(NORMALIZATION_METHODS)
    .default('waytotal')
    .describe('How counts become comparable: divide by waytotal, maximum or sum, log1p ratio, or none'),
  presence_value: z
    .number()
    .min(0)
    .default(0)
    .describe('A subject is present in a voxel above this value, units of the normalised volumes'),
  cov_mean_threshold_pct: z
    .number()
    .min(0)
    .lt(1)
    .default(0.05)
    .describe('Fraction of the largest mean at or below which the coefficient of variation is 0'),
  ddof: z
    .int()
    .min(0)
    .max(1)
    .default(0)
    .describe('Divisor of the variance is n - ddof: 0 population, 1 sample'),
  subject_pattern: z
    .enum(['auto', 'digits', 'bids'])
    .default('auto')
    .describe('Which sub-directories are subjects: all-digit names, sub-<label>, or whichever there is'),
  min_subjects: z.int().min(1).default(2).describe('Fewest usable subjects for the averaging atlas'),
});

export type AtlasConfig = z.infer<typeof AtlasConfig>;
