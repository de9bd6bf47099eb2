import { ProcessingError } from '../../errors.js';

/** Eigenpairs of a small dense symmetric matrix, ascending. */
export interface SmallEigen {
  readonly values: Float64Array;
  /** Row i belongs to value i: all of the vector, or its last entries as asked. */
  readonly rows: Float64Array;
}

/**
 * Eigenpairs of a dense symmetric matrix when only the last entries of each vector are wanted: Householder reduction to
 * tridiagonal form, then QL with implicit shifts, which turns only those entries.
 *
 * @param a - n x n row-major, destroyed
 * @param lastEntries - entries of each vector to compute, from the end; n for all
 * @throws ProcessingError NOT_CONVERGED when an entry is not finite, or too large to be squared
 * @see Golub & Van Loan, Matrix Computations, 4th ed., sections 8.3 and 8.4
 */
export function smallEigen(n: number, a: Float64Array, lastEntries: number): SmallEigen {
  const diagonal = new Float64Array(n);
  const off = new Float64Array(n);
  const factors = new Float64Array(n);
  reduce(n, a, diagonal, off, factors);
  const isFull = lastEntries === n;
  const width = isFull ? n : lastEntries;
  const turned = new Float64Array(n * width);
  if (isFull) {
    for (let i = 0; i < n; i++) turned[i * n + i] = 1;
  } else {
    lastRowsOfReflections(n, a, factors, width, turned);
  }
  if (!implicitQl(n, diagonal, off, turned, width)) return foundEigen(n, null);
  if (isFull) turnBack(n, a, factors, turned);
  const order = Int32Array.from({ length: n }, (_, i) => i).sort(
    (x, y) => diagonal[x]! - diagonal[y]! || x - y,
  );
  const values = new Float64Array(n);
  const rows = new Float64Array(n * width);
  for (let i = 0; i < n; i++) {
    values[i] = diagonal[order[i]!]!;
    rows.set(turned.subarray(order[i]! * width, (order[i]! + 1) * width), i * width);
  }
  return foundEigen(n, { values, rows });
}

/**
 * The eigenpairs that were found, when they are numbers.
 *
 * @param found - null when the iteration was given up
 * @throws ProcessingError NOT_CONVERGED when they are not
 */
export function foundEigen(n: number, found: SmallEigen | null): SmallEigen {
  if (found?.values.every(Number.isFinite) === true) return found;
  throw new ProcessingError(
    'NOT_CONVERGED',
    `the eigenvalues of a symmetric matrix of ${n} rows did not converge`,
    {
      where: 'smallEigen',
      cure: 'look for entries that are not finite or beyond 1e150, and for what made them',
    },
  );
}

/** a = Q T Q', Q a product of reflections I - f v v' that stay in the rows of a; off[i] couples i - 1 and i. */
function reduce(
  n: number,
  a: Float64Array,
  diagonal: Float64Array,
  off: Float64Array,
  factors: Float64Array,
): void {
  const p = new Float64Array(n);
  for (let i = n - 1; i >= 1; i--) {
    const at = i * n;
    diagonal[i] = a[at + i]!;
    let tail = 0;
    for (let k = 0; k < i - 1; k++) tail += a[at + k]! * a[at + k]!;
    const last = a[at + i - 1]!;
    off[i] = last;
    if (tail === 0) continue;
    const norm = Math.sqrt(tail + last * last);
    const beta = last > 0 ? -norm : norm;
    off[i] = beta;
    const factor = (beta - last) / beta;
    factors[i] = factor;
    const scale = 1 / (last - beta);
    for (let k = 0; k < i - 1; k++) a[at + k]! *= scale;
    a[at + i - 1] = 1;
    // Only the lower triangle is kept: p = factor A v from both halves of each row.
    p.fill(0, 0, i);
    for (let r = 0; r < i; r++) {
      const row = r * n;
      const v = a[at + r]!;
      let sum = a[row + r]! * v;
      for (let k = 0; k < r; k++) {
        const entry = a[row + k]!;
        sum += entry * a[at + k]!;
        p[k]! += entry * v;
      }
      p[r]! += sum;
    }
    let overlap = 0;
    for (let k = 0; k < i; k++) {
      p[k]! *= factor;
      overlap += p[k]! * a[at + k]!;
    }
    overlap *= factor / 2;
    for (let k = 0; k < i; k++) p[k]! -= overlap * a[at + k]!;
    for (let r = 0; r < i; r++) {
      const row = r * n;
      const v = a[at + r]!;
      const q = p[r]!;
      for (let k = 0; k <= r; k++) a[row + k]! -= v * p[k]! + q * a[at + k]!;
    }
  }
  if (n > 0) diagonal[0] = a[0]!;
}

/** Row j of `turned`: entry j of each of the last `width` rows of Q. */
function lastRowsOfReflections(
  n: number,
  a: Float64Array,
  factors: Float64Array,
  width: number,
  turned: Float64Array,
): void {
  const x = new Float64Array(n);
  for (let r = 0; r < width; r++) {
    x.fill(0);
    x[n - width + r] = 1;
    for (let i = n - 1; i >= 1; i--) reflect(i, a, i * n, factors[i]!, x, 0);
    for (let j = 0; j < n; j++) turned[j * width + r] = x[j]!;
  }
}

/** Rows of `turned`, vectors of T, to vectors of the full matrix. */
function turnBack(n: number, a: Float64Array, factors: Float64Array, turned: Float64Array): void {
  for (let j = 0; j < n; j++) {
    for (let i = 1; i < n; i++) reflect(i, a, i * n, factors[i]!, turned, j * n);
  }
}

function reflect(
  length: number,
  a: Float64Array,
  at: number,
  factor: number,
  x: Float64Array,
  from: number,
): void {
  if (factor === 0) return;
  let sum = 0;
  for (let k = 0; k < length; k++) sum += x[from + k]! * a[at + k]!;
  sum *= factor;
  for (let k = 0; k < length; k++) x[from + k]! -= sum * a[at + k]!;
}

/** Rounds for one eigenvalue after which it is given up; two or three are usual. */
const MOST_ROUNDS = 100;

/** Diagonalises T; the rows of `turned` are turned along. @returns whether it converged */
function implicitQl(
  n: number,
  d: Float64Array,
  off: Float64Array,
  turned: Float64Array,
  width: number,
): boolean {
  const e = new Float64Array(n);
  for (let i = 1; i < n; i++) e[i - 1] = off[i]!;
  for (let l = 0; l < n; l++) {
    for (let round = 0; ; round++) {
      let m = l;
      for (; m < n - 1; m++) {
        if (Math.abs(e[m]!) <= (Number.EPSILON / 2) * (Math.abs(d[m]!) + Math.abs(d[m + 1]!))) break;
      }
      if (m === l) break;
      if (round === MOST_ROUNDS) return false;
      let g = (d[l + 1]! - d[l]!) / (2 * e[l]!);
      let r = Math.sqrt(g * g + 1);
      g = d[m]! - d[l]! + e[l]! / (g + (g < 0 ? -r : r));
      let s = 1;
      let c = 1;
      let p = 0;
      let i = m - 1;
      for (; i >= l; i--) {
        const f = s * e[i]!;
        const b = c * e[i]!;
        r = Math.sqrt(f * f + g * g);
        e[i + 1] = r;
        if (r === 0) {
          d[i + 1]! -= p;
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
        const x = i * width;
        const y = x + width;
        for (let k = 0; k < width; k++) {
          const upper = turned[x + k]!;
          const lower = turned[y + k]!;
          turned[y + k] = s * upper + c * lower;
          turned[x + k] = c * upper - s * lower;
        }
      }
      if (r === 0 && i >= l) continue;
      d[l]! -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
  return true;
}
