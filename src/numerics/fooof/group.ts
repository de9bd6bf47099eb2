import { ProcessingError } from '../../errors.js';
import { bandPeaks, type BandOptions } from './bands.js';
import { failedFit, type FooofFit, type Triple } from './fit-result.js';
import { SpectrumFitter } from './fit-spectrum.js';
import { checkSpectrum, type NumberList } from './prepare.js';
import type { FitOptions } from './settings.js';

/** Fits of spectra of one frequency grid, in their order. */
export class FooofGroup {
  readonly #fits: FooofFit[];

  constructor(fits: readonly FooofFit[]) {
    this.#fits = [...fits];
  }

  get fits(): readonly FooofFit[] {
    return this.#fits;
  }

  /** Indices of the spectra without a fit. */
  get nullIndices(): number[] {
    return this.#fits.flatMap((fit, i) => (fit.status === 'ok' ? [] : [i]));
  }

  get nullCount(): number {
    return this.nullIndices.length;
  }

  /** Aperiodic parameters per spectrum, NaN where the fit failed. */
  aperiodicParams(): Array<readonly number[]> {
    return this.#fits.map((fit) => fit.aperiodic_params);
  }

  /** Peak or Gaussian parameters of all spectra, each with the index of its spectrum as fourth number. */
  stacked(name: 'peak_params' | 'gaussian_params'): Array<[number, number, number, number]> {
    return this.#fits.flatMap((fit, i) =>
      fit[name].map(([a, b, c]): [number, number, number, number] => [a, b, c, i]),
    );
  }

  /** The strongest peak of a band per spectrum, [NaN, NaN, NaN] where there is none. */
  bandPeaks(band: readonly [number, number], options: Omit<BandOptions, 'all'> = {}): Triple[] {
    return this.#fits.map((fit) => bandPeaks(fit.peak_params, band, options)[0]!);
  }

  /** Mean or median per parameter of a band's peak over the spectra that have one. */
  averageBand(band: readonly [number, number], how: 'mean' | 'median' = 'mean'): Triple {
    const peaks = this.bandPeaks(band).filter(([center]) => !Number.isNaN(center));
    const column = (k: 0 | 1 | 2): number =>
      average(
        peaks.map((peak) => peak[k]),
        how,
      );
    return [column(0), column(1), column(2)];
  }

  /**
   * Turns fits into nulls; the number of fits stays.
   *
   * @throws ProcessingError INVALID_ARGUMENT for an index that does not exist
   */
  drop(indices: readonly number[]): void {
    for (const index of indices) {
      const fit = this.#fits[index];
      if (fit === undefined) {
        throw new ProcessingError('INVALID_ARGUMENT', `there is no fit ${index} among ${this.#fits.length}`, {
          cure: 'give indices from 0 on',
        });
      }
      this.#fits[index] = failedFit('dropped', fit.aperiodic_params.length, fit.frequencies);
    }
  }
}

/**
 * Fits every spectrum of a group by itself.
 *
 * @param frequencies - (m), Hz, of all spectra
 * @param spectra - (n) rows of (m) linear power
 * @param options - as `fitSpectrum`, but `check_data` is off unless given: a spectrum without logarithm fails alone
 * @throws ConfigError, ProcessingError as `fitSpectrum`
 */
export function fitGroup(
  frequencies: NumberList,
  spectra: readonly NumberList[],
  options: FitOptions = {},
): FooofGroup {
  const fitter = new SpectrumFitter(frequencies, { check_data: false, ...options });
  return new FooofGroup(
    spectra.map((power) => {
      checkSpectrum(frequencies, power);
      return fitter.fit(power);
    }),
  );
}

/** One group per leading index of [conditions, spectra, frequencies]. */
export function fitGroups(
  frequencies: NumberList,
  conditions: ReadonlyArray<readonly NumberList[]>,
  options: FitOptions = {},
): FooofGroup[] {
  return conditions.map((spectra) => fitGroup(frequencies, spectra, options));
}

function average(values: readonly number[], how: 'mean' | 'median'): number {
  if (values.length === 0) return NaN;
  if (how === 'mean') return values.reduce((sum, value) => sum + value, 0) / values.length;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}
