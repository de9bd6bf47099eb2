import { z } from 'zod';

import { type Shape3, voxelCount } from './grid.js';
import { NORMALIZATION_METHODS } from './normalization.js';
import { AtlasAccumulator } from './statistics.js';

/** How the volumes of a cohort become maps; the configuration block `atlas` extends it. */
export const AtlasStatisticsSettings = z.strictObject({
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
});

export type AtlasStatisticsSettings = z.infer<typeof AtlasStatisticsSettings>;

/** An empty accumulator of maps on a grid. */
export function accumulatorFor(shape: Shape3, settings: AtlasStatisticsSettings): AtlasAccumulator {
  return new AtlasAccumulator(voxelCount(shape), {
    ddof: settings.ddof,
    presenceValue: settings.presence_value,
    covMeanThresholdPct: settings.cov_mean_threshold_pct,
  });
}
