import { matrix, transpose, type Matrix } from './matrix.js';
import { smallEigen } from './small-eigen.js';

export interface SymmetricEigen {
  /** Ascending. */
  readonly values: Float64Array;
  /** Column i belongs to value i; orthonormal. */
  readonly vectors: Matrix;
}

/** All eigenpairs of a dense symmetric matrix. */
export function symmetricEigen(a: Matrix): SymmetricEigen {
  const n = a.rows;
  const { values, rows } = smallEigen(n, a.values.slice(), n);
  return { values, vectors: transpose(matrix(n, n, rows)) };
}
