/** Fits as FOOOF 1.x saves them: one JSON object per fit, a line each, with the NaN and Infinity of Python. */
import { z } from 'zod';

import { ProcessingError } from '../../errors.js';
import { aperiodicInto } from './aperiodic.js';
import { bandPeaks } from './bands.js';
import type { FooofFit, Triple } from './fit-result.js';
import { APERIODIC_MODES, type FooofSettings } from './settings.js';

/** One fit of a file. A failed fit has NaN and no peaks. */
export interface SavedFit extends Pick<
  FooofFit,
  'aperiodic_params' | 'gaussian_params' | 'peak_params' | 'r_squared' | 'error'
> {
  readonly settings: FooofSettings;
  /** First and last fitted frequency and their step, Hz. */
  readonly freq_range: readonly [number, number];
  readonly freq_res: number;
  /** log10 power of the fitted bins, where the file has it. */
  readonly power_spectrum: readonly number[] | null;
}

const number = z.number().nullable();
const triple = z.tuple([z.number(), z.number(), z.number()]);
/** What a line must hold; whatever else it holds is left aside. */
const Line = z.object({
  aperiodic_params_: z.array(number),
  gaussian_params_: z.array(triple),
  peak_params_: z.array(triple),
  r_squared_: number,
  error_: number,
  freq_range: z.tuple([z.number(), z.number()]),
  freq_res: z.number(),
  peak_width_limits: z.tuple([z.number(), z.number()]),
  max_n_peaks: number,
  min_peak_height: z.number(),
  peak_threshold: z.number(),
  aperiodic_mode: z.enum(APERIODIC_MODES),
  power_spectrum: z.array(z.number()).optional(),
});

/** A fit with what is saved beside it. @param values - (m), log10 power of the fitted bins; absent: not saved */
export function savedFit(fit: FooofFit, settings: FooofSettings, values?: ArrayLike<number>): SavedFit {
  const { frequencies } = fit;
  return {
    ...{ aperiodic_params: fit.aperiodic_params, gaussian_params: fit.gaussian_params },
    ...{ peak_params: fit.peak_params, r_squared: fit.r_squared, error: fit.error, settings },
    freq_range: [frequencies[0]!, frequencies.at(-1)!],
    freq_res: frequencies[1]! - frequencies[0]!,
    power_spectrum: values === undefined ? null : Array.from(values),
  };
}

/** Text of a file that FOOOF 1.x loads, a line per fit. */
export function formatFooofJson(fits: readonly SavedFit[]): string {
  return fits.map((fit) => `${lineOf(fit)}\n`).join('');
}

/**
 * The fits of such a file.
 *
 * @throws ProcessingError FILE_FORMAT with the line that is no fit, or without power or settings
 */
export function parseFooofJson(text: string): SavedFit[] {
  const lines = text.split('\n').map((line, i) => [line.trim(), i + 1] as const);
  return lines.flatMap(([line, place]) => (line === '' ? [] : parseLine(line, place)));
}

/** log10 power of the model of a saved fit per fitted bin; null for one that failed. */
export function savedModel(fit: SavedFit): { frequencies: Float64Array; model: Float64Array } | null {
  if (Number.isNaN(fit.aperiodic_params[0])) return null;
  const [low, high] = fit.freq_range;
  const bins = Math.round((high - low) / fit.freq_res) + 1;
  const frequencies = Float64Array.from({ length: bins }, (_, i) => low + i * fit.freq_res);
  const model = new Float64Array(bins);
  const axes = { log10: frequencies.map(Math.log10), ln: frequencies.map(Math.log) };
  aperiodicInto(fit.aperiodic_params, axes, model);
  for (const [center, height, sd] of fit.gaussian_params) {
    frequencies.forEach((f, i) => (model[i]! += height * Math.exp(-((f - center) ** 2) / (2 * sd * sd))));
  }
  return { frequencies, model };
}

/** The peaks that a flat row names: the first ones, or the strongest of each band. */
export type FlatPeaks = number | Readonly<Record<string, readonly [number, number]>>;

/**
 * A fit as one row of a table: offset, knee (where fitted), exponent; cf_0, pw_0, bw_0 and so on, or <band>_cf, <band>_pw, <band>_bw,
 * NaN where there is no such peak; error and r_squared.
 */
export function flatRow(
  fit: Pick<SavedFit, 'aperiodic_params' | 'peak_params' | 'error' | 'r_squared'>,
  peaks: FlatPeaks,
): Record<string, number> {
  const names = fit.aperiodic_params.length === 3 ? ['offset', 'knee', 'exponent'] : ['offset', 'exponent'];
  const row = Object.fromEntries(names.map((name, i) => [name, fit.aperiodic_params[i]!]));
  const none: Triple = [NaN, NaN, NaN];
  if (typeof peaks === 'number') {
    for (let i = 0; i < peaks; i++) {
      [row[`cf_${i}`], row[`pw_${i}`], row[`bw_${i}`]] = fit.peak_params[i] ?? none;
    }
  } else {
    for (const [name, band] of Object.entries(peaks)) {
      [row[`${name}_cf`], row[`${name}_pw`], row[`${name}_bw`]] = bandPeaks(fit.peak_params, band)[0]!;
    }
  }
  return { ...row, error: fit.error, r_squared: fit.r_squared };
}

function lineOf(fit: SavedFit): string {
  const { settings, power_spectrum: power } = fit;
  const { max_n_peaks: most, ...others } = settings;
  return pythonJson({
    aperiodic_params_: fit.aperiodic_params,
    gaussian_params_: fit.gaussian_params,
    peak_params_: fit.peak_params,
    ...{ r_squared_: fit.r_squared, error_: fit.error, freq_range: fit.freq_range, freq_res: fit.freq_res },
    ...{ ...others, max_n_peaks: most ?? Infinity },
    ...(power === null ? {} : { power_spectrum: power }),
  });
}

/** JSON with NaN and Infinity as Python writes and reads them. */
function pythonJson(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value).map(([key, own]) => `${JSON.stringify(key)}: ${pythonJson(own)}`);
  return `{${pairs.join(', ')}}`;
}

function parseLine(line: string, place: number): SavedFit {
  const cure = 'save it with results and settings, one fit per line';
  // Strings stay as they are; no number is null.
  const plain = line.replaceAll(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (part) =>
    part.startsWith('"') ? part : 'null',
  );
  let content: unknown;
  try {
    content = JSON.parse(plain);
  } catch (cause) {
    throw new ProcessingError('FILE_FORMAT', `line ${place} of the saved fits is no JSON`, { cure, cause });
  }
  const parsed = Line.safeParse(content);
  if (!parsed.success) {
    const { path } = parsed.error.issues[0]!;
    const what = `line ${place} of the saved fits has no usable ${path.length === 0 ? 'content' : path.join('.')}`;
    throw new ProcessingError('FILE_FORMAT', what, { cure });
  }
  const found = parsed.data;
  return {
    aperiodic_params: found.aperiodic_params_.map((value) => value ?? NaN),
    gaussian_params: found.gaussian_params_,
    peak_params: found.peak_params_,
    r_squared: found.r_squared_ ?? NaN,
    error: found.error_ ?? NaN,
    settings: {
      peak_width_limits: found.peak_width_limits,
      max_n_peaks: found.max_n_peaks,
      min_peak_height: found.min_peak_height,
      peak_threshold: found.peak_threshold,
      aperiodic_mode: found.aperiodic_mode,
    },
    freq_range: found.freq_range,
    freq_res: found.freq_res,
    power_spectrum: found.power_spectrum ?? null,
  };
}
