import { ProcessingError } from '../../errors.js';
import { convolveHeld } from './convolve.js';
import {
  compatKernel,
  exactKernel,
  exactKernelDerivatives,
  type DoubleGamma,
  type HrfSampling,
} from './hrf.js';

/** A kernel that turns a neural time course into a BOLD time course, fixed or with two parameters per voxel. */
export abstract class HRFModel {
  /** One kernel per voxel, with `hrf_delay` and `hrf_dispersion` among the parameters of the model. */
  readonly uniqueHrfs: boolean;
  /** Repetition time, s. */
  readonly tr: number;

  protected constructor(tr: number, uniqueHrfs: boolean) {
    if (!(tr > 0) || !Number.isFinite(tr)) {
      throw new ProcessingError(
        'INVALID_ARGUMENT',
        `the repetition time must be a positive number of seconds, got ${tr}`,
        {
          where: 'tr',
          cure: 'pass tr in seconds',
        },
      );
    }
    this.tr = tr;
    this.uniqueHrfs = uniqueHrfs;
  }

  /** Response at each sample; delay and dispersion replace those of the model. */
  abstract kernel(delay?: number, dispersion?: number): Float64Array;

  /** Derivatives of {@link kernel}. */
  abstract kernelDerivatives(
    delay: number,
    dispersion: number,
  ): { readonly delay: Float64Array; readonly dispersion: Float64Array };

  /** Lowest and highest allowed delay (s) and dispersion. */
  abstract readonly bounds: {
    readonly delay: readonly [number, number];
    readonly dispersion: readonly [number, number];
  };
  abstract readonly start: { readonly delay: number; readonly dispersion: number };

  /** The series after the response; the first sample is held before the start. */
  convolve(series: Float64Array, delay?: number, dispersion?: number): Float64Array {
    return convolveHeld(this.kernel(delay, dispersion), series, new Float64Array(series.length));
  }
}

/** Options of `SPMHRFModel`: repetition time and parameters of the two gamma functions, s. */
export interface SPMHRFOptions {
  readonly tr: number;
  readonly uniqueHrfs?: boolean;
  readonly highresDt?: number;
  readonly timeLength?: number;
  readonly onset?: number;
  readonly delay?: number;
  readonly undershoot?: number;
  readonly dispersion?: number;
  readonly uDispersion?: number;
  readonly ratio?: number;
  readonly minHrfDelay?: number;
  readonly maxHrfDelay?: number;
  readonly minDispersion?: number;
  readonly maxDispersion?: number;
  /** `exact`: at the repetition times; `compat`: the peer's numbers. */
  readonly mode?: 'exact' | 'compat';
  /** Of the exact kernel: its sum is 1, or its sum times tr. */
  readonly normalize?: 'sum' | 'integral';
}

/** Double gamma whose first part peaks at `delay` seconds. */
export class SPMHRFModel extends HRFModel {
  readonly mode: 'exact' | 'compat';
  readonly normalize: 'sum' | 'integral';
  readonly shape: DoubleGamma;
  readonly sampling: HrfSampling;
  readonly bounds;
  readonly start;

  /** @throws ProcessingError INVALID_ARGUMENT when a number is out of its range */
  constructor(options: SPMHRFOptions) {
    super(options.tr, options.uniqueHrfs ?? false);
    this.mode = options.mode ?? 'exact';
    this.normalize = options.normalize ?? 'sum';
    this.shape = {
      delay: options.delay ?? 6,
      undershoot: options.undershoot ?? 16,
      dispersion: options.dispersion ?? 1,
      uDispersion: options.uDispersion ?? 1,
      ratio: options.ratio ?? 0.167,
    };
    this.sampling = {
      tr: options.tr,
      timeLength: options.timeLength ?? 32,
      onset: options.onset ?? 0,
      highresDt: options.highresDt ?? 0.1,
    };
    this.bounds = {
      delay: [options.minHrfDelay ?? 3, options.maxHrfDelay ?? 7],
      dispersion: [options.minDispersion ?? 0.3, options.maxDispersion ?? 2],
    } as const;
    this.start = { delay: this.shape.delay, dispersion: this.shape.dispersion };
    this.#check();
  }

  kernel(delay: number = this.shape.delay, dispersion: number = this.shape.dispersion): Float64Array {
    const shape = { ...this.shape, delay, dispersion };
    return this.mode === 'exact'
      ? exactKernel(shape, this.sampling, this.normalize)
      : compatKernel(shape, this.sampling);
  }

  kernelDerivatives(
    delay: number,
    dispersion: number,
  ): { readonly delay: Float64Array; readonly dispersion: Float64Array } {
    if (this.mode === 'exact' && this.normalize === 'sum') {
      return exactKernelDerivatives({ ...this.shape, delay, dispersion }, this.sampling);
    }
    const step = 1e-5;
    const slope = (high: Float64Array, low: Float64Array): Float64Array =>
      high.map((value, k) => (value - low[k]!) / (2 * step));
    return {
      delay: slope(this.kernel(delay + step, dispersion), this.kernel(delay - step, dispersion)),
      dispersion: slope(this.kernel(delay, dispersion + step), this.kernel(delay, dispersion - step)),
    };
  }

  #check(): void {
    const positive = {
      ...this.shape,
      timeLength: this.sampling.timeLength,
      highresDt: this.sampling.highresDt,
      ratio: 1,
    };
    for (const [name, value] of Object.entries(positive)) {
      if (!(value > 0)) {
        throw new ProcessingError('INVALID_ARGUMENT', `${name} of the HRF must be positive, got ${value}`, {
          where: name,
          cure: 'pass a positive number',
        });
      }
    }
    for (const [name, [low, high]] of Object.entries(this.bounds)) {
      if (!(low < high && low > 0)) {
        throw new ProcessingError(
          'INVALID_ARGUMENT',
          `the bounds of the HRF's ${name} are ${low} to ${high}`,
          {
            where: name,
            cure: 'the lower bound must be positive and below the upper one',
          },
        );
      }
    }
    if (this.sampling.timeLength < 2 * this.tr) {
      throw new ProcessingError(
        'INVALID_ARGUMENT',
        `an HRF of ${this.sampling.timeLength} s is too short for a repetition time of ${this.tr} s`,
        {
          where: 'timeLength',
          cure: 'pass a longer timeLength',
        },
      );
    }
  }
}
