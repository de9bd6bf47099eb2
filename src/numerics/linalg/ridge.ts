import { ProcessingError } from '../../errors.js';
import { cholesky, solveCholesky } from './cholesky.js';
import { gram, matrix, multiply, transpose, type Matrix } from './matrix.js';
import { singularValues } from './singular-values.js';
import { symmetricEigen } from './symmetric-eigen.js';

/**
 * W that minimises ||B W - Y||^2 + alpha ||W||^2 for every alpha.
 *
 * One alpha: Cholesky of B'B + alpha I, or of BB' + alpha I where there are more columns than rows. Several: one
 * eigendecomposition of the smaller of the two serves all. alpha = 0: the solution of smallest norm, by singular values.
 *
 * @param design - B, rows x features
 * @param data - Y, rows x columns
 * @param alphas - 0 or more; not scaled by the number of rows
 * @returns features x columns for each alpha
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT
 */
export function ridge(design: Matrix, data: Matrix, alphas: readonly number[]): Matrix[] {
  if (design.rows !== data.rows) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `the design has ${design.rows} rows, the data have ${data.rows}`,
      {
        cure: 'give both the same time points',
      },
    );
  }
  for (const alpha of alphas) {
    if (!(alpha >= 0) || !Number.isFinite(alpha)) {
      throw new ProcessingError('INVALID_ARGUMENT', `alpha must be 0 or more, got ${alpha}`, {
        where: 'alpha',
        cure: 'pass a finite number, 0 or more',
      });
    }
  }
  const positive = alphas.filter((alpha) => alpha > 0);
  const solve =
    positive.length > 1 ? sharedSolver(design, data) : (alpha: number) => singleSolve(design, data, alpha);
  return alphas.map((alpha) => (alpha === 0 ? smallestNorm(design, data) : solve(alpha)));
}

function singleSolve(design: Matrix, data: Matrix, alpha: number): Matrix {
  const isDual = design.columns > design.rows;
  const moments = isDual ? gram(transpose(design)) : gram(design);
  for (let i = 0; i < moments.rows; i++)
    moments.values[i * moments.rows + i] = moments.values[i * moments.rows + i]! + alpha;
  const lower = cholesky(moments);
  // Only an alpha far below rounding leaves the matrix singular; it then acts as 0.
  if (lower === null) return smallestNorm(design, data);
  const turned = transpose(design);
  return isDual ? multiply(turned, solveCholesky(lower, data)) : solveCholesky(lower, multiply(turned, data));
}

function sharedSolver(design: Matrix, data: Matrix): (alpha: number) => Matrix {
  const turned = transpose(design);
  const isDual = design.columns > design.rows;
  const { values, vectors } = symmetricEigen(isDual ? gram(turned) : gram(design));
  const projected = multiply(transpose(vectors), isDual ? data : multiply(turned, data));
  return (alpha) => {
    const scaled = matrix(projected.rows, projected.columns);
    for (let row = 0; row < projected.rows; row++) {
      const divisor = Math.max(values[row]!, 0) + alpha;
      for (let column = 0; column < projected.columns; column++) {
        const at = row * projected.columns + column;
        scaled.values[at] = projected.values[at]! / divisor;
      }
    }
    const solution = multiply(vectors, scaled);
    return isDual ? multiply(turned, solution) : solution;
  };
}

function smallestNorm(design: Matrix, data: Matrix): Matrix {
  const { left, values, right } = singularValues(design);
  const cutoff = Math.max(design.rows, design.columns) * Number.EPSILON * (values[0] ?? 0);
  const projected = multiply(transpose(left), data);
  for (let row = 0; row < values.length; row++) {
    const factor = values[row]! > cutoff ? 1 / values[row]! : 0;
    for (let column = 0; column < data.columns; column++) {
      projected.values[row * data.columns + column] = projected.values[row * data.columns + column]! * factor;
    }
  }
  return multiply(right, projected);
}
