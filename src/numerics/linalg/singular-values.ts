import { matrix, transpose, type Matrix } from './matrix.js';

export interface SingularValues {
  /** rows x r, orthonormal columns where the singular value is not 0. */
  readonly left: Matrix;
  /** r = min(rows, columns), descending. */
  readonly values: Float64Array;
  /** columns x r, orthonormal columns. */
  readonly right: Matrix;
}

const MAX_SWEEPS = 60;

/**
 * Thin singular value decomposition a = U diag(s) V', by one-sided Jacobi rotations: small singular values keep their
 * relative accuracy.
 *
 * @see Hestenes 1958; Demmel & Veselic 1992, "Jacobi's method is more accurate than QR"
 */
export function singularValues(a: Matrix): SingularValues {
  if (a.rows < a.columns) {
    const { left, values, right } = singularValues(transpose(a));
    return { left: right, values, right: left };
  }
  const n = a.columns;
  // Columns as rows, so that a rotation touches two contiguous pieces.
  const work = transpose(a).values;
  const rotations = matrix(n, n);
  for (let i = 0; i < n; i++) rotations.values[i * n + i] = 1;
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    if (!rotateAll(work, rotations.values, n, a.rows)) break;
  }
  return sorted(work, rotations.values, n, a.rows);
}

/** One sweep over all pairs. @returns whether any pair was not yet orthogonal */
function rotateAll(work: Float64Array, rotations: Float64Array, n: number, m: number): boolean {
  let rotated = false;
  for (let p = 0; p < n - 1; p++) {
    for (let q = p + 1; q < n; q++) {
      const alpha = dot(work, p * m, p * m, m);
      const beta = dot(work, q * m, q * m, m);
      const gamma = dot(work, p * m, q * m, m);
      if (Math.abs(gamma) <= 1e-15 * Math.sqrt(alpha * beta) || gamma === 0) continue;
      rotated = true;
      const zeta = (beta - alpha) / (2 * gamma);
      const t = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
      const c = 1 / Math.hypot(1, t);
      rotate(work, p * m, q * m, m, c, c * t);
      rotate(rotations, p * n, q * n, n, c, c * t);
    }
  }
  return rotated;
}

function dot(values: Float64Array, a: number, b: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += values[a + i]! * values[b + i]!;
  return sum;
}

function rotate(values: Float64Array, p: number, q: number, length: number, c: number, s: number): void {
  for (let i = 0; i < length; i++) {
    const x = values[p + i]!;
    const y = values[q + i]!;
    values[p + i] = c * x - s * y;
    values[q + i] = s * x + c * y;
  }
}

function sorted(work: Float64Array, rotations: Float64Array, n: number, m: number): SingularValues {
  const norms = Float64Array.from({ length: n }, (_, i) => Math.sqrt(dot(work, i * m, i * m, m)));
  const order = Array.from(norms.keys()).sort((x, y) => norms[y]! - norms[x]!);
  const left = matrix(m, n);
  const right = matrix(n, n);
  const values = new Float64Array(n);
  order.forEach((from, to) => {
    const norm = norms[from]!;
    values[to] = norm;
    for (let i = 0; i < m; i++) left.values[i * n + to] = norm === 0 ? 0 : work[from * m + i]! / norm;
    for (let i = 0; i < n; i++) right.values[i * n + to] = rotations[from * n + i]!;
  });
  return { left, values, right };
}
