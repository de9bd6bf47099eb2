import type { ErrorMetric } from './settings.js';

/** Square of Pearson's correlation of two rows; NaN when one is constant. */
export function rSquared(values: Float64Array, model: Float64Array): number {
  const count = values.length;
  let sumValues = 0;
  let sumModel = 0;
  for (let i = 0; i < count; i++) {
    sumValues += values[i]!;
    sumModel += model[i]!;
  }
  const meanValues = sumValues / count;
  const meanModel = sumModel / count;
  let products = 0;
  let squaresValues = 0;
  let squaresModel = 0;
  for (let i = 0; i < count; i++) {
    const v = values[i]! - meanValues;
    const w = model[i]! - meanModel;
    products += v * w;
    squaresValues += v * v;
    squaresModel += w * w;
  }
  // The correlation is clamped as in numpy.corrcoef.
  return Math.min(1, (products * products) / (squaresValues * squaresModel));
}

/**
 * R2 corrected for the number of parameters: 1 - (1 - R2)(n - 1)/(n - p - 1).
 *
 * @param bins - n, fitted bins
 * @param parameters - p, aperiodic parameters and three per peak
 */
export function adjustedRSquared(r2: number, bins: number, parameters: number): number {
  return 1 - ((1 - r2) * (bins - 1)) / (bins - parameters - 1);
}

/** Difference of values and model as one number, log10 power (MSE: squared). */
export function fitError(values: Float64Array, model: Float64Array, metric: ErrorMetric): number {
  if (metric === 'MDAE') return median(pointwiseErrors(values, model));
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const difference = values[i]! - model[i]!;
    sum += metric === 'MAE' ? Math.abs(difference) : difference * difference;
  }
  const mean = sum / values.length;
  return metric === 'RMSE' ? Math.sqrt(mean) : mean;
}

/** Absolute difference in each bin, log10 power. */
export function pointwiseErrors(values: Float64Array, model: Float64Array): Float64Array {
  return values.map((value, i) => Math.abs(value - model[i]!));
}

function median(values: Float64Array): number {
  const sorted = values.toSorted();
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle - 0.5)]! + sorted[Math.floor(middle)]!) / 2;
}
