/** Sums over spectra of one grid of their log10 power and of what their models miss of it. */
export interface ResidualSums {
  /** Spectra that were fitted. */
  count: number;
  /** (m) each: residuals (data minus model), their sizes, and their squares. */
  readonly signed: Float64Array;
  readonly absolute: Float64Array;
  readonly squares: Float64Array;
  /** (m) each: log10 power and its squares. */
  readonly power: Float64Array;
  readonly powerSquares: Float64Array;
}

/** What spectra are and models miss at each frequency; log10 power, NaN without a fit. */
export interface FrequencyErrors {
  /** (m) each: mean size of the residuals, its standard deviation over spectra, and the mean residual. */
  readonly mean: Float64Array;
  readonly sd: Float64Array;
  readonly residual: Float64Array;
  /** (m) each: mean log10 power and its standard deviation over spectra. */
  readonly power: Float64Array;
  readonly powerSd: Float64Array;
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
  return { count: 0, signed: row(), absolute: row(), squares: row(), power: row(), powerSquares: row() };
}

/** Both sums together; they are of one grid. */
export function addSums(a: ResidualSums, b: ResidualSums): ResidualSums {
  const sum = (x: Float64Array, y: Float64Array): Float64Array => x.map((value, i) => value + y[i]!);
  return {
    count: a.count + b.count,
    signed: sum(a.signed, b.signed),
    absolute: sum(a.absolute, b.absolute),
    squares: sum(a.squares, b.squares),
    power: sum(a.power, b.power),
    powerSquares: sum(a.powerSquares, b.powerSquares),
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
  const { signed, absolute, squares, power, powerSquares } = sums;
  const lowest = lowBinCount(model.length);
  let low = 0;
  for (let i = 0; i < model.length; i++) {
    const value = values[i]!;
    const residual = value - model[i]!;
    signed[i]! += residual;
    absolute[i]! += Math.abs(residual);
    squares[i]! += residual * residual;
    power[i]! += value;
    powerSquares[i]! += value * value;
    if (i < lowest) low += residual;
  }
  sums.count++;
  return low / lowest;
}

/** Means and standard deviations (population) over the spectra of sums. */
export function frequencyErrors({ count, ...sums }: ResidualSums): FrequencyErrors {
  const mean = sums.absolute.map((sum) => sum / count);
  const power = sums.power.map((sum) => sum / count);
  const sd = (squares: Float64Array, means: Float64Array): Float64Array =>
    squares.map((sum, i) => Math.sqrt(Math.max(0, sum / count - means[i]! ** 2)));
  return {
    mean,
    sd: sd(sums.squares, mean),
    residual: sums.signed.map((sum) => sum / count),
    power,
    powerSd: sd(sums.powerSquares, power),
  };
}
