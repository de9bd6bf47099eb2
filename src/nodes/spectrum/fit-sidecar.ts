import { readFile } from 'node:fs/promises';
import { z } from 'zod';

import { ProcessingError } from '../../errors.js';
import { FIT_WARNINGS, fitWarnings, type FitWarning } from '../../numerics/fooof/fit-warnings.js';
import { addSums, emptySums, frequencyErrors } from '../../numerics/fooof/residual-sums.js';
import type { FooofSettings } from '../../numerics/fooof/settings.js';
import type { FittedBlock } from './fit-tables.js';

const WARNING_NAMES = Object.keys(FIT_WARNINGS) as FitWarning[];
const errorRow = z.array(z.number().nullable());

/** The part of the sidecar of a recording's fits that charts and reports read. */
export const WatchedFits = z.object({
  /** Name of the recording; first and last fitted frequency, Hz; evenly spaced bins; rows of the table of fits. */
  fitted: z.object({
    recording: z.string(),
    range: z.tuple([z.number(), z.number()]),
    bins: z.int(),
    spectra: z.int(),
  }),
  /** What the models miss at each fitted frequency, over all spectra, log10 power; null without a fit. */
  errors: z.object({
    spectra: z.int(),
    mean_error: errorRow,
    sd_error: errorRow,
    mean_residual: errorRow,
  }),
  /** The spectra that were fitted and their models at each fitted frequency, log10 power; null without a fit. */
  spectrum: z.object({ mean_power: errorRow, sd_power: errorRow, mean_model: errorRow }),
  /** What a person should look at, and in which spectra. */
  warnings: z.array(
    z.object({
      warning: z.enum(WARNING_NAMES as [FitWarning, ...FitWarning[]]),
      meaning: z.string(),
      spectra: z.array(z.string()),
    }),
  ),
});
export type WatchedFits = z.infer<typeof WatchedFits>;

/** Means and errors by frequency and warnings of all fits of a recording. */
export function watchFits(
  blocks: readonly FittedBlock[],
  frequencies: Float64Array,
  settings: Pick<FooofSettings, 'peak_width_limits'>,
  keepTrials: boolean,
): Pick<WatchedFits, 'errors' | 'spectrum' | 'warnings'> {
  let sums = emptySums(frequencies.length);
  const spectra = new Map<FitWarning, string[]>();
  for (const { trial, channel, metadata } of blocks) {
    if (metadata.residuals !== undefined) sums = addSums(sums, metadata.residuals);
    const { shape, data } = metadata.aperiodic_params;
    for (const [c, name] of channel.entries()) {
      const warnings = fitWarnings(
        {
          aperiodic: Array.from({ length: shape[0]! }, (_, row) => data[row * shape[1]! + c]!),
          gaussians: metadata.gaussian_params[c]!,
          peaks: metadata.peak_params[c]!,
          rSquared: metadata.r_squared[c]!,
          error: metadata.error[c]!,
          lowResidual: metadata.low_residual?.[c] ?? NaN,
        },
        frequencies,
        settings,
      );
      for (const warning of warnings) {
        const names = spectra.get(warning) ?? [];
        spectra.set(warning, names);
        names.push(keepTrials ? `${name} trial ${trial}` : name);
      }
    }
  }
  const { mean, sd, residual, power, powerSd } = frequencyErrors(sums);
  const row = (values: Float64Array): Array<number | null> =>
    Array.from(values, (value) => (Number.isFinite(value) ? Number(value.toPrecision(5)) : null));
  return {
    errors: {
      spectra: sums.count,
      mean_error: row(mean),
      sd_error: row(sd),
      mean_residual: row(residual),
    },
    spectrum: {
      mean_power: row(power),
      sd_power: row(powerSd),
      mean_model: row(power.map((value, i) => value - residual[i]!)),
    },
    warnings: WARNING_NAMES.flatMap((warning) => {
      const names = spectra.get(warning);
      return names === undefined ? [] : { warning, meaning: FIT_WARNINGS[warning], spectra: names };
    }),
  };
}

/** JSON for people: rows of numbers on one line. */
export function sidecarText(content: object): string {
  const text = JSON.stringify(content, null, 2);
  return `${text.replaceAll(/\[\n\s+(?:(?:-?[\d.e+-]+|null),?\s+)+\]/g, (row) => row.replaceAll(/\s+/g, ' '))}\n`;
}

/**
 * Reads what `watchFits` found from a sidecar.
 *
 * @throws ProcessingError FILE_FORMAT
 */
export async function readWatchedFits(path: string): Promise<WatchedFits> {
  const parsed = WatchedFits.safeParse(JSON.parse(await readFile(path, 'utf8')));
  if (parsed.success) return parsed.data;
  throw new ProcessingError(
    'FILE_FORMAT',
    `${path} is no sidecar of fits: ${z.prettifyError(parsed.error)}`,
    {
      where: path,
      cure: 'fit the recording again',
    },
  );
}
