import { ProcessingError, type ErrorDetail } from '../../errors.js';

/** Eigenpairs that were found before a solver gave up: without certificate, polish or gate. */
export interface PartialPairs {
  /** (k'), ascending, the lowest of the matrix as far as no slice failed. */
  readonly eigenvalues: Float64Array;
  /** (n, k'), row per row of the matrix. */
  readonly eigenvectors: Float64Array;
}

/** An eigen-solver that gave up, with what it had found. */
export class NotConvergedError extends ProcessingError {
  readonly partial: PartialPairs;

  constructor(message: string, partial: PartialPairs, detail: ErrorDetail) {
    super('NOT_CONVERGED', message, detail);
    this.partial = partial;
  }
}

/** The same error for a larger matrix of which the solver saw the rows `nodes`. */
export function withAllRows(error: NotConvergedError, nodes: Int32Array, n: number): NotConvergedError {
  const { eigenvalues, eigenvectors } = error.partial;
  const k = eigenvalues.length;
  const all = new Float64Array(n * k);
  nodes.forEach((node, row) => all.set(eigenvectors.subarray(row * k, (row + 1) * k), node * k));
  const { where, cure } = error;
  return new NotConvergedError(
    error.message,
    { eigenvalues, eigenvectors: all },
    { ...(where === undefined ? {} : { where }), ...(cure === undefined ? {} : { cure }), cause: error },
  );
}
