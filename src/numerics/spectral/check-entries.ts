import { ProcessingError } from '../../errors.js';
import type { SparseMatrix } from './sparse-matrix.js';

/**
 * Refuses matrices that are not symmetric or hold what is no number, and masses that are not positive.
 *
 * @param stiffness - (n, n), like `mass`
 * @throws ProcessingError NON_FINITE, INVALID_ARGUMENT: they name the entry
 */
export function checkEntries(where: string, stiffness: SparseMatrix, mass: SparseMatrix): void {
  checkSymmetric(where, 'stiffness', stiffness);
  checkSymmetric(where, 'mass', mass);
  for (let i = 0; i < mass.rows; i++) {
    const own = entry(mass, i, i);
    if (own > 0) continue;
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `row ${i} of the mass matrix has the diagonal entry ${own}`,
      {
        where,
        cure: 'drop vertices that belong to no triangle; laplaceBeltrami does so',
      },
    );
  }
}

function entry(a: SparseMatrix, i: number, j: number): number {
  let low = a.rowStarts[i]!;
  let high = a.rowStarts[i + 1]!;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (a.columnIndices[middle]! < j) low = middle + 1;
    else high = middle;
  }
  return low < a.rowStarts[i + 1]! && a.columnIndices[low] === j ? a.values[low]! : 0;
}

function checkSymmetric(where: string, name: string, a: SparseMatrix): void {
  // Every entry of row i is met again, in order, when the rows of its column come.
  const next = a.rowStarts.slice(0, a.rows);
  for (let i = 0; i < a.rows; i++) {
    for (let e = a.rowStarts[i]!; e < a.rowStarts[i + 1]!; e++) {
      const j = a.columnIndices[e]!;
      const value = a.values[e]!;
      if (!Number.isFinite(value)) {
        throw new ProcessingError('NON_FINITE', `entry (${i}, ${j}) of the ${name} matrix is ${value}`, {
          where,
          cure: 'look for triangles without area or for missing coordinates',
        });
      }
      const mirror = next[j]!++;
      const isThere = mirror < a.rowStarts[j + 1]! && a.columnIndices[mirror] === i;
      const other = isThere ? a.values[mirror]! : 0;
      if (isThere && Math.abs(value - other) <= 1e-12 * Math.max(Math.abs(value), Math.abs(other))) continue;
      throw new ProcessingError(
        'INVALID_ARGUMENT',
        `the ${name} matrix is not symmetric: entry (${i}, ${j}) is ${value}, entry (${j}, ${i}) is ${other}`,
        { where, cure: 'give both triangles; symmetricFromTriangle makes them from one' },
      );
    }
  }
}
