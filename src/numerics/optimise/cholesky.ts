/**
 * Cholesky factors of small symmetric matrices in blocks of three, of which many may be zero.
 *
 * A matrix of order n, a multiple of 3, is stored by rows with stride n, lower triangle only. `first[i]` is the first
 * column of row i that may hold a non-zero: a multiple of 3, equal within a block row; entries to its left are never read.
 * The factor keeps that envelope, so zeros cost nothing. Nine sums at a time stay in registers.
 */
export interface BandedTriangle {
  readonly values: Float64Array;
  readonly first: Int32Array;
  size: number;
}

/**
 * Factor of `matrix + shift I`.
 *
 * @param factor - (n, n), receives L with L L' = matrix + shift I, its diagonal inverted: 1 / L_ii
 * @returns false when the shifted matrix is not numerically positive definite; `factor` is then unusable
 */
export function factorShifted(matrix: BandedTriangle, shift: number, factor: Float64Array): boolean {
  const { values, first, size } = matrix;
  for (let i = 0; i < size; i += 3) {
    const row0 = i * size;
    const row1 = (i + 1) * size;
    const row2 = (i + 2) * size;
    const start = first[i]!;
    for (let j = start; j < i; j += 3) {
      const col0 = j * size;
      const col1 = (j + 1) * size;
      const col2 = (j + 2) * size;
      let s00 = values[row0 + j]!;
      let s01 = values[row0 + j + 1]!;
      let s02 = values[row0 + j + 2]!;
      let s10 = values[row1 + j]!;
      let s11 = values[row1 + j + 1]!;
      let s12 = values[row1 + j + 2]!;
      let s20 = values[row2 + j]!;
      let s21 = values[row2 + j + 1]!;
      let s22 = values[row2 + j + 2]!;
      for (let k = Math.max(start, first[j]!); k < j; k++) {
        const a0 = factor[row0 + k]!;
        const a1 = factor[row1 + k]!;
        const a2 = factor[row2 + k]!;
        const b0 = factor[col0 + k]!;
        const b1 = factor[col1 + k]!;
        const b2 = factor[col2 + k]!;
        s00 -= a0 * b0;
        s01 -= a0 * b1;
        s02 -= a0 * b2;
        s10 -= a1 * b0;
        s11 -= a1 * b1;
        s12 -= a1 * b2;
        s20 -= a2 * b0;
        s21 -= a2 * b1;
        s22 -= a2 * b2;
      }
      const d0 = factor[col0 + j]!;
      const l10 = factor[col1 + j]!;
      const d1 = factor[col1 + j + 1]!;
      const l20 = factor[col2 + j]!;
      const l21 = factor[col2 + j + 1]!;
      const d2 = factor[col2 + j + 2]!;
      s00 *= d0;
      s10 *= d0;
      s20 *= d0;
      s01 = (s01 - s00 * l10) * d1;
      s11 = (s11 - s10 * l10) * d1;
      s21 = (s21 - s20 * l10) * d1;
      factor[row0 + j] = s00;
      factor[row1 + j] = s10;
      factor[row2 + j] = s20;
      factor[row0 + j + 1] = s01;
      factor[row1 + j + 1] = s11;
      factor[row2 + j + 1] = s21;
      factor[row0 + j + 2] = (s02 - s00 * l20 - s01 * l21) * d2;
      factor[row1 + j + 2] = (s12 - s10 * l20 - s11 * l21) * d2;
      factor[row2 + j + 2] = (s22 - s20 * l20 - s21 * l21) * d2;
    }
    let s00 = values[row0 + i]! + shift;
    let s10 = values[row1 + i]!;
    let s11 = values[row1 + i + 1]! + shift;
    let s20 = values[row2 + i]!;
    let s21 = values[row2 + i + 1]!;
    let s22 = values[row2 + i + 2]! + shift;
    for (let k = start; k < i; k++) {
      const a0 = factor[row0 + k]!;
      const a1 = factor[row1 + k]!;
      const a2 = factor[row2 + k]!;
      s00 -= a0 * a0;
      s10 -= a1 * a0;
      s11 -= a1 * a1;
      s20 -= a2 * a0;
      s21 -= a2 * a1;
      s22 -= a2 * a2;
    }
    if (!(s00 > 0)) return false;
    const d0 = 1 / Math.sqrt(s00);
    s10 *= d0;
    s20 *= d0;
    s11 -= s10 * s10;
    if (!(s11 > 0)) return false;
    const d1 = 1 / Math.sqrt(s11);
    s21 = (s21 - s20 * s10) * d1;
    s22 -= s20 * s20 + s21 * s21;
    if (!(s22 > 0)) return false;
    factor[row0 + i] = d0;
    factor[row1 + i] = s10;
    factor[row1 + i + 1] = d1;
    factor[row2 + i] = s20;
    factor[row2 + i + 1] = s21;
    factor[row2 + i + 2] = 1 / Math.sqrt(s22);
  }
  return true;
}

/** Forward substitution: `out` = L^-1 `right`; both (n), may be the same array. */
export function solveLower(
  { values, first, size }: BandedTriangle,
  right: Float64Array,
  out: Float64Array,
): void {
  for (let i = 0; i < size; i++) {
    const row = i * size;
    let sum = right[i]!;
    for (let k = first[i]!; k < i; k++) sum -= values[row + k]! * out[k]!;
    out[i] = sum * values[row + i]!;
  }
}

/** Backward substitution in place: `inOut` = L'^-1 `inOut`, (n). */
export function solveUpper({ values, first, size }: BandedTriangle, inOut: Float64Array): void {
  for (let i = size - 1; i >= 0; i--) {
    const row = i * size;
    const value = inOut[i]! * values[row + i]!;
    inOut[i] = value;
    for (let k = first[i]!; k < i; k++) inOut[k]! -= values[row + k]! * value;
  }
}
