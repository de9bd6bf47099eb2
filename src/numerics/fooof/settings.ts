import { z } from 'zod';

import { ConfigError } from '../../errors.js';

export const APERIODIC_MODES = ['fixed', 'knee'] as const;
export type AperiodicMode = (typeof APERIODIC_MODES)[number];

export const ERROR_METRICS = ['MAE', 'MSE', 'RMSE', 'MDAE'] as const;
export type ErrorMetric = (typeof ERROR_METRICS)[number];

/** Two frequencies in Hz, the lower first. */
export const frequencyPair = z
  .tuple([z.number().nonnegative(), z.number().positive()])
  .refine(([low, high]) => low < high, {
    error: 'the first frequency must be below the second',
    params: { cure: 'give the lower one first, for example [1, 45]' },
  });

/** The settings of the model that every user meets; the configuration block `fooof` extends them. */
export const FooofSettings = z.strictObject({
  peak_width_limits: frequencyPair
    .default([0.5, 12])
    .describe('Narrowest and widest peak, two-sided bandwidth, Hz'),
  max_n_peaks: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe('Most candidates that the search may collect; null: no limit'),
  min_peak_height: z
    .number()
    .default(0)
    .describe('Height above the aperiodic part that a candidate must exceed, log10 power'),
  peak_threshold: z
    .number()
    .min(0)
    .default(2)
    .describe('Height that a candidate must exceed, SD of the flattened spectrum'),
  aperiodic_mode: z
    .enum(APERIODIC_MODES)
    .default('fixed')
    .describe('fixed: offset and exponent; knee: one parameter more for a bend'),
});
export type FooofSettings = z.infer<typeof FooofSettings>;

/** Constants of the algorithm; other values than these defaults leave parity with the reference. */
export const FooofExpertSettings = z.strictObject({
  percentile_threshold: z
    .number()
    .min(0)
    .max(100)
    .default(0.025)
    .describe('Percentile of the clipped residuals, in percent, that marks aperiodic bins'),
  aperiodic_guess: z
    .array(z.number().nullable())
    .nullable()
    .default(null)
    .describe('Start of the aperiodic fit, in the order of its parameters; null entries: from the data'),
  aperiodic_bounds: z
    .tuple([z.array(z.number().nullable()), z.array(z.number().nullable())])
    .refine(([lower, upper]) => lower.every((low, i) => (low ?? -Infinity) < (upper[i] ?? Infinity)), {
      error: 'each lower bound must be below the upper one',
    })
    .nullable()
    .default(null)
    .describe(
      'Lowest and highest values of the aperiodic parameters, in their order, of mode classic; null entries: none',
    ),
  center_frequency_bound: z
    .number()
    .positive()
    .default(1.5)
    .describe('How far a centre may move in the joint fit, half of it in SD of the candidate to either side'),
  edge_factor: z.number().min(0).default(1).describe('Distance from the range ends to keep, SD'),
  overlap_factor: z.number().min(0).default(0.75).describe('Half width that counts in overlaps, SD'),
  max_evaluations: z.int().min(1).default(5000).describe('Evaluations after which a fit has failed'),
  tolerance: z.number().positive().default(1e-8).describe('Stopping tolerance of the joint peak fit'),
  error_metric: z
    .enum(ERROR_METRICS)
    .default('MAE')
    .describe('Error of the fit: mean absolute, mean square, its root, or median absolute'),
});
export type FooofExpertSettings = z.infer<typeof FooofExpertSettings>;

/** The model's settings and how the data are taken; keys as in the configuration. */
export const FitOptions = z.strictObject({
  ...FooofSettings.shape,
  freq_range: frequencyPair
    .nullable()
    .default(null)
    .describe('Fit the bins from the first to the second frequency, both included, Hz; null: all'),
  mode: z
    .enum(['classic', 'bic'])
    .default('classic')
    .describe('classic: the FOOOF algorithm; bic: joint fit, number of peaks by information criterion'),
  bic_penalty: z
    .number()
    .positive()
    .default(1)
    .describe('Only mode bic: factor on the penalty per parameter; 1.7 for spectra with correlated bins'),
  check_freqs: z.boolean().default(true).describe('Refuse frequencies that are not evenly spaced'),
  check_data: z.boolean().default(true).describe('Refuse power that has no logarithm; off: such a fit fails'),
  debug: z.boolean().default(false).describe('A fit that fails is an error'),
  expert: FooofExpertSettings.prefault({}).describe('Constants of the algorithm'),
});
export type FitOptions = z.input<typeof FitOptions>;
export type ResolvedFitOptions = z.output<typeof FitOptions>;

/** @throws ConfigError CONFIG_VALUE when there is not a bound for each aperiodic parameter, or the mode takes none */
function checkBounds({
  mode,
  aperiodic_mode,
  expert: { aperiodic_bounds: bounds },
}: ResolvedFitOptions): void {
  if (bounds === null) return;
  const refused = (what: string, cure: string): ConfigError =>
    new ConfigError('CONFIG_VALUE', `fooof.expert.aperiodic_bounds: ${what}`, { where: 'fooof', cure });
  if (mode === 'bic') throw refused('mode bic takes no bounds', 'set them to null, or mode to classic');
  const names = aperiodic_mode === 'knee' ? ['offset', 'knee', 'exponent'] : ['offset', 'exponent'];
  if (bounds.every(({ length }) => length === names.length)) return;
  throw refused(
    `${bounds[0].length} lower and ${bounds[1].length} upper bounds for ${names.length} parameters`,
    `give one for each of ${names.join(', ')}; null where there is none`,
  );
}

/**
 * The options with their defaults; `max_n_peaks: Infinity` is the same as null.
 *
 * @throws ConfigError CONFIG_VALUE or CONFIG_UNKNOWN_KEY naming every wrong key
 */
export function resolveFitOptions(options: FitOptions = {}): ResolvedFitOptions {
  const given = options.max_n_peaks === Infinity ? { ...options, max_n_peaks: null } : options;
  const parsed = FitOptions.safeParse(given);
  if (parsed.success) {
    checkBounds(parsed.data);
    return parsed.data;
  }
  const unknown = parsed.error.issues.every((issue) => issue.code === 'unrecognized_keys');
  throw new ConfigError(
    unknown ? 'CONFIG_UNKNOWN_KEY' : 'CONFIG_VALUE',
    parsed.error.issues.map((issue) => `fooof.${issue.path.join('.')}: ${issue.message}`).join('\n'),
    { where: 'fooof', cure: 'correct the values; `pipeline config schema` lists what each key takes' },
  );
}
