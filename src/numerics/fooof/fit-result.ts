import type { Candidate, JudgedCandidate } from './candidates.js';

/** Why a fit has no parameters. */
export type FitFailure =
  /** Power without a finite logarithm. */
  | 'non_finite'
  /** The aperiodic fit has fewer bins than parameters. */
  | 'too_few_points'
  /** An optimiser ran out of evaluations. */
  | 'max_evaluations'
  /** Taken out of a group by its user. */
  | 'dropped';

/** How the fit of a spectrum ended: `ok`, or why there is none. */
export type FitStatus = 'ok' | FitFailure;

/** Why, in words. */
export const FAILURE_TEXT: Readonly<Record<FitFailure, string>> = {
  non_finite: 'its power is zero, negative or missing in some bin, so it has no logarithm',
  too_few_points: 'fewer bins than aperiodic parameters are left',
  max_evaluations: 'the optimiser ran out of evaluations',
  dropped: 'it was dropped',
};

/** A peak or a Gaussian: three numbers. */
export type Triple = readonly [number, number, number];

/** One spectrum as parameters. A failed fit has NaN, empty lists and no model. */
export interface FooofFit {
  readonly status: FitStatus;
  /** [offset, exponent], with a knee [offset, knee, exponent]; log10 power and Hz. */
  readonly aperiodic_params: readonly number[];
  /** [mean, height, SD] per peak, ascending: Hz, log10 power, Hz. */
  readonly gaussian_params: readonly Triple[];
  /** [centre frequency, power above the aperiodic part, bandwidth = 2 SD] per peak. */
  readonly peak_params: readonly Triple[];
  readonly r_squared: number;
  /** log10 power; which error it is, the settings say. */
  readonly error: number;
  readonly n_peaks: number;
  /** Every point that the search looked at, in that order, and what became of it; mode bic searches in another way and has none. */
  readonly candidates: readonly JudgedCandidate[];
  /** Fitted bins, Hz. */
  readonly frequencies: Float64Array;
  /** log10 power of the whole model and of its aperiodic part, per fitted bin; null after a failure. */
  readonly model: Float64Array | null;
  readonly aperiodic: Float64Array | null;
}

/** Every intermediate of a classic fit. */
export interface FitTrace {
  /** Aperiodic parameters of the first fit, and of the one to the bins on or below it. */
  readonly simple_params: readonly number[];
  readonly robust_threshold: number;
  readonly robust_mask_indices: readonly number[];
  readonly robust_params: readonly number[];
  /** log10 power above the robust aperiodic part. */
  readonly flat: Float64Array;
  /** In the order of discovery. */
  readonly guess_all: readonly Candidate[];
  readonly guess_after_edge: readonly Candidate[];
  /** What is fitted together, in the order of frequency. */
  readonly guess_after_overlap: readonly Candidate[];
  /** Sum of squares of the joint fit to the flattened spectrum. */
  readonly peak_sse: number;
}

/** The result of a fit that failed. */
export function failedFit(status: FitFailure, aperiodicSize: number, frequencies: Float64Array): FooofFit {
  return {
    status,
    aperiodic_params: new Array<number>(aperiodicSize).fill(NaN),
    gaussian_params: [],
    peak_params: [],
    r_squared: NaN,
    error: NaN,
    n_peaks: 0,
    candidates: [],
    frequencies,
    model: null,
    aperiodic: null,
  };
}
