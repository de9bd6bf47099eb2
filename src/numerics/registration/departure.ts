import { ProcessingError } from '../../errors.js';
import { requireFinite } from './diagnostics.js';

/** How much better than the leave-one-out mean a prediction of a subject is, on the subject's own support. */
export interface DeltaOnTrueSupport {
  readonly mae_pred: number;
  readonly mae_loo_mean: number;
  /** mae_loo_mean - mae_pred: positive is better than the mean. */
  readonly delta_mae: number;
  /** delta_mae / mae_loo_mean. */
  readonly relative_reduction: number;
  readonly support_voxels: number;
}

/** Does the prediction depart from the mean in the way the subject does? */
export interface RegressionToMeanControl {
  /** Correlation of predicted and real departure; 0 for a prediction that ignores the subject. */
  readonly departure_pearson: number;
  readonly predicted_departure_energy: number;
  readonly real_departure_energy: number;
  /** Predicted over real energy; near 0 means regression to the mean, above 2 means overshoot. */
  readonly departure_energy_ratio: number;
}

/** Options of comparing predicted with real departures from the mean. */
export interface DepartureOptions {
  /** A voxel belongs to the subject where its true value is above this. Default 0. */
  readonly supportThreshold?: number;
  readonly eps?: number;
}

const EPS = 1e-12;

/** 1 where the truth is above the threshold (default 0), else 0. */
export function trueSupportMask(truth: ArrayLike<number>, options: { threshold?: number } = {}): Uint8Array {
  const { threshold = 0 } = options;
  requireFinite(truth, 'truth');
  return Uint8Array.from(truth, (value) => (value > threshold ? 1 : 0));
}

/**
 * Mean absolute errors of a prediction and of the leave-one-out mean on the true support.
 *
 * @param looMean - mean of the other subjects
 * @returns all NaN and 0 voxels where the support is empty; relative_reduction NaN where the mean has no error
 * @throws ProcessingError SHAPE_MISMATCH for unequal lengths, NON_FINITE for a value that is not finite
 * @see spec/learned_atlas.md 7
 */
export function deltaOnTrueSupport(
  prediction: ArrayLike<number>,
  truth: ArrayLike<number>,
  looMean: ArrayLike<number>,
  options: DepartureOptions = {},
): DeltaOnTrueSupport {
  const { eps = EPS } = options;
  const support = supportIndices(prediction, truth, looMean, options);
  const n = support.length;
  let [predicted, mean] = [0, 0];
  for (const v of support) {
    predicted += Math.abs((prediction[v] ?? 0) - (truth[v] ?? 0));
    mean += Math.abs((looMean[v] ?? 0) - (truth[v] ?? 0));
  }
  const maePred = predicted / n;
  const maeLooMean = mean / n;
  const delta = maeLooMean - maePred;
  return {
    mae_pred: maePred,
    mae_loo_mean: maeLooMean,
    delta_mae: delta,
    relative_reduction: maeLooMean > eps ? delta / maeLooMean : NaN,
    support_voxels: n,
  };
}

/**
 * Compares the departures from the leave-one-out mean, a = prediction - mean and b = truth - mean, on the true
 * support: a prediction that merely returns the mean has energy 0.
 *
 * @returns all NaN where the support is empty; departure_pearson NaN where either departure is constant
 * @throws ProcessingError as `deltaOnTrueSupport`
 */
export function regressionToMeanControl(
  prediction: ArrayLike<number>,
  truth: ArrayLike<number>,
  looMean: ArrayLike<number>,
  options: DepartureOptions = {},
): RegressionToMeanControl {
  const { eps = EPS } = options;
  const support = supportIndices(prediction, truth, looMean, options);
  const n = support.length;
  let [sumA, sumB, energyA, energyB] = [0, 0, 0, 0];
  for (const v of support) {
    const a = (prediction[v] ?? 0) - (looMean[v] ?? 0);
    const b = (truth[v] ?? 0) - (looMean[v] ?? 0);
    sumA += a;
    sumB += b;
    energyA += a * a;
    energyB += b * b;
  }
  const [meanA, meanB] = [sumA / n, sumB / n];
  let [varA, varB, covariance] = [0, 0, 0];
  for (const v of support) {
    const a = (prediction[v] ?? 0) - (looMean[v] ?? 0) - meanA;
    const b = (truth[v] ?? 0) - (looMean[v] ?? 0) - meanB;
    varA += a * a;
    varB += b * b;
    covariance += a * b;
  }
  const scale = Math.sqrt(varA) * Math.sqrt(varB);
  return {
    departure_pearson: scale > eps ? covariance / scale : NaN,
    predicted_departure_energy: energyA / n,
    real_departure_energy: energyB / n,
    departure_energy_ratio: energyB / n > eps ? energyA / energyB : NaN,
  };
}

function supportIndices(
  prediction: ArrayLike<number>,
  truth: ArrayLike<number>,
  looMean: ArrayLike<number>,
  { supportThreshold = 0 }: DepartureOptions,
): number[] {
  if (prediction.length !== truth.length || looMean.length !== truth.length) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `prediction, truth and leave-one-out mean have ${prediction.length}, ${truth.length} and ${looMean.length} voxels`,
      { cure: 'give three volumes on one grid' },
    );
  }
  requireFinite(prediction, 'prediction');
  requireFinite(looMean, 'leave-one-out mean');
  const mask = trueSupportMask(truth, { threshold: supportThreshold });
  const indices: number[] = [];
  mask.forEach((inside, v) => {
    if (inside === 1) indices.push(v);
  });
  return indices;
}
