/** Covariance of residuals, their likelihood, and the posterior of a stimulus. Source: spec of encoding, section 4. */
import { ProcessingError } from '../../errors.js';
import { cholesky, logDeterminant, solveLower } from '../linalg/cholesky.js';
import { gram, matrix, transpose, type Matrix } from '../linalg/matrix.js';
import { logGamma } from '../special/gamma.js';

export interface OmegaParameters {
  /** Shared correlation, 0 to 1. */
  readonly rho: number;
  /** Residual standard deviation per voxel. */
  readonly tau: Float64Array;
  /** Weight of the tuning similarity. */
  readonly sigma2: number;
  /** Similarity of the tuning, voxels x voxels; see {@link tuningSimilarity}. */
  readonly similarity?: Matrix;
  /** Correlation that falls with distance: alpha exp(-beta D) + 1 - alpha in place of 1. */
  readonly distance?: { readonly alpha: number; readonly beta: number; readonly distances: Matrix };
}

/** rho tau tau' + (1 - rho) diag(tau^2) + sigma2 W'W. */
export function residualCovariance(parameters: OmegaParameters): Matrix {
  const { rho, tau, sigma2, similarity, distance } = parameters;
  const n = tau.length;
  for (const [name, given] of Object.entries({ similarity, distances: distance?.distances })) {
    if (given !== undefined && (given.rows !== n || given.columns !== n)) {
      throw new ProcessingError(
        'SHAPE_MISMATCH',
        `${name} is ${given.rows} x ${given.columns}, there are ${n} voxels`,
        {
          where: name,
          cure: 'give voxels x voxels',
        },
      );
    }
  }
  const omega = matrix(n, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const at = i * n + j;
      const decay =
        distance === undefined
          ? 1
          : distance.alpha * Math.exp(-distance.beta * distance.distances.values[at]!) + 1 - distance.alpha;
      const own = i === j ? (1 - rho) * tau[i]! * tau[i]! : 0;
      omega.values[at] = rho * decay * tau[i]! * tau[j]! + own + sigma2 * (similarity?.values[at] ?? 0);
    }
  }
  return omega;
}

/**
 * W'W of basis responses over a range of stimuli, divided by its mean.
 *
 * @param responses - stimuli x voxels
 * @throws ProcessingError INVALID_ARGUMENT where that mean is 0: the responses of the voxels cancel
 */
export function tuningSimilarity(
  responses: Matrix,
  options: { readonly isNormalised?: boolean } = {},
): Matrix {
  const product = gram(responses);
  if (options.isNormalised === false) return product;
  const meanOf = (values: Float64Array): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const mean = meanOf(product.values);
  if (!(mean > 1e-12 * meanOf(product.values.map(Math.abs)))) {
    throw new ProcessingError('INVALID_ARGUMENT', `the mean of the tuning similarity is ${mean}`, {
      where: 'responses',
      cure: 'give stimuli, or weights that do not cancel over the voxels',
    });
  }
  return matrix(
    product.rows,
    product.columns,
    product.values.map((value) => value / mean),
  );
}

/**
 * Log-density of residual rows under a normal distribution with covariance omega, or under the multivariate t with
 * that scale matrix.
 *
 * @param residuals - rows x voxels
 * @param dof - degrees of freedom; absent: normal
 * @returns one value per row
 * @throws ProcessingError INVALID_ARGUMENT when omega is not positive definite
 */
export function residualLogLikelihood(residuals: Matrix, omega: Matrix, dof?: number): Float64Array {
  const voxels = residuals.columns;
  const lower = cholesky(omega);
  if (lower === null || omega.rows !== voxels) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `omega must be a positive definite ${voxels} x ${voxels} matrix`,
      {
        where: 'omega',
        cure: 'add shrinkage, or fit it with more time points',
      },
    );
  }
  const white = solveLower(lower, transpose(residuals));
  const logDet = logDeterminant(lower);
  return Float64Array.from({ length: residuals.rows }, (_, row) => {
    let square = 0;
    for (let v = 0; v < voxels; v++) square += white.values[v * residuals.rows + row]! ** 2;
    if (dof === undefined) return -0.5 * (square + logDet + voxels * Math.log(2 * Math.PI));
    return (
      logGamma((dof + voxels) / 2) -
      logGamma(dof / 2) -
      0.5 * (voxels * Math.log(dof * Math.PI) + logDet) -
      0.5 * (dof + voxels) * Math.log1p(square / dof)
    );
  });
}

/**
 * Log-likelihood of every time point for every candidate stimulus.
 *
 * @param data - time x voxels
 * @param predictions - stimuli x voxels, without HRF
 * @returns time x stimuli
 */
export function stimulusLogLikelihood(
  data: Matrix,
  predictions: Matrix,
  omega: Matrix,
  dof?: number,
): Matrix {
  const result = matrix(data.rows, predictions.rows);
  const residuals = matrix(predictions.rows, data.columns);
  for (let t = 0; t < data.rows; t++) {
    for (let at = 0; at < residuals.values.length; at++) {
      residuals.values[at] = data.values[t * data.columns + (at % data.columns)]! - predictions.values[at]!;
    }
    result.values.set(residualLogLikelihood(residuals, omega, dof), t * predictions.rows);
  }
  return result;
}

export interface StimulusPosterior {
  /** Density, time x stimuli; each row integrates to 1 by trapezoids. */
  readonly density: Matrix;
  readonly mean: Float64Array;
  readonly sd: Float64Array;
}

/**
 * Posterior over a one-dimensional stimulus with a flat prior on a grid. Valid where each time point stands alone:
 * without HRF, or on deconvolved estimates.
 *
 * @param logLikelihood - time x stimuli
 * @param stimuli - ascending
 */
export function stimulusPosterior(logLikelihood: Matrix, stimuli: Float64Array): StimulusPosterior {
  const { rows, columns, values } = logLikelihood;
  if (stimuli.length !== columns || columns < 2) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${stimuli.length} stimuli do not fit ${columns} columns of likelihoods`,
      {
        where: 'stimuli',
        cure: 'give one stimulus per column, at least two',
      },
    );
  }
  const cell = trapezoidWeights(stimuli);
  const density = matrix(rows, columns);
  const mean = new Float64Array(rows);
  const sd = new Float64Array(rows);
  for (let t = 0; t < rows; t++) {
    const row = values.subarray(t * columns, (t + 1) * columns);
    const largest = row.reduce((max, value) => Math.max(max, value), -Infinity);
    const p = row.map((value) => Math.exp(value - largest));
    const total = weighted(p, cell, () => 1);
    for (let s = 0; s < columns; s++) p[s] = p[s]! / total;
    density.values.set(p, t * columns);
    mean[t] = weighted(p, cell, (s) => stimuli[s]!);
    sd[t] = Math.sqrt(weighted(p, cell, (s) => (stimuli[s]! - mean[t]!) ** 2));
  }
  return { density, mean, sd };
}

function trapezoidWeights(x: Float64Array): Float64Array {
  return x.map((value, i) => ((x[i + 1] ?? value) - (x[i - 1] ?? value)) / 2);
}

function weighted(p: Float64Array, cell: Float64Array, value: (s: number) => number): number {
  let sum = 0;
  for (let s = 0; s < p.length; s++) sum += p[s]! * cell[s]! * value(s);
  return sum;
}
