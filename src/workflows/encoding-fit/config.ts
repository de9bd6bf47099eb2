import { z } from 'zod';

import { checkEncodingSettings, ENCODING_FIELDS } from '../../numerics/encoding/settings.js';

/** Configuration block `encoding_fit` (spec/encoding.md 7): the fit's settings, what is read and what is written. */
export const EncodingFitConfig = z
  .strictObject({
    ...ENCODING_FIELDS,
    confounds: z
      .union([z.enum(['none', 'all']), z.array(z.string().min(1)).min(1)])
      .default('none')
      .describe(
        'Columns of <stem>_confounds.tsv that are regressed out of data and predictions: none, all, or names',
      ),
    detrend: z
      .int()
      .min(0)
      .max(10)
      .default(0)
      .describe('Degree of the polynomial drift that is regressed out as well; 0: none'),
    percent_change: z
      .boolean()
      .default(false)
      .describe(
        'Data as percent of the mean of each voxel; a voxel with mean 0 or below is flagged not_finite',
      ),
    chunk_voxels: z
      .int()
      .min(1)
      .nullable()
      .default(4000)
      .describe(
        'Voxels per task; never changes a result. null: all of a recording, as the solver adam always does',
      ),
    predictions: z.boolean().default(true).describe('Write <stem>_predictions.npy, time x voxels'),
    residuals: z.boolean().default(false).describe('Write <stem>_residuals.npy, time x voxels'),
    maps: z.boolean().default(true).describe('Write a map per parameter where the data are NIfTI or GIfTI'),
    plots: z.boolean().default(true).describe('Write charts of each recording, SVG'),
    plot_voxels: z
      .union([z.int().min(1).max(20), z.array(z.int().min(0)).min(1).max(20)])
      .default(4)
      .describe('Voxels whose data and prediction are drawn: the best so many, or places in the data from 0'),
    min_r2: z
      .number()
      .default(0.1)
      .describe('Voxels from this r2 on count for coverage charts and for the summary of parameters'),
    min_recordings: z.int().min(1).default(1).describe('Fewest usable recordings'),
  })
  .superRefine((values, context) => {
    checkEncodingSettings(values, context as never);
  })
  .describe('Voxel-wise encoding models and population receptive fields');

export type EncodingFitConfig = z.infer<typeof EncodingFitConfig>;
