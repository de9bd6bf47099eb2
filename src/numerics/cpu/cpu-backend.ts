import { DependencyError, ProcessingError } from '../../errors.js';
import { matrix, type Matrix } from '../linalg/matrix.js';
import { eigsh } from '../spectral/eigsh.js';
import { sparseFromTriplets, type SparseMatrix } from '../spectral/sparse-matrix.js';

/** Names by which a backend can be asked for. */
export const BACKEND_NAMES = ['numpy', 'jax', 'cupy', 'torch'] as const;
/** A backend of array operations by name. */
export type BackendName = (typeof BACKEND_NAMES)[number];

/** Numbers on the processor, float64: what the name `numpy` stands for. */
export class CpuBackend {
  readonly name = 'numpy';
  /** Eigenpairs of a symmetric pair of sparse matrices, with their certificate. */
  readonly eigsh = eigsh;

  /**
   * A sparse matrix from its entries; those of one place are added up. `format` is checked and changes nothing: the entries
   * are stored row after row, which for the symmetric matrices of `eigsh` is column after column as well.
   *
   * @param shape - rows, columns
   * @throws ProcessingError INVALID_ARGUMENT for another format or a place that is not there
   */
  sparseMatrix(
    data: ArrayLike<number>,
    row: ArrayLike<number>,
    col: ArrayLike<number>,
    shape: readonly [number, number],
    { format = 'csc' }: { readonly format?: 'csc' | 'csr' } = {},
  ): SparseMatrix {
    if (format !== 'csc' && format !== 'csr') {
      throw new ProcessingError('INVALID_ARGUMENT', `there is no sparse format '${String(format)}'`, {
        cure: 'use csc or csr',
      });
    }
    return sparseFromTriplets({ row, column: col, value: data }, shape);
  }

  /** The identity. */
  eye(n: number): Matrix {
    const found = matrix(n, n);
    for (let i = 0; i < n; i++) found.values[i * n + i] = 1;
    return found;
  }

  /** An array of ones. */
  ones(shape: readonly number[]): { readonly shape: readonly number[]; readonly data: Float64Array } {
    return { shape, data: new Float64Array(shape.reduce((all, n) => all * n, 1)).fill(1) };
  }
}

/**
 * A backend by name.
 *
 * @throws DependencyError BACKEND_MISSING for a name that is known and not here; ProcessingError INVALID_ARGUMENT for others
 */
export function getBackend(name: BackendName = 'numpy'): CpuBackend {
  if (name === 'numpy') return new CpuBackend();
  if (!BACKEND_NAMES.includes(name)) {
    throw new ProcessingError('INVALID_ARGUMENT', `there is no backend '${String(name)}'`, {
      cure: `use one of ${BACKEND_NAMES.join(', ')}`,
    });
  }
  throw new DependencyError('BACKEND_MISSING', `backend '${name}' is not available here (available: numpy)`, {
    cure: 'use numpy, which computes on the processor',
  });
}
