import { ProcessingError } from '../../errors.js';
import { APERIODIC_SIZE } from './aperiodic.js';
import { BicFitter } from './bic-fitter.js';
import { ClassicFitter } from './classic-fitter.js';
import type { FitKernels } from './fit-kernels.js';
import { FAILURE_TEXT, failedFit, type FitTrace, type FooofFit } from './fit-result.js';
import {
  checkSpectrum,
  fittedGrid,
  logPower,
  powerError,
  type FittedGrid,
  type NumberList,
} from './prepare.js';
import { resolveFitOptions, type FitOptions, type ResolvedFitOptions } from './settings.js';

/** Fits spectra of one frequency grid with one set of options. */
export class SpectrumFitter {
  readonly options: ResolvedFitOptions;
  readonly grid: FittedGrid;
  readonly #fitter: ClassicFitter | BicFitter;
  readonly #values: Float64Array;

  /**
   * @param frequencies - Hz, ascending, of every spectrum that will be given
   * @param kernels - who fits; the results agree to rounding
   * @throws ConfigError for wrong options; ProcessingError INVALID_ARGUMENT for frequencies that cannot be fitted
   */
  constructor(frequencies: NumberList, options: FitOptions = {}, kernels: FitKernels = 'auto') {
    this.options = resolveFitOptions(options);
    this.grid = fittedGrid(frequencies, this.options);
    this.#values = new Float64Array(this.grid.frequencies.length);
    this.#fitter =
      this.options.mode === 'classic'
        ? new ClassicFitter(this.grid, this.options, kernels)
        : new BicFitter(this.grid, this.options, kernels);
  }

  /**
   * @param power - linear power per frequency of the constructor
   * @param trace - receives every intermediate (classic mode)
   * @throws ProcessingError NON_FINITE for power without logarithm while `check_data` is on
   */
  fit(power: NumberList, trace?: (intermediates: FitTrace) => void): FooofFit {
    const bad = logPower(power, this.grid, this.#values);
    if (bad >= 0 && this.options.check_data) throw powerError(power, bad);
    const fit = bad >= 0 ? this.#nonFinite() : this.#fitter.fit(this.#values, trace);
    if (fit.status !== 'ok' && this.options.debug) {
      throw new ProcessingError('INVALID_ARGUMENT', `the fit failed: ${FAILURE_TEXT[fit.status]}`, {
        cure: 'give a spectrum with more bins or less noise, or set debug to false to go on',
      });
    }
    return fit;
  }

  /** (m), log10 power of the spectrum that was fitted last; the next fit writes over it. */
  get logPower(): Float64Array {
    return this.#values;
  }

  #nonFinite(): FooofFit {
    return failedFit('non_finite', APERIODIC_SIZE[this.options.aperiodic_mode], this.grid.frequencies);
  }
}

/**
 * One power spectrum as an aperiodic part and Gaussian peaks.
 *
 * @param frequencies - (n), Hz, ascending, evenly spaced; a first bin of 0 Hz is left out
 * @param power - (n), linear power
 * @param options - settings of the model under their configuration names
 * @throws ConfigError for wrong options
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT (frequencies), NON_FINITE (power)
 */
export function fitSpectrum(frequencies: NumberList, power: NumberList, options: FitOptions = {}): FooofFit {
  checkSpectrum(frequencies, power);
  return new SpectrumFitter(frequencies, options).fit(power);
}
