import { matrix, type Matrix } from '../../numerics/linalg/matrix.js';

/** The first rows and columns of a matrix. */
export function leadingBlock(map: Matrix, size: number): Matrix {
  const out = matrix(size, size);
  for (let i = 0; i < size; i++) {
    out.values.set(map.values.subarray(i * map.columns, i * map.columns + size), i * size);
  }
  return out;
}
