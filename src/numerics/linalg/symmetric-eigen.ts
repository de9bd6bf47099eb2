import { matrix, type Matrix } from './matrix.js';

export interface SymmetricEigen {
  /** Ascending. */
  readonly values: Float64Array;
  /** Column i belongs to value i; orthonormal. */
  readonly vectors: Matrix;
}

/**
 * All eigenpairs of a dense symmetric matrix: Householder reduction to tridiagonal form, then QL with implicit shifts.
 *
 * @see Golub & Van Loan, Matrix Computations, 4th ed., sections 8.3 and 8.4
 */
export function symmetricEigen(a: Matrix): SymmetricEigen {
  const n = a.rows;
  const work = a.values.slice();
  const diagonal = new Float64Array(n);
  const off = new Float64Array(n);
  const vectors = tridiagonalise(work, n, diagonal, off);
  // Rows of the transposed vectors are contiguous, so that a rotation is two streams.
  const rows = matrix(n, n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) rows.values[j * n + i] = vectors[i * n + j]!;
  implicitQl(diagonal, off, rows.values, n);
  const order = Array.from(diagonal.keys()).sort((x, y) => diagonal[x]! - diagonal[y]!);
  const sorted = matrix(n, n);
  order.forEach((from, to) => {
    for (let i = 0; i < n; i++) sorted.values[i * n + to] = rows.values[from * n + i]!;
  });
  return { values: Float64Array.from(order, (from) => diagonal[from]!), vectors: sorted };
}

/**
 * a = Q T Q' with T tridiagonal.
 *
 * @param off - off[i] couples i and i + 1
 * @returns Q, row-major
 */
function tridiagonalise(a: Float64Array, n: number, diagonal: Float64Array, off: Float64Array): Float64Array {
  const reflectors: { readonly from: number; readonly v: Float64Array; readonly beta: number }[] = [];
  for (let k = 0; k < n - 2; k++) {
    const v = Float64Array.from({ length: n - k - 1 }, (_, i) => a[(k + 1 + i) * n + k]!);
    const alpha = makeReflector(v);
    const norm = v.reduce((sum, value) => sum + value * value, 0);
    off[k] = alpha;
    if (norm === 0) continue;
    const beta = 2 / norm;
    applyTwoSided(a, n, k + 1, v, beta);
    reflectors.push({ from: k + 1, v, beta });
  }
  if (n > 1) off[n - 2] = a[(n - 1) * n + n - 2]!;
  for (let i = 0; i < n; i++) diagonal[i] = a[i * n + i]!;
  const q = new Float64Array(n * n);
  for (let i = 0; i < n; i++) q[i * n + i] = 1;
  for (const { from, v, beta } of reflectors.reverse()) applyLeft(q, n, from, v, beta);
  return q;
}

/** Turns x into v with (I - 2 v v' / v'v) x = alpha e_1; a v of zeros when x already has that form. */
function makeReflector(x: Float64Array): number {
  const first = x[0]!;
  let tail = 0;
  for (let i = 1; i < x.length; i++) tail += x[i]! * x[i]!;
  if (tail === 0) {
    x.fill(0);
    return first;
  }
  const alpha = -Math.sign(first || 1) * Math.sqrt(first * first + tail);
  x[0] = first - alpha;
  return alpha;
}

/** A <- H A H on the trailing block, H = I - beta v v'. */
function applyTwoSided(a: Float64Array, n: number, from: number, v: Float64Array, beta: number): void {
  const m = v.length;
  const p = new Float64Array(m);
  let vp = 0;
  for (let i = 0; i < m; i++) {
    let sum = 0;
    const at = (from + i) * n + from;
    for (let j = 0; j < m; j++) sum += a[at + j]! * v[j]!;
    p[i] = beta * sum;
    vp += p[i]! * v[i]!;
  }
  const half = (beta * vp) / 2;
  for (let i = 0; i < m; i++) p[i] = p[i]! - half * v[i]!;
  for (let i = 0; i < m; i++) {
    const at = (from + i) * n + from;
    for (let j = 0; j < m; j++) a[at + j] = a[at + j]! - v[i]! * p[j]! - p[i]! * v[j]!;
  }
}

/** Q <- H Q on the rows from `from` on. */
function applyLeft(q: Float64Array, n: number, from: number, v: Float64Array, beta: number): void {
  const w = new Float64Array(n);
  for (let i = 0; i < v.length; i++) {
    const at = (from + i) * n;
    for (let j = 0; j < n; j++) w[j] = w[j]! + v[i]! * q[at + j]!;
  }
  for (let i = 0; i < v.length; i++) {
    const at = (from + i) * n;
    const factor = beta * v[i]!;
    for (let j = 0; j < n; j++) q[at + j] = q[at + j]! - factor * w[j]!;
  }
}

/** Diagonalises a tridiagonal matrix; the rows of `vectors` are rotated along. */
function implicitQl(d: Float64Array, e: Float64Array, vectors: Float64Array, n: number): void {
  for (let l = 0; l < n; l++) {
    for (;;) {
      const m = firstSmall(d, e, l, n);
      if (m === l) break;
      let g = (d[l + 1]! - d[l]!) / (2 * e[l]!);
      let r = Math.hypot(g, 1);
      g = d[m]! - d[l]! + e[l]! / (g + (g < 0 ? -r : r));
      let s = 1;
      let c = 1;
      let p = 0;
      let i = m - 1;
      for (; i >= l; i--) {
        const f = s * e[i]!;
        const b = c * e[i]!;
        r = Math.hypot(f, g);
        e[i + 1] = r;
        if (r === 0) {
          d[i + 1] = d[i + 1]! - p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1]! - p;
        r = (d[i]! - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        rotateRows(vectors, n, i, c, s);
      }
      if (r === 0 && i >= l) continue;
      d[l] = d[l]! - p;
      e[l] = g;
      e[m] = 0;
    }
  }
}

/** The first index from l on after which the matrix splits. */
function firstSmall(d: Float64Array, e: Float64Array, l: number, n: number): number {
  let m = l;
  for (; m < n - 1; m++) {
    const scale = Math.abs(d[m]!) + Math.abs(d[m + 1]!);
    if (Math.abs(e[m]!) <= Number.EPSILON * scale) break;
  }
  return m;
}

function rotateRows(vectors: Float64Array, n: number, i: number, c: number, s: number): void {
  const a = i * n;
  const b = a + n;
  for (let k = 0; k < n; k++) {
    const f = vectors[b + k]!;
    const g = vectors[a + k]!;
    vectors[b + k] = s * g + c * f;
    vectors[a + k] = c * g - s * f;
  }
}
