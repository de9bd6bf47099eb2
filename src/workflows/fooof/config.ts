import { z } from 'zod';

import { FitOptions, FooofSettings } from '../../numerics/fooof/settings.js';

/** Configuration block `fooof`: the model's settings, what is fitted and what is written. */
export const FooofConfig = z.strictObject({
  ...FooofSettings.shape,
  freq_range: FitOptions.shape.freq_range,
  mode: FitOptions.shape.mode,
  bic_penalty: FitOptions.shape.bic_penalty,
  output: z
    .enum(['fooof', 'fooof_aperiodic', 'fooof_peaks'])
    .default('fooof')
    .describe('What <stem>_model.h5 holds: the whole model, its aperiodic part, or the difference of both'),
  chan_per_worker: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('Channels per call of the routine; null: all at once'),
  mem_thresh: z
    .number()
    .gt(0)
    .max(1)
    .default(0.5)
    .describe('Largest share of the free memory that the result of one call may take'),
  min_recordings: z.int().min(1).default(1).describe('Fewest readable recordings for the cohort table'),
});

export type FooofConfig = z.infer<typeof FooofConfig>;
