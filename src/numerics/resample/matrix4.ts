import { ProcessingError } from '../../errors.js';

/** An affine map of points, row-major 4x4 with last row (0, 0, 0, 1). */
export type Matrix4 = readonly number[];

export const IDENTITY4: Matrix4 = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

/** The map that applies `second` first and `first` then: the matrix product first times second. */
export function multiply4(first: Matrix4, second: Matrix4): Matrix4 {
  return Array.from({ length: 16 }, (_, at) => {
    const [row, column] = [at >> 2, at & 3];
    let sum = 0;
    for (let k = 0; k < 4; k++) sum += first[4 * row + k]! * second[4 * k + column]!;
    return sum;
  });
}

/** Determinant of the linear part: how volumes change. */
export function linearDeterminant(m: Matrix4): number {
  const [a = 0, b = 0, c = 0, , d = 0, e = 0, f = 0, , g = 0, h = 0, i = 0] = m;
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/**
 * The map back.
 *
 * @param what - what the matrix is, for the message
 * @throws ProcessingError AFFINE_SINGULAR when there is none
 */
export function inverse4(m: Matrix4, what: string): Matrix4 {
  const determinant = linearDeterminant(m);
  if (!Number.isFinite(determinant) || determinant === 0) {
    throw new ProcessingError('AFFINE_SINGULAR', `${what} cannot be inverted`, {
      cure: 'correct the matrix',
    });
  }
  const [a = 0, b = 0, c = 0, x = 0, d = 0, e = 0, f = 0, y = 0, g = 0, h = 0, i = 0, z = 0] = m;
  const cofactors = [
    e * i - f * h,
    c * h - b * i,
    b * f - c * e,
    f * g - d * i,
    a * i - c * g,
    c * d - a * f,
    d * h - e * g,
    b * g - a * h,
    a * e - b * d,
  ].map((cofactor) => cofactor / determinant);
  const shift = [0, 3, 6].map(
    (row) => -(cofactors[row]! * x + cofactors[row + 1]! * y + cofactors[row + 2]! * z),
  );
  const rows = [0, 1, 2].flatMap((row) => [...cofactors.slice(3 * row, 3 * row + 3), shift[row]!]);
  return [...rows, 0, 0, 0, 1];
}

/** Writes the image of a point into `out`. */
export function applyMatrix(m: Matrix4, x: number, y: number, z: number, out: Float64Array): void {
  out[0] = m[0]! * x + m[1]! * y + m[2]! * z + m[3]!;
  out[1] = m[4]! * x + m[5]! * y + m[6]! * z + m[7]!;
  out[2] = m[8]! * x + m[9]! * y + m[10]! * z + m[11]!;
}
