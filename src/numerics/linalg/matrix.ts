/** Dense matrices of float64 in row-major order. */
import { ProcessingError } from '../../errors.js';

/** `values[row * columns + column]`. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
}

/**
 * A matrix of zeros, or of the given values. A `Float64Array` is not copied: matrix and caller share it, and a change of one
 * is a change of the other. Other arrays are copied.
 *
 * @throws ProcessingError SHAPE_MISMATCH when the number of values is not rows x columns
 */
export function matrix(rows: number, columns: number, values?: ArrayLike<number>): Matrix {
  if (values !== undefined && values.length !== rows * columns) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${rows} x ${columns} needs ${rows * columns} values, got ${values.length}`,
      {
        cure: 'pass the values row by row',
      },
    );
  }
  if (values instanceof Float64Array) return { rows, columns, values };
  return {
    rows,
    columns,
    values: values === undefined ? new Float64Array(rows * columns) : Float64Array.from(values),
  };
}

export function transpose(a: Matrix): Matrix {
  const result = matrix(a.columns, a.rows);
  for (let row = 0; row < a.rows; row++) {
    for (let column = 0; column < a.columns; column++) {
      result.values[column * a.rows + row] = a.values[row * a.columns + column]!;
    }
  }
  return result;
}

/** a b. @throws ProcessingError SHAPE_MISMATCH */
export function multiply(a: Matrix, b: Matrix): Matrix {
  if (a.columns !== b.rows) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `cannot multiply ${a.rows} x ${a.columns} by ${b.rows} x ${b.columns}`,
      {
        cure: 'the columns of the first must be the rows of the second',
      },
    );
  }
  const result = matrix(a.rows, b.columns);
  for (let row = 0; row < a.rows; row++) {
    const out = result.values.subarray(row * b.columns, (row + 1) * b.columns);
    for (let k = 0; k < a.columns; k++) {
      const factor = a.values[row * a.columns + k]!;
      if (factor === 0) continue;
      const at = k * b.columns;
      for (let column = 0; column < b.columns; column++)
        out[column] = out[column]! + factor * b.values[at + column]!;
    }
  }
  return result;
}

/** a' a, symmetric. */
export function gram(a: Matrix): Matrix {
  const n = a.columns;
  const result = matrix(n, n);
  const { values } = result;
  for (let row = 0; row < a.rows; row++) {
    const at = row * n;
    for (let i = 0; i < n; i++) {
      const factor = a.values[at + i]!;
      if (factor === 0) continue;
      for (let j = i; j < n; j++) values[i * n + j] = values[i * n + j]! + factor * a.values[at + j]!;
    }
  }
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) values[i * n + j] = values[j * n + i]!;
  return result;
}

/** Mean of each column. */
export function columnMeans(a: Matrix): Float64Array {
  const means = new Float64Array(a.columns);
  for (let row = 0; row < a.rows; row++) {
    for (let column = 0; column < a.columns; column++)
      means[column] = means[column]! + a.values[row * a.columns + column]!;
  }
  return means.map((sum) => sum / a.rows);
}

/** The matrix with `offsets[column]` taken from each column. */
export function withoutColumnOffsets(a: Matrix, offsets: Float64Array): Matrix {
  return matrix(
    a.rows,
    a.columns,
    a.values.map((value, at) => value - offsets[at % a.columns]!),
  );
}
