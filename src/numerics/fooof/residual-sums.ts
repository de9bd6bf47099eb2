/** Sums over spectra of one grid of what their models miss, log10 power. */
export interface ResidualSums {
  /** Spectra that were fitted. */
  count: number;
  /** (m) each: residuals (data minus model), their sizes, and their squares. */
  readonly signed: Float64Array;
  readonly absolute: Float64Array;
  readonly squares: Float64Array;
}

/** What models miss at each frequency; log10 power, NaN without a fit. */
export interface FrequencyErrors {
  /** (m) each: mean size of the residuals, its standard deviation over spectra, and the mean residual. */
  readonly mean: Float64Array;
  readonly sd: Float64Array;
  readonly residual: Float64Array;
}

/** The lowest part of the bins, and the fewest, whose mean residual tells whether a model misses there. */
const LOW_SHARE = 0.1;
const FEWEST_LOW_BINS = 3;

/** How many of the bins are the lowest ones. */
export function lowBinCount(bins: number): number {
  return Math.min(bins, Math.max(FEWEST_LOW_BINS, Math.round(LOW_SHARE * bins)));
}

export function emptySums(bins: number): ResidualSums {
  const row = (): Float64Array => new Float64Array(bins);
  return { count: 0, signed: row(), absolute: row(), squares: row() };
}

/** Both sums together; they are of one grid. */
export function addSums(a: ResidualSums, b: ResidualSums): ResidualSums {
  const sum = (x: Float64Array, y: Float64Array): Float64Array => x.map((value, i) => value + y[i]!);
  return {
    count: a.count + b.count,
    signed: sum(a.signed, b.signed),
    absolute: sum(a.absolute, b.absolute),
    squares: sum(a.squares, b.squares),
  };
}

/**
 * Adds one spectrum to sums, which change.
 *
 * @param values - (m), log10 power
 * @param model - (m), log10 power
 * @returns the mean residual of its lowest tenth of bins (three at least)
 */
export function addResiduals(sums: ResidualSums, values: ArrayLike<number>, model: Float64Array): number {
  const { signed, absolute, squares } = sums;
  const lowest = lowBinCount(model.length);
  let low = 0;
  for (let i = 0; i < model.length; i++) {
    const residual = values[i]! - model[i]!;
    signed[i]! += residual;
    absolute[i]! += Math.abs(residual);
    squares[i]! += residual * residual;
    if (i < lowest) low += residual;
  }
  sums.count++;
  return low / lowest;
}

/** Means and standard deviations (population) over the spectra of sums. */
export function frequencyErrors({ count, signed, absolute, squares }: ResidualSums): FrequencyErrors {
  const mean = absolute.map((sum) => sum / count);
  return {
    mean,
    sd: squares.map((sum, i) => Math.sqrt(Math.max(0, sum / count - mean[i]! ** 2))),
    residual: signed.map((sum) => sum / count),
  };
}
