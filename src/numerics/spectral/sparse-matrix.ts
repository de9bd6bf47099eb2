import { ProcessingError } from '../../errors.js';

/**
 * Sparse matrix of float64, row after row (CSR); inside a row columns ascend and occur once. A symmetric matrix holds
 * both triangles, so the same arrays read as CSC.
 */
export interface SparseMatrix {
  readonly rows: number;
  readonly columns: number;
  /** Length rows + 1: row i stands at rowStarts[i] to rowStarts[i + 1]. */
  readonly rowStarts: Int32Array;
  readonly columnIndices: Int32Array;
  readonly values: Float64Array;
}

/** Entries of a matrix in any order; those at the same place are added. */
export interface Triplets {
  readonly row: ArrayLike<number>;
  readonly column: ArrayLike<number>;
  readonly value: ArrayLike<number>;
}

/**
 * Matrix from triplets.
 *
 * @param shape - rows and columns
 * @throws ProcessingError SHAPE_MISMATCH when the three lists differ in length; INVALID_ARGUMENT for an index outside
 */
export function sparseFromTriplets(
  { row, column, value }: Triplets,
  shape: readonly [number, number],
): SparseMatrix {
  const where = 'sparseFromTriplets';
  const [rows, columns] = shape;
  if (row.length !== column.length || row.length !== value.length) {
    const message = `${row.length} row indices, ${column.length} column indices, ${value.length} values`;
    throw new ProcessingError('SHAPE_MISMATCH', message, { where, cure: 'give three lists of one length' });
  }
  const starts = new Int32Array(rows + 1);
  for (let e = 0; e < row.length; e++) {
    checkIndex(where, 'row', row[e]!, rows);
    checkIndex(where, 'column', column[e]!, columns);
    starts[row[e]! + 1]!++;
  }
  for (let i = 0; i < rows; i++) starts[i + 1]! += starts[i]!;
  const place = starts.slice();
  const order = new Int32Array(row.length);
  for (let e = 0; e < row.length; e++) order[place[row[e]!]!++] = e;
  const rowStarts = new Int32Array(rows + 1);
  const columnIndices = new Int32Array(row.length);
  const values = new Float64Array(row.length);
  let at = 0;
  for (let i = 0; i < rows; i++) {
    // A stable sort: entries of one place are added in the order given.
    const entries = order.subarray(starts[i], starts[i + 1]).sort((a, b) => column[a]! - column[b]! || a - b);
    const first = at;
    for (const e of entries) {
      if (at > first && columnIndices[at - 1] === column[e]!) {
        values[at - 1]! += value[e]!;
      } else {
        columnIndices[at] = column[e]!;
        values[at++] = value[e]!;
      }
    }
    rowStarts[i + 1] = at;
  }
  return { rows, columns, rowStarts, columnIndices: columnIndices.slice(0, at), values: values.slice(0, at) };
}

function checkIndex(where: string, name: string, index: number, limit: number): void {
  if (Number.isInteger(index) && index >= 0 && index < limit) return;
  throw new ProcessingError('INVALID_ARGUMENT', `${name} index ${index} is outside 0 to ${limit - 1}`, {
    where,
    cure: 'count from 0, below the size of the matrix',
  });
}

/** Square matrix with the given diagonal and nothing else. */
export function diagonalMatrix(diagonal: ArrayLike<number>): SparseMatrix {
  const n = diagonal.length;
  return {
    rows: n,
    columns: n,
    rowStarts: Int32Array.from({ length: n + 1 }, (_, i) => i),
    columnIndices: Int32Array.from({ length: n }, (_, i) => i),
    values: Float64Array.from(diagonal),
  };
}

/** Both triangles of a symmetric matrix of which only the upper (or only the lower) one is given, diagonal included. */
export function symmetricFromTriangle(triangle: SparseMatrix): SparseMatrix {
  const row: number[] = [];
  const column: number[] = [];
  const value: number[] = [];
  for (let i = 0; i < triangle.rows; i++) {
    for (let e = triangle.rowStarts[i]!; e < triangle.rowStarts[i + 1]!; e++) {
      const j = triangle.columnIndices[e]!;
      row.push(i);
      column.push(j);
      value.push(triangle.values[e]!);
      if (i === j) continue;
      row.push(j);
      column.push(i);
      value.push(triangle.values[e]!);
    }
  }
  return sparseFromTriplets({ row, column, value }, [triangle.rows, triangle.columns]);
}

/**
 * a x, for one vector.
 *
 * @param x - length a.columns
 * @throws ProcessingError SHAPE_MISMATCH
 */
export function sparseMultiply(a: SparseMatrix, x: ArrayLike<number>): Float64Array {
  if (x.length !== a.columns) {
    throw new ProcessingError('SHAPE_MISMATCH', `a vector of ${x.length} for ${a.columns} columns`, {
      where: 'sparseMultiply',
      cure: 'give one number per column',
    });
  }
  const result = new Float64Array(a.rows);
  for (let i = 0; i < a.rows; i++) {
    let sum = 0;
    for (let e = a.rowStarts[i]!; e < a.rowStarts[i + 1]!; e++) {
      sum += a.values[e]! * x[a.columnIndices[e]!]!;
    }
    result[i] = sum;
  }
  return result;
}

/** Rows and columns `kept` (ascending) of a square matrix. */
export function principalSubmatrix(a: SparseMatrix, kept: ArrayLike<number>): SparseMatrix {
  const place = new Int32Array(a.rows).fill(-1);
  for (let i = 0; i < kept.length; i++) place[kept[i]!] = i;
  const rowStarts = new Int32Array(kept.length + 1);
  const columnIndices = new Int32Array(a.columnIndices.length);
  const values = new Float64Array(a.values.length);
  let at = 0;
  for (let i = 0; i < kept.length; i++) {
    for (let e = a.rowStarts[kept[i]!]!; e < a.rowStarts[kept[i]! + 1]!; e++) {
      const j = place[a.columnIndices[e]!]!;
      if (j < 0) continue;
      columnIndices[at] = j;
      values[at++] = a.values[e]!;
    }
    rowStarts[i + 1] = at;
  }
  return {
    rows: kept.length,
    columns: kept.length,
    rowStarts,
    columnIndices: columnIndices.slice(0, at),
    values: values.slice(0, at),
  };
}
