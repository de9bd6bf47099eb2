import { ProcessingError } from '../../errors.js';
import { cholesky } from '../linalg/cholesky.js';
import { matrix, type Matrix } from '../linalg/matrix.js';
import { seededRandom, type SeededRandom } from '../random.js';
import { toMatrix, type MatrixInput } from './tables.js';

export interface NoiseOptions {
  /** Standard deviation of independent noise, or the covariance of the voxels. Default 1. */
  readonly noise?: number | MatrixInput;
  /** Student-t noise with this many degrees of freedom and that scale: variance noise^2 dof / (dof - 2). */
  readonly dof?: number;
  /** Default 1. */
  readonly nRepeats?: number;
  /** Same seed, same numbers. */
  readonly seed: number;
}

/**
 * Repeats of a prediction with noise.
 *
 * @param prediction - time x voxels
 * @returns (repeats time) x voxels, repeat by repeat
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT
 */
export function addNoise(prediction: Matrix, options: NoiseOptions): Matrix {
  const { noise = 1, dof, nRepeats = 1, seed } = options;
  if (!Number.isInteger(nRepeats) || nRepeats < 1) invalid('nRepeats', nRepeats, 'a whole number from 1');
  if (dof !== undefined && !(dof > 0)) invalid('dof', dof, 'a positive number');
  const random = seededRandom(seed, 'encoding-noise');
  const draw =
    typeof noise === 'number'
      ? independent(noise, prediction.columns)
      : correlated(noise, prediction.columns);
  const result = matrix(prediction.rows * nRepeats, prediction.columns);
  const row = new Float64Array(prediction.columns);
  for (let at = 0; at < result.rows; at++) {
    draw(random, row);
    // One divisor per row with a covariance (multivariate t), one per value without.
    const shared = dof === undefined || typeof noise === 'number' ? 1 : studentScale(random, dof);
    const from = (at % prediction.rows) * prediction.columns;
    for (let v = 0; v < row.length; v++) {
      const scale = dof !== undefined && typeof noise === 'number' ? studentScale(random, dof) : shared;
      result.values[at * row.length + v] = prediction.values[from + v]! + row[v]! * scale;
    }
  }
  return result;
}

type Draw = (random: SeededRandom, row: Float64Array) => void;

function independent(sd: number, _voxels: number): Draw {
  if (!(sd >= 0)) invalid('noise', sd, 'a standard deviation, 0 or more');
  return (random, row) => {
    for (let v = 0; v < row.length; v++) row[v] = sd * random.normal();
  };
}

function correlated(noise: MatrixInput, voxels: number): Draw {
  const covariance = toMatrix(noise, 'noise');
  if (covariance.rows !== voxels || covariance.columns !== voxels) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `the noise covariance is ${covariance.rows} x ${covariance.columns}, there are ${voxels} voxels`,
      {
        where: 'noise',
        cure: 'give voxels x voxels',
      },
    );
  }
  const lower = cholesky(covariance);
  if (lower === null) invalid('noise', 'a matrix', 'a positive definite covariance');
  const white = new Float64Array(voxels);
  return (random, row) => {
    for (let v = 0; v < voxels; v++) {
      white[v] = random.normal();
      let sum = 0;
      for (let k = 0; k <= v; k++) sum += lower.values[v * voxels + k]! * white[k]!;
      row[v] = sum;
    }
  };
}

/** sqrt(dof / chi-square(dof)); the chi-square as twice a gamma variate (Marsaglia & Tsang 2000). */
function studentScale(random: SeededRandom, dof: number): number {
  return Math.sqrt(dof / (2 * gammaVariate(random, dof / 2)));
}

function gammaVariate(random: SeededRandom, shape: number): number {
  if (shape < 1) return gammaVariate(random, shape + 1) * (1 - random.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    if (Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

function invalid(name: string, value: unknown, expected: string): never {
  throw new ProcessingError('INVALID_ARGUMENT', `${name} must be ${expected}, got ${String(value)}`, {
    where: name,
    cure: `pass ${expected}`,
  });
}
