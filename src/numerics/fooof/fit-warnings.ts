import { kneeFrequency } from './aperiodic.js';
import type { Triple } from './fit-result.js';
import { lowBinCount } from './residual-sums.js';
import type { FooofSettings } from './settings.js';

/** Below this r squared, and above this error (log10 power), a fit is looked at. */
const LOW_R_SQUARED = 0.8;
const HIGH_ERROR = 0.15;
/** Mean residual of the lowest bins, log10 power, and in standard errors, from which on a model misses there. */
const LOW_RESIDUAL = 0.1;
const LOW_RESIDUAL_ERRORS = 2.5;
/** Mean size of a normal variable in standard deviations. */
const MEAN_SIZE_SD = Math.sqrt(2 / Math.PI);
/** Frequencies of the mains, Hz, and how close to them a peak counts as theirs. */
const MAINS = [50, 60];
const MAINS_DISTANCE = 1;
/** Share of a limit within which a bandwidth stands at it. */
const AT_LIMIT = 1e-3;
/** log10 power below which a peak has no height. */
const NO_HEIGHT = 1e-6;

/** What a person should look at in a fit, in words. */
export const FIT_WARNINGS = {
  width_limit: 'the lower limit of peak_width_limits is within 1.5 frequency bins: narrow peaks may be noise',
  bandwidth_at_limit: 'a peak is as narrow or as wide as peak_width_limits allow',
  center_at_edge: 'the centre of a peak lies at an end of the fitted range',
  peak_without_height: 'a peak was fitted without height',
  negative_knee: 'the knee is negative: there is no knee frequency',
  knee_outside: 'the knee frequency lies outside of the fitted range',
  low_r_squared: `r squared is below ${LOW_R_SQUARED}`,
  high_error: `the error is above ${HIGH_ERROR} log10 power`,
  low_frequency_residual:
    'the model misses the lowest tenth of the frequencies by more than 0.1 log10 power: try a knee, or a range that starts higher',
  line_noise: 'a peak lies within 1 Hz of 50 or 60 Hz: line noise? see line_noise',
} as const;
export type FitWarning = keyof typeof FIT_WARNINGS;

/** What warnings look at in one fit. */
export interface WatchedFit {
  /** [offset, exponent], with a knee [offset, knee, exponent]. */
  readonly aperiodic: ArrayLike<number>;
  /** [mean, height, SD] and [centre frequency, power, bandwidth] of each peak. */
  readonly gaussians: readonly Triple[];
  readonly peaks: readonly Triple[];
  readonly rSquared: number;
  /** Mean absolute error, log10 power. */
  readonly error: number;
  /** Mean residual of the lowest tenth of the bins, log10 power. */
  readonly lowResidual: number;
}

/**
 * What a person should look at in a fit; nothing of one that failed.
 *
 * @param frequencies - (m), Hz, of the fitted bins
 */
export function fitWarnings(
  fit: WatchedFit,
  frequencies: ArrayLike<number>,
  { peak_width_limits: [narrowest, widest] }: Pick<FooofSettings, 'peak_width_limits'>,
): FitWarning[] {
  const { aperiodic, gaussians, peaks, rSquared, error, lowResidual } = fit;
  if (!Number.isFinite(aperiodic[0])) return [];
  const count = frequencies.length;
  const first = frequencies[0]!;
  const last = frequencies[count - 1]!;
  const step = frequencies[1]! - first;
  const found: FitWarning[] = [];
  const note = (warning: FitWarning, holds: boolean): void => {
    if (holds) found.push(warning);
  };
  note('width_limit', isLimitWithinBins(narrowest, step));
  note(
    'bandwidth_at_limit',
    gaussians.some(({ 2: sd }) => 2 * sd <= narrowest * (1 + AT_LIMIT) || 2 * sd >= widest * (1 - AT_LIMIT)),
  );
  note(
    'center_at_edge',
    peaks.some(({ 0: center }) => center - first <= step || last - center <= step),
  );
  note(
    'peak_without_height',
    gaussians.some(({ 1: height }) => height < NO_HEIGHT),
  );
  if (aperiodic.length === 3) {
    const [knee, exponent] = [aperiodic[1]!, aperiodic[2]!];
    const bend = kneeFrequency(knee, exponent);
    note('negative_knee', knee < 0);
    note('knee_outside', knee >= 0 && !(bend >= first && bend <= last));
  }
  note('low_r_squared', rSquared < LOW_R_SQUARED);
  note('high_error', error > HIGH_ERROR);
  const standardError = error / MEAN_SIZE_SD / Math.sqrt(lowBinCount(count));
  note(
    'low_frequency_residual',
    Math.abs(lowResidual) > Math.max(LOW_RESIDUAL, LOW_RESIDUAL_ERRORS * standardError),
  );
  note(
    'line_noise',
    peaks.some(({ 0: center }) => MAINS.some((mains) => Math.abs(center - mains) <= MAINS_DISTANCE)),
  );
  return found;
}

/** True when the narrowest peak is within 1.5 bins of `step` Hz. */
export function isLimitWithinBins(narrowest: number, step: number): boolean {
  return 1.5 * step >= narrowest;
}
