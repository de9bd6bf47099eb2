import { ProcessingError } from '../../errors.js';
import { FooofGroup } from './group.js';
import { SpectrumFitter } from './fit-spectrum.js';
import type { NumberList } from './prepare.js';
import type { FitOptions } from './settings.js';

/** Bands by name, [from, to] in Hz. */
export type Bands = Readonly<Record<string, readonly [number, number]>>;

/**
 * Fits of the windows of a spectrogram, in order of time.
 *
 * Rows of `overTime`, NaN where a window has no fit or a band no peak: offset, knee (only with one), exponent, error, r_squared,
 * n_peaks, and of every band the highest peak as `<band>_cf` (Hz), `<band>_pw` (log10 power), `<band>_bw` (Hz, two SD).
 */
export interface TimeResolvedFits {
  readonly group: FooofGroup;
  /** (windows) each. */
  readonly overTime: Readonly<Record<string, Float64Array>>;
}

/**
 * Fits every window of a spectrogram by itself.
 *
 * @param frequencies - (m), Hz
 * @param spectrogram - (m) rows, one per frequency, of linear power per window
 * @param bands - for which peaks are followed over time
 * @param options - as `fitGroup`: a window without logarithm fails alone
 * @throws ConfigError, ProcessingError as `fitSpectrum`; SHAPE_MISMATCH when rows differ in length or are not one per frequency
 */
export function fitSpectrogram(
  frequencies: NumberList,
  spectrogram: readonly NumberList[],
  bands: Bands = {},
  options: FitOptions = {},
): TimeResolvedFits {
  const windows = spectrogram[0]?.length ?? 0;
  const odd = spectrogram.findIndex((row) => row.length !== windows);
  if (spectrogram.length !== frequencies.length || odd >= 0) {
    const what =
      odd >= 0
        ? `row ${odd} has ${spectrogram[odd]!.length} windows, row 0 has ${windows}`
        : `${spectrogram.length} rows do not fit ${frequencies.length} frequencies`;
    throw new ProcessingError('SHAPE_MISMATCH', `spectrogram: ${what}`, {
      cure: 'give one row per frequency, all with as many windows',
    });
  }
  const fitter = new SpectrumFitter(frequencies, { check_data: false, ...options });
  const power = new Float64Array(frequencies.length);
  const fits = Array.from({ length: windows }, (_, window) => {
    for (let bin = 0; bin < power.length; bin++) power[bin] = spectrogram[bin]![window]!;
    return fitter.fit(power);
  });
  const group = new FooofGroup(fits);
  const row = (value: (window: number) => number): Float64Array =>
    Float64Array.from({ length: windows }, (_, window) => value(window));
  const parameters = group.aperiodicParams();
  const hasKnee = fitter.options.aperiodic_mode === 'knee';
  const overTime: Record<string, Float64Array> = {
    offset: row((w) => parameters[w]![0]!),
    ...(hasKnee ? { knee: row((w) => parameters[w]![1]!) } : {}),
    exponent: row((w) => parameters[w]!.at(-1)!),
    error: row((w) => fits[w]!.error),
    r_squared: row((w) => fits[w]!.r_squared),
    n_peaks: row((w) => (fits[w]!.status === 'ok' ? fits[w]!.n_peaks : NaN)),
  };
  for (const [name, band] of Object.entries(bands)) {
    const peaks = group.bandPeaks(band);
    for (const [k, part] of (['cf', 'pw', 'bw'] as const).entries()) {
      overTime[`${name}_${part}`] = row((w) => peaks[w]![k as 0 | 1 | 2]);
    }
  }
  return { group, overTime };
}

/** Fits spectrograms around events: one result per event, over the time around it. */
export function fitEvents(
  frequencies: NumberList,
  spectrograms: ReadonlyArray<readonly NumberList[]>,
  bands: Bands = {},
  options: FitOptions = {},
): TimeResolvedFits[] {
  return spectrograms.map((spectrogram) => fitSpectrogram(frequencies, spectrogram, bands, options));
}
