import { z } from 'zod';

import { ConfigError } from '../../errors.js';

/** How time series become power spectra; the configuration block `fooof` extends these. */
export const SpectrumSettings = z.strictObject({
  method: z
    .enum(['welch', 'mtmfft'])
    .default('welch')
    .describe('Time series: welch averages over windows, mtmfft takes whole trials'),
  t_ftimwin: z.number().positive().default(2).describe('Length of a window of welch, seconds'),
  toi: z.number().min(0).max(1).default(0.5).describe('Overlap of the windows of welch, fraction'),
  polyremoval: z
    .union([z.literal(0), z.literal(1)])
    .nullable()
    .default(0)
    .describe('Removed from each trial or window: 0 the mean, 1 a line, null nothing'),
  pad: z
    .union([z.enum(['maxperlen', 'nextpow2']), z.number().positive()])
    .default('maxperlen')
    .describe('mtmfft: trials are padded to the longest, to a power of two, or to so many seconds'),
  taper: z.string().nullable().default('hann').describe('Window by name; null: none'),
  taper_opt: z
    .record(z.string(), z.number())
    .nullable()
    .default(null)
    .describe('Parameters of the window, all of them'),
  tapsmofrq: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('Multitaper: smoothing to either side, Hz; null: a single window'),
  nTaper: z.int().min(1).nullable().default(null).describe('Number of multitaper windows; null: 2 N W - 1'),
  demean_taper: z.boolean().default(false).describe('Remove the mean again after tapering'),
  ft_compat: z.boolean().default(false).describe('Scale as FieldTrip does: power depends on padding'),
  units: z
    .enum(['bins', 'density'])
    .default('bins')
    .describe('bins: a sine of amplitude a gives a^2 / 2; density: squared unit per Hz'),
  foi: z
    .array(z.number().min(0))
    .min(1)
    .nullable()
    .default(null)
    .describe('Frequencies to take, the nearest bin of each, Hz; null: all'),
  foilim: z
    .tuple([z.number().min(0), z.number().min(0)])
    .refine(([low, high]) => low <= high, { error: 'the first frequency must not be above the second' })
    .nullable()
    .default(null)
    .describe('Take the frequencies from the first to the second, both included, Hz'),
  line_noise: z
    .array(
      z
        .tuple([z.number().positive(), z.number().positive()])
        .refine(([low, high]) => low <= high, { error: 'the first frequency must not be above the second' }),
    )
    .nullable()
    .default(null)
    .describe(
      'Ranges of line noise such as [[49, 51]], Hz, interpolated in log-log before the fit; null: none',
    ),
  welch_compat: z
    .boolean()
    .default(false)
    .describe('welch as Syncopy has it: zeros at the ends lower the power, wrong multitaper bandwidth'),
});
export type SpectrumSettings = z.output<typeof SpectrumSettings>;

/**
 * Settings of a spectrum with defaults filled in.
 *
 * @throws ConfigError CONFIG_VALUE or CONFIG_UNKNOWN_KEY naming every wrong key
 */
export function resolveSpectrumSettings(given: z.input<typeof SpectrumSettings> = {}): SpectrumSettings {
  const parsed = SpectrumSettings.safeParse(given);
  if (parsed.success) return parsed.data;
  const unknown = parsed.error.issues.every((issue) => issue.code === 'unrecognized_keys');
  throw new ConfigError(
    unknown ? 'CONFIG_UNKNOWN_KEY' : 'CONFIG_VALUE',
    parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'),
    { where: 'spectrum settings', cure: 'correct the values named above' },
  );
}

/**
 * What contradicts itself in settings that are each right.
 *
 * @throws ConfigError CONFIG_VALUE
 */
export function checkSpectrumSettings(settings: SpectrumSettings): void {
  const { foi, foilim, tapsmofrq, taper, taper_opt: parameters, nTaper } = settings;
  if (foi !== null && foilim !== null)
    throw conflict('foi and foilim are both given', 'give one of them', 'foi');
  if (tapsmofrq !== null && taper !== 'hann')
    throw conflict(
      `tapsmofrq asks for DPSS windows, taper for ${taper}`,
      'leave taper at hann, or set tapsmofrq to null',
      'taper',
    );
  if (tapsmofrq === null && nTaper !== null)
    throw conflict('nTaper is given without tapsmofrq', 'give tapsmofrq too', 'nTaper');
  if (parameters !== null && (taper === null || tapsmofrq !== null))
    throw conflict(
      'taper_opt is given without a window that takes parameters',
      'name the window with taper',
      'taper_opt',
    );
}

function conflict(message: string, cure: string, where: string): ConfigError {
  return new ConfigError('CONFIG_VALUE', message, { where, cure });
}
