import { checkCount, checkDoubles, checkSeparate } from './arguments.js';
import { nativeBinding } from './loader.js';

/** Peaks (c, h, s) on a frequency axis. */
interface FooofPeaks {
  /** Shape (m), Hz, ascending. */
  readonly frequencies: Float64Array;
  /** Step of the frequencies where all are equal, otherwise 0. */
  readonly resolution: number;
  /** Shape (3 k): centre, height and standard deviation of each peak. */
  readonly x: Float64Array;
}

/** An aperiodic part that is fitted with the peaks: a line in log10 f, or with a bend. */
export interface FooofBase {
  readonly kind: 'line' | 'bend';
  /** Shape (m) each: ln f and log10 f. */
  readonly ln: Float64Array;
  readonly log10: Float64Array;
}

export interface FooofPeakFit extends FooofPeaks {
  /** Shape (m). */
  readonly target: Float64Array;
  /** Null: the target is a flattened spectrum. */
  readonly base: FooofBase | null;
  /** Shape of x each. */
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  readonly tolerance: number;
  readonly maxEvaluations: number;
  /** The start, (3 k), with a base (3 k + 3): then offset, exponent, knee; receives the result. */
  readonly x: Float64Array;
  /** Shape (3), written: 1 where the fit ended by itself and 0 where its evaluations ran out, half the sum of squares, evaluations. */
  readonly result: Float64Array;
}

export interface FooofKneeFit {
  /** Shape (m): ln f. */
  readonly ln: Float64Array;
  /** Shape (m): log10 power. */
  readonly values: Float64Array;
  readonly tolerance: number;
  readonly maxEvaluations: number;
  /** Shape (3): offset, knee, exponent; the start, receives the result. */
  readonly x: Float64Array;
}

export interface FooofSearch {
  /** Shape (m), Hz, ascending. */
  readonly frequencies: Float64Array;
  /** Step of the frequencies where all are equal, otherwise 0. */
  readonly resolution: number;
  /** Narrowest and widest two-sided bandwidth, Hz. */
  readonly widths: readonly [number, number];
  /** A candidate is higher than this, and than so many standard deviations of what is left. */
  readonly minHeight: number;
  readonly threshold: number;
  /** Shape (m): log10 power above the aperiodic part; the candidates are taken out of it. */
  readonly flat: Float64Array;
  /**
   * Shape (3 k + 3), receives centre, height and standard deviation of at most k candidates; then of the point that ended the search
   * centre, height and the relative height that it had to exceed.
   */
  readonly found: Float64Array;
}

/** As FooofBase of native/fooof.h. */
const BASE_NUMBER = { line: 1, bend: 2 } as const;

/**
 * Fits a sum of Gaussian peaks to a target within bounds, with a base together with an aperiodic part: step for step as
 * `BoundedTrustRegion` with `GaussianSum` and `JointModel`.
 *
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 */
export function fitFooofPeaks(fit: FooofPeakFit): void {
  const operation = 'fitFooofPeaks';
  const { frequencies, target, lower, upper, x, result } = fit;
  const { base } = fit;
  const bins = frequencies.length;
  const peaks = checkPeaks(operation, fit, base === null ? 0 : 3);
  checkDoubles(operation, 'target', target, bins);
  if (base !== null) {
    checkDoubles(operation, 'ln', base.ln, bins);
    checkDoubles(operation, 'log10', base.log10, bins);
  }
  checkDoubles(operation, 'lower', lower, x.length);
  checkDoubles(operation, 'upper', upper, x.length);
  checkDoubles(operation, 'result', result, 3);
  checkSeparate(operation, 'x', x, { lower, upper, result });
  nativeBinding().fooofFitPeaks(
    bins,
    peaks,
    frequencies,
    fit.resolution,
    target,
    lower,
    upper,
    fit.tolerance,
    fit.maxEvaluations,
    x,
    result,
    base === null ? 0 : BASE_NUMBER[base.kind],
    base?.ln ?? null,
    base?.log10 ?? null,
  );
}

/** Adds the peaks to `sum`, shape (m). Same errors. */
export function addFooofPeaks(peaks: FooofPeaks & { readonly sum: Float64Array }): void {
  const { frequencies, resolution, x, sum } = peaks;
  const count = checkPeaks('addFooofPeaks', peaks);
  checkDoubles('addFooofPeaks', 'sum', sum, frequencies.length);
  nativeBinding().fooofAddPeaks(frequencies.length, count, frequencies, resolution, x, sum);
}

/**
 * Fits offset - log10(knee + f^exponent), step for step as `Marquardt` on the same curve. Same errors.
 *
 * @returns false when the start has no finite cost or the evaluations ran out
 */
export function fitFooofKnee({ ln, values, tolerance, maxEvaluations, x }: FooofKneeFit): boolean {
  const operation = 'fitFooofKnee';
  const bins = checkCount(operation, 'number of bins', ln.length);
  checkDoubles(operation, 'values', values, bins);
  checkDoubles(operation, 'x', x, 3);
  return nativeBinding().fooofFitKnee(bins, ln, values, tolerance, maxEvaluations, x) === 1;
}

/**
 * Candidate peaks, highest first, as `searchCandidates` finds them. Same errors.
 *
 * @returns how many; as many as fit into `found`: nothing ended the search, a further call goes on
 */
export function searchFooofPeaks(search: FooofSearch): number {
  const operation = 'searchFooofPeaks';
  const { frequencies, resolution, widths, minHeight, threshold, flat, found } = search;
  const bins = checkCount(operation, 'number of frequencies', frequencies.length);
  const most = checkCount(operation, 'most candidates', found.length / 3 - 1);
  checkDoubles(operation, 'frequencies', frequencies, bins);
  checkDoubles(operation, 'flat', flat, bins);
  checkDoubles(operation, 'found', found, 3 * (most + 1));
  checkSeparate(operation, 'flat', flat, { frequencies, found });
  const step = bins > 1 ? frequencies[1]! - frequencies[0]! : 0;
  return nativeBinding().fooofSearch(
    bins,
    frequencies,
    resolution,
    step,
    widths[0],
    widths[1],
    minHeight,
    threshold,
    most,
    flat,
    found,
  );
}

/** @param others - parameters behind those of the peaks */
function checkPeaks(operation: string, { frequencies, x }: FooofPeaks, others = 0): number {
  checkCount(operation, 'number of frequencies', frequencies.length);
  const peaks = checkCount(operation, 'number of peaks', (x.length - others) / 3, others === 0 ? 1 : 0);
  checkDoubles(operation, 'frequencies', frequencies, frequencies.length);
  checkDoubles(operation, 'x', x, 3 * peaks + others);
  return peaks;
}
