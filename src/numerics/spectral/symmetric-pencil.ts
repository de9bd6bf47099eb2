import { ProcessingError } from '../../errors.js';
import { smallEigen, type SmallEigen } from '../linalg/small-eigen.js';

/**
 * All solutions of A x = lambda B x for small dense matrices, by Cholesky of B: x' B x = 1.
 *
 * @param a - n x n row-major, symmetric; destroyed
 * @param b - n x n row-major, symmetric positive definite; destroyed
 * @throws ProcessingError INVALID_ARGUMENT when b is not positive definite
 */
export function symmetricPencil(n: number, a: Float64Array, b: Float64Array): SmallEigen {
  choleskyInPlace(n, b);
  // a <- L^-1 a, row by row, then the same from the other side on the transposed result.
  for (let side = 0; side < 2; side++) {
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < i; k++) {
        const factor = b[i * n + k]!;
        if (factor === 0) continue;
        for (let j = 0; j < n; j++) a[i * n + j]! -= factor * a[k * n + j]!;
      }
      const pivot = b[i * n + i]!;
      for (let j = 0; j < n; j++) a[i * n + j]! /= pivot;
    }
    transposeInPlace(n, a);
  }
  const eigen = smallEigen(n, a, n);
  const { rows } = eigen;
  // Each row x of vectors becomes L^-T x.
  for (let v = 0; v < n; v++) {
    const at = v * n;
    for (let i = n - 1; i >= 0; i--) {
      const value = rows[at + i]! / b[i * n + i]!;
      rows[at + i] = value;
      for (let k = 0; k < i; k++) rows[at + k]! -= b[i * n + k]! * value;
    }
  }
  return eigen;
}

/** The mass has pivots that are not positive: `found` says which. */
export function notDefinite(found: string): ProcessingError {
  return new ProcessingError('INVALID_ARGUMENT', `the mass matrix is not positive definite (${found})`, {
    where: 'eigsh',
    cure: 'give every row a positive mass; drop vertices that belong to no triangle',
  });
}

/** Lower triangle of b becomes L with L L' = b. */
function choleskyInPlace(n: number, b: Float64Array): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = b[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= b[i * n + k]! * b[j * n + k]!;
      if (j < i) {
        b[i * n + j] = sum / b[j * n + j]!;
      } else {
        if (!(sum > 0)) {
          throw notDefinite(`pivot ${sum}`);
        }
        b[i * n + i] = Math.sqrt(sum);
      }
    }
  }
}

function transposeInPlace(n: number, a: Float64Array): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const held = a[i * n + j]!;
      a[i * n + j] = a[j * n + i]!;
      a[j * n + i] = held;
    }
  }
}
