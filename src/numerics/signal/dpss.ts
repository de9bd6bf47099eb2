import { ProcessingError } from '../../errors.js';
import { seededRandom } from '../random.js';

/** Rounds of inverse iteration; the eigenvalues are well separated and known to rounding, so two suffice. */
const ROUNDS = 3;

/**
 * Discrete prolate spheroidal sequences: the windows of a length whose energy is most concentrated within a half bandwidth.
 * They are eigenvectors of a symmetric tridiagonal matrix, found by bisection and inverse iteration.
 *
 * @param length - N, samples
 * @param halfBandwidth - N W, time half bandwidth product, below N / 2
 * @param count - how many, most concentrated first, at most N
 * @param isPeriodic - true: those of N + 1 samples with the same N W, without the last sample
 * @returns one row of N per window with unit energy (periodic: over N + 1 samples); symmetric ones have a positive mean,
 *   antisymmetric ones start with a positive lobe
 * @throws ProcessingError INVALID_ARGUMENT
 * @see Slepian 1978; Percival & Walden 1993, section 8.3
 */
export function dpss(
  length: number,
  halfBandwidth: number,
  count: number,
  { isPeriodic = false } = {},
): Float64Array[] {
  const n = isPeriodic ? length + 1 : length;
  if (!(length >= 1 && halfBandwidth > 0 && halfBandwidth < n / 2 && count >= 1 && count <= n)) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `there are no ${count} DPSS windows of ${length} samples with half bandwidth ${halfBandwidth}`,
      { cure: 'choose a smoothing between one and half of the frequency bins, and fewer windows' },
    );
  }
  const cosine = Math.cos((2 * Math.PI * halfBandwidth) / n);
  const diagonal = Float64Array.from({ length: n }, (_, k) => ((n - 1 - 2 * k) / 2) ** 2 * cosine);
  const beside = Float64Array.from({ length: n }, (_, k) => (k * (n - k)) / 2);
  return Array.from({ length: count }, (_, order) => {
    const eigenvalue = eigenvalueFromTop(diagonal, beside, order);
    const vector = eigenvector(diagonal, beside, eigenvalue);
    orient(vector, order);
    return isPeriodic ? vector.slice(0, length) : vector;
  });
}

/** Eigenvalue with `order` others above it; `beside[k]` joins k - 1 and k. */
function eigenvalueFromTop(diagonal: Float64Array, beside: Float64Array, order: number): number {
  const n = diagonal.length;
  let [low, high] = [Infinity, -Infinity];
  for (let k = 0; k < n; k++) {
    const radius = (k > 0 ? beside[k]! : 0) + (k + 1 < n ? beside[k + 1]! : 0);
    low = Math.min(low, diagonal[k]! - radius);
    high = Math.max(high, diagonal[k]! + radius);
  }
  const tiny = Number.EPSILON * Math.max(Math.abs(low), Math.abs(high), 1);
  while (high - low > 2 * tiny) {
    const middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) break;
    if (countAbove(diagonal, beside, middle, tiny) > order) low = middle;
    else high = middle;
  }
  return 0.5 * (low + high);
}

/** Number of eigenvalues above a value: the positive pivots of the shifted matrix (Sturm). */
function countAbove(diagonal: Float64Array, beside: Float64Array, value: number, tiny: number): number {
  let count = 0;
  let pivot = 1;
  for (let k = 0; k < diagonal.length; k++) {
    pivot = diagonal[k]! - value - (k === 0 ? 0 : (beside[k]! * beside[k]!) / pivot);
    if (pivot === 0) pivot = -tiny;
    if (pivot > 0) count++;
  }
  return count;
}

/** Inverse iteration: each round solves the shifted system by elimination with row exchanges. */
function eigenvector(diagonal: Float64Array, beside: Float64Array, eigenvalue: number): Float64Array {
  const n = diagonal.length;
  const random = seededRandom(n, 'dpss');
  const x = Float64Array.from({ length: n }, () => 2 * random.uniform() - 1);
  const [main, above, second] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
  const tiny = Number.EPSILON * Math.max(Math.abs(eigenvalue), 1);
  for (let round = 0; round < ROUNDS; round++) {
    for (let k = 0; k < n; k++) {
      main[k] = diagonal[k]! - eigenvalue;
      above[k] = k + 1 < n ? beside[k + 1]! : 0;
      second[k] = 0;
    }
    for (let k = 0; k + 1 < n; k++) {
      let below = beside[k + 1]!;
      if (Math.abs(below) > Math.abs(main[k]!)) {
        const [m, a, v] = [main[k]!, above[k]!, x[k]!];
        [main[k], above[k], second[k]] = [below, main[k + 1]!, above[k + 1]!];
        [main[k + 1], above[k + 1]] = [a, 0];
        [x[k], x[k + 1]] = [x[k + 1]!, v];
        below = m;
      }
      if (main[k] === 0) main[k] = tiny;
      const factor = below / main[k]!;
      main[k + 1]! -= factor * above[k]!;
      above[k + 1]! -= factor * second[k]!;
      x[k + 1]! -= factor * x[k]!;
    }
    if (Math.abs(main[n - 1]!) < tiny) main[n - 1] = tiny;
    let largest = 0;
    for (let k = n - 1; k >= 0; k--) {
      const one = k + 1 < n ? above[k]! * x[k + 1]! : 0;
      const two = k + 2 < n ? second[k]! * x[k + 2]! : 0;
      x[k] = (x[k]! - one - two) / main[k]!;
      largest = Math.max(largest, Math.abs(x[k]!));
    }
    for (let k = 0; k < n; k++) x[k]! /= largest;
    let energy = 0;
    for (let k = 0; k < n; k++) energy += x[k]! * x[k]!;
    const scale = 1 / Math.sqrt(energy);
    for (let k = 0; k < n; k++) x[k]! *= scale;
  }
  return x;
}

function orient(vector: Float64Array, order: number): void {
  let sign = 0;
  if (order % 2 === 0) for (const value of vector) sign += value;
  else {
    let largest = 0;
    for (const value of vector) largest = Math.max(largest, Math.abs(value));
    sign = vector.find((value) => Math.abs(value) > 1e-3 * largest) ?? 1;
  }
  if (sign < 0) for (let k = 0; k < vector.length; k++) vector[k] = -vector[k]!;
}
