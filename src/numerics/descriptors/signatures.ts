/** Signatures of a vertex from eigenpairs. None depends on the sign of an eigenvector or on the basis of an eigenspace. */
import { ProcessingError } from '../../errors.js';
import { nativeStatus, spectralWeightedSquares } from '../../native/index.js';
import type { SolverChoice } from '../spectral/choose-kernels.js';

/** Eigenpairs of the Laplace-Beltrami operator. */
export interface Spectrum {
  /** (k), ascending, unit^-2; the first `zeros` are 0. */
  readonly eigenvalues: ArrayLike<number>;
  /** (n, k), row per vertex, mass-orthonormal, unit^-1. */
  readonly eigenvectors: Float64Array;
  /** As the solver gives it: a count above k says that eigenvalues equal to the last one are left out. */
  readonly certificate?: { readonly count: number };
}

// Below this part of the largest an eigenvalue is 0 whatever the unit of the mesh.
const ZERO = 1e-8;

/** Number of zero modes, one per connected part; an absolute limit would depend on the unit of the mesh. */
export function zeroModes(eigenvalues: ArrayLike<number>): number {
  const largest = eigenvalues[eigenvalues.length - 1] ?? 0;
  let count = 0;
  while (count < eigenvalues.length && eigenvalues[count]! <= ZERO * largest) count++;
  return count;
}

/**
 * The spectrum of the same shape with area 1: every signature of it has no unit and does not depend on scale. Times,
 * energies and scales are then dimensionless too, which makes them comparable over a cohort.
 *
 * @param area - of the surface, unit squared
 */
export function areaNormalised({ eigenvalues, eigenvectors }: Spectrum, area: number): Spectrum {
  const root = Math.sqrt(area);
  return {
    eigenvalues: Float64Array.from(eigenvalues, (value) => value * area),
    eigenvectors: eigenvectors.map((value) => value * root),
  };
}

/**
 * Sum over modes of weight times squared component: what every signature here is made of.
 *
 * @param weights - (columns, k), row per column of the result
 * @param solver - who does the arithmetic
 * @returns (n, columns), row per vertex
 * @throws ProcessingError SHAPE_MISMATCH
 */
export function weightedSquares(
  { eigenvalues, eigenvectors }: Spectrum,
  weights: Float64Array,
  solver: SolverChoice = 'auto',
): Float64Array {
  const k = eigenvalues.length;
  if (k === 0 || eigenvectors.length % k !== 0 || weights.length % k !== 0) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${eigenvectors.length} components and ${weights.length} weights are no rows of ${k} modes`,
      { cure: 'give eigenvectors of shape (vertices, modes) with one eigenvalue per mode' },
    );
  }
  const n = eigenvectors.length / k;
  const columns = weights.length / k;
  if (solver === 'native' || (solver === 'auto' && nativeStatus().available)) {
    return spectralWeightedSquares(n, k, eigenvectors, columns, weights);
  }
  return sumsOfSquares(eigenvectors, inPairs(weights, k), n, k, columns);
}

/** Rows of weights two by two, mode by mode; a row of zeros where they are odd in number. */
function inPairs(weights: Float64Array, k: number): Float64Array {
  const columns = weights.length / k;
  const out = new Float64Array(2 * k * Math.ceil(columns / 2));
  for (let column = 0; column < columns; column++) {
    const start = (column - (column % 2)) * k + (column % 2);
    for (let i = 0; i < k; i++) out[start + 2 * i] = weights[column * k + i]!;
  }
  return out;
}

/** Vertices by four and columns by two: eight sums at a time stay in registers, and six numbers are read for them. */
function sumsOfSquares(
  eigenvectors: Float64Array,
  pairs: Float64Array,
  n: number,
  k: number,
  columns: number,
): Float64Array {
  const out = new Float64Array(n * columns);
  const squares = new Float64Array(4 * k);
  const sums = new Float64Array(8);
  for (let start = 0; start < n; start += 4) {
    const rows = Math.min(4, n - start);
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < k; i++) squares[4 * i + row] = eigenvectors[(start + row) * k + i]! ** 2;
    }
    for (let column = 0; column < columns; column += 2) {
      fourByTwo(squares, pairs, column * k, k, sums);
      for (let row = 0; row < rows; row++) {
        const at = (start + row) * columns + column;
        out[at] = sums[2 * row]!;
        if (column + 1 < columns) out[at + 1] = sums[2 * row + 1]!;
      }
    }
  }
  return out;
}

function fourByTwo(
  squares: Float64Array,
  pairs: Float64Array,
  start: number,
  k: number,
  sums: Float64Array,
): void {
  let a0 = 0;
  let a1 = 0;
  let b0 = 0;
  let b1 = 0;
  let c0 = 0;
  let c1 = 0;
  let d0 = 0;
  let d1 = 0;
  for (let i = 0; i < k; i++) {
    const first = pairs[start + 2 * i]!;
    const second = pairs[start + 2 * i + 1]!;
    const a = squares[4 * i]!;
    const b = squares[4 * i + 1]!;
    const c = squares[4 * i + 2]!;
    const d = squares[4 * i + 3]!;
    a0 += a * first;
    a1 += a * second;
    b0 += b * first;
    b1 += b * second;
    c0 += c * first;
    c1 += c * second;
    d0 += d * first;
    d1 += d * second;
  }
  sums[0] = a0;
  sums[1] = a1;
  sums[2] = b0;
  sums[3] = b1;
  sums[4] = c0;
  sums[5] = c1;
  sums[6] = d0;
  sums[7] = d1;
}

function weightsOf(
  eigenvalues: ArrayLike<number>,
  columns: number,
  weight: (eigenvalue: number, column: number, mode: number) => number,
): Float64Array {
  const k = eigenvalues.length;
  const weights = new Float64Array(columns * k);
  for (let column = 0; column < columns; column++) {
    for (let i = 0; i < k; i++) weights[column * k + i] = weight(eigenvalues[i]!, column, i);
  }
  return weights;
}

// ln 1e-290. Products of what decays further are soon below 2.2e-308, where processors take a hundred times as long.
const DECAYED = 667.7;

/** exp(-x), and 0 where that is below 1e-290. */
export function decay(x: number): number {
  return x > DECAYED ? 0 : Math.exp(-x);
}

/** `count` values from first to last, equally spaced in their logarithm. */
export function logSpaced(first: number, last: number, count: number): Float64Array {
  const [a, b] = [Math.log(first), Math.log(last)];
  return Float64Array.from({ length: count }, (_, i) =>
    Math.exp(count === 1 ? a : a + ((b - a) * i) / (count - 1)),
  );
}

/**
 * Diffusion times for a spectrum: log-spaced from 4 ln 10 / lambda_max to 4 ln 10 / lambda_1. They differ between
 * subjects; for a cohort, fix them once and use them for all.
 *
 * @returns (count), unit^2, ascending
 */
export function heatTimes(eigenvalues: ArrayLike<number>, count = 100): Float64Array {
  const first = eigenvalues[zeroModes(eigenvalues)];
  const last = eigenvalues[eigenvalues.length - 1];
  if (first === undefined || last === undefined || !(first > 0)) throw noModes();
  return logSpaced((4 * Math.LN10) / last, (4 * Math.LN10) / first, count);
}

/** How heat kernel signatures are made comparable. */
export type HeatNormalisation = 'none' | 'trace' | 'l2';

/**
 * Heat kernel signature of every vertex at every time.
 *
 * @param times - (t), diffusion times, unit^2
 * @param normalisation - `trace` divides each column by the heat trace (scaled HKS of the paper); `l2` by the norm of
 *   the column over the vertices, which depends on how densely the mesh is sampled
 * @returns (n, t), row per vertex, unit^-2; without unit when normalised by the trace times area
 * @see Sun, Ovsjanikov & Guibas 2009, eq. 4: sum_i exp(-lambda_i t) phi_i(x)^2
 */
export function heatKernelSignature(
  spectrum: Spectrum,
  times: ArrayLike<number>,
  normalisation: HeatNormalisation = 'none',
): Float64Array {
  const { eigenvalues } = spectrum;
  const weights = weightsOf(eigenvalues, times.length, (eigenvalue, t) => decay(eigenvalue * times[t]!));
  const signature = weightedSquares(spectrum, weights);
  const k = eigenvalues.length;
  if (normalisation === 'trace') {
    const traces = Float64Array.from({ length: times.length }, (_, t) =>
      weights.subarray(t * k, (t + 1) * k).reduce((sum, weight) => sum + weight, 0),
    );
    divideColumns(signature, traces);
  } else if (normalisation === 'l2') divideColumns(signature, columnNorms(signature, times.length));
  return signature;
}

/**
 * Scale-invariant heat kernel signature: modulus of the Fourier transform of the derivative of log HKS along log time.
 *
 * @param times - (t), log-spaced, unit^2; 256 from `heatTimes` where absent, which makes it exactly scale-invariant
 * @param frequencies - number of frequencies, from 1; the constant one is left out
 * @param perStep - divides the difference by the step of log time
 * @returns (n, frequencies), row per vertex, without unit
 * @see Bronstein & Kokkinos 2010
 */
export function scaleInvariantSignature(
  spectrum: Spectrum,
  options: {
    readonly times?: ArrayLike<number>;
    readonly frequencies?: number;
    readonly perStep?: boolean;
  } = {},
): Float64Array {
  const { times = heatTimes(spectrum.eigenvalues, 256), frequencies = 8, perStep = true } = options;
  const count = times.length;
  const signature = heatKernelSignature(spectrum, times);
  const n = signature.length / count;
  const length = count - 1;
  const scale = perStep ? length / Math.log(times[count - 1]! / times[0]!) : 1;
  const cosines = new Float64Array(frequencies * length);
  const sines = new Float64Array(frequencies * length);
  for (let f = 0; f < frequencies; f++) {
    for (let t = 0; t < length; t++) {
      const angle = (2 * Math.PI * (((f + 1) * t) % length)) / length;
      cosines[f * length + t] = Math.cos(angle);
      sines[f * length + t] = Math.sin(angle);
    }
  }
  const out = new Float64Array(n * frequencies);
  const steps = new Float64Array(length);
  for (let i = 0; i < n; i++) {
    for (let t = 0; t < length; t++) {
      steps[t] = scale * (Math.log(signature[i * count + t + 1]!) - Math.log(signature[i * count + t]!));
    }
    for (let f = 0; f < frequencies; f++) {
      let [real, imaginary] = [0, 0];
      for (let t = 0; t < length; t++) {
        real += cosines[f * length + t]! * steps[t]!;
        imaginary += sines[f * length + t]! * steps[t]!;
      }
      out[i * frequencies + f] = Math.hypot(real, imaginary);
    }
  }
  return out;
}

/** Energies and width of the wave kernel signature. */
export interface WaveEnergies {
  /** (e), log energies, ascending. */
  readonly energies: Float64Array;
  readonly sigma: number;
}

/**
 * Log energies for a spectrum: equally spaced on [ln lambda_1 + 2 sigma, ln lambda_max - 2 sigma].
 *
 * @param factor - sigma in units of range / count; a number of spacings (range / (count + 27) each) with `paper`
 */
export function waveEnergies(
  eigenvalues: ArrayLike<number>,
  count = 100,
  options: { readonly factor?: number; readonly sigma?: 'range' | 'paper' } = {},
): WaveEnergies {
  const { factor = 7, sigma: rule = 'range' } = options;
  const first = eigenvalues[zeroModes(eigenvalues)];
  const last = eigenvalues[eigenvalues.length - 1];
  if (first === undefined || last === undefined || !(first > 0)) throw noModes();
  const [low, high] = [Math.log(first), Math.log(last)];
  const range = high - low;
  // With `paper` sigma is a number of spacings between energies: range - 4 sigma = (count - 1) spacings.
  const wanted = rule === 'paper' ? (factor * range) / (count - 1 + 4 * factor) : (factor * range) / count;
  const fits = high - low > 4 * wanted;
  const sigma = fits ? wanted : range / (2 * count);
  const margin = fits ? 2 * sigma : 0;
  const energies = Float64Array.from({ length: count }, (_, e) =>
    count === 1 ? (low + high) / 2 : low + margin + ((range - 2 * margin) * e) / (count - 1),
  );
  return { energies, sigma };
}

/**
 * Wave kernel signature of every vertex at every energy; the weights of each energy sum to 1.
 *
 * @returns (n, e), row per vertex, unit^-2
 * @see Aubry, Schlickewei & Cremers 2011
 */
export function waveKernelSignature(spectrum: Spectrum, { energies, sigma }: WaveEnergies): Float64Array {
  const { eigenvalues } = spectrum;
  const zeros = zeroModes(eigenvalues);
  const k = eigenvalues.length;
  const weights = weightsOf(
    eigenvalues,
    energies.length,
    (eigenvalue, e) => -((energies[e]! - Math.log(eigenvalue)) ** 2) / (2 * sigma * sigma),
  );
  for (let e = 0; e < energies.length; e++) {
    const row = weights.subarray(e * k, (e + 1) * k);
    row.fill(-Infinity, 0, zeros);
    // Against the largest exponent: an energy far outside of this spectrum would be 0 / 0.
    const largest = row.reduce((most, exponent) => Math.max(most, exponent), -Infinity);
    for (let i = 0; i < k; i++) row[i] = Math.exp(row[i]! - largest);
    const sum = row.reduce((total, weight) => total + weight, 0);
    for (let i = 0; i < k; i++) row[i]! /= sum;
  }
  return weightedSquares(spectrum, weights);
}

/**
 * Biharmonic kernel signature: the diagonal of the biharmonic Green's function, sum_i phi_i^2 / lambda_i^2.
 *
 * @returns (n), unit^2
 * @see Lipman, Rustamov & Funkhouser 2010
 */
export function biharmonicSignature(spectrum: Spectrum): Float64Array {
  const zeros = zeroModes(spectrum.eigenvalues);
  return weightedSquares(
    spectrum,
    weightsOf(spectrum.eigenvalues, 1, (eigenvalue, _, mode) => (mode < zeros ? 0 : 1 / eigenvalue ** 2)),
  );
}

/** A kernel of spectral graph wavelets. */
export type WaveletKernel = 'mexican_hat' | 'heat' | 'meyer';

/** Value of a wavelet kernel at x = scale * eigenvalue. */
export function waveletKernel(kernel: WaveletKernel, x: number): number {
  switch (kernel) {
    case 'mexican_hat':
      return x * decay(x);
    case 'heat':
      return decay(x);
    case 'meyer': {
      const nu = (t: number): number => t ** 4 * (35 - 84 * t + 70 * t * t - 20 * t ** 3);
      if (x >= 0.5 && x < 1) return Math.sin((Math.PI / 2) * nu(2 * x - 1)) ** 2;
      return x >= 1 && x <= 2 ? Math.cos((Math.PI / 2) * nu(x - 1)) ** 2 : 0;
    }
  }
}

/** Scales of wavelets for a spectrum: log-spaced from 1 / lambda_max to 2 / lambda_1, unit^2. */
export function waveletScales(eigenvalues: ArrayLike<number>, count = 5): Float64Array {
  const first = eigenvalues[zeroModes(eigenvalues)];
  const last = eigenvalues[eigenvalues.length - 1];
  if (first === undefined || last === undefined || !(first > 0)) throw noModes();
  return logSpaced(1 / last, 2 / first, count);
}

/**
 * Spectral graph wavelet signature: the wavelet centred at a vertex, at that vertex; with `energy` its squared norm.
 *
 * @returns (n, scales), row per vertex, unit^-2
 * @see Hammond, Vandergheynst & Gribonval 2011; Li & Ben Hamza 2013
 */
export function waveletSignature(
  spectrum: Spectrum,
  kernel: WaveletKernel,
  scales: ArrayLike<number>,
  energy = false,
): Float64Array {
  return weightedSquares(
    spectrum,
    weightsOf(spectrum.eigenvalues, scales.length, (eigenvalue, s) => {
      const value = waveletKernel(kernel, scales[s]! * eigenvalue);
      return energy ? value * value : value;
    }),
  );
}

/** Eigenvalues nearer than this part of themselves span one space, in which the basis is arbitrary. */
const CLUSTER_GAP = 1e-6;

/** First mode of each group of nearly equal eigenvalues, and k. */
function clusterStarts(eigenvalues: ArrayLike<number>): number[] {
  const zeros = zeroModes(eigenvalues);
  const starts = [0];
  for (let i = 1; i < eigenvalues.length; i++) {
    const isNear =
      i < zeros || (i > zeros && eigenvalues[i]! - eigenvalues[i - 1]! < CLUSTER_GAP * eigenvalues[i]!);
    if (!isNear) starts.push(i);
  }
  return [...starts, eigenvalues.length];
}

/** Eigenvalues with the solver's count of them. */
export type CountedEigenvalues = Pick<Spectrum, 'eigenvalues' | 'certificate'>;

/**
 * How many modes to take, at most `most`, so that no group of equal eigenvalues is taken in part.
 *
 * @returns `most` where all modes that could be taken are of one group
 */
export function wholeModes(
  { eigenvalues, certificate }: CountedEigenvalues,
  most: number = eigenvalues.length,
): number {
  const k = eigenvalues.length;
  if (most >= k && (certificate === undefined || certificate.count <= k)) return k;
  // The group of the last mode goes on behind k.
  const ends = clusterStarts(eigenvalues).slice(0, -1);
  return ends.findLast((end) => end > 0 && end <= most) ?? Math.min(most, k);
}

/** How many modes to take of two surfaces, so that neither has a group of equal eigenvalues in part. */
export function commonModes(one: CountedEigenvalues, other: CountedEigenvalues, most = Infinity): number {
  for (let count = Math.min(most, one.eigenvalues.length, other.eigenvalues.length); ;) {
    const whole = Math.min(wholeModes(one, count), wholeModes(other, count));
    if (whole === count) return count;
    count = whole;
  }
}

/** The first modes of a spectrum. */
export function leadingModes({ eigenvalues, eigenvectors }: Spectrum, count: number): Spectrum {
  const k = eigenvalues.length;
  const n = eigenvectors.length / k;
  const vectors = new Float64Array(n * count);
  for (let x = 0; x < n; x++) vectors.set(eigenvectors.subarray(x * k, x * k + count), x * count);
  return { eigenvalues: Float64Array.from(eigenvalues).subarray(0, count), eigenvectors: vectors };
}

/**
 * The spectrum without its last modes where others with the same eigenvalue are left out: of part of an eigenspace the vectors
 * are arbitrary, and with them every sum over modes.
 */
export function wholeSpectrum(spectrum: Spectrum): Spectrum {
  const count = wholeModes(spectrum);
  return count === spectrum.eigenvalues.length ? spectrum : leadingModes(spectrum, count);
}

/**
 * Symmetric polynomials of q_j = exp(-lambda_j t) phi_j(x)^2; the first is the HKS.
 *
 * Products of modes depend on the basis where eigenvalues coincide: there each mode takes the mean of its group, which
 * does not. Simple eigenvalues are as in the formula.
 *
 * @param times - (t), unit^2
 * @param order - 1 to 3
 * @returns (n, t * order), row per vertex, time by time; column r of a time has the unit^(-2 r)
 * @throws ProcessingError INVALID_ARGUMENT
 * @see Bates, Pafundi, Kanel, Liu & Mio 2011
 */
export function symmetricPolynomials(spectrum: Spectrum, times: ArrayLike<number>, order = 2): Float64Array {
  if (order !== 1 && order !== 2 && order !== 3) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `symmetric polynomials of order ${order} are not available`,
      {
        cure: 'give an order of 1, 2 or 3',
      },
    );
  }
  const { eigenvalues, eigenvectors } = spectrum;
  const k = eigenvalues.length;
  const n = eigenvectors.length / k;
  const weights = weightsOf(eigenvalues, times.length, (eigenvalue, t) => decay(eigenvalue * times[t]!));
  const out = new Float64Array(n * times.length * order);
  const starts = clusterStarts(eigenvalues);
  const squares = new Float64Array(k);
  for (let x = 0; x < n; x++) {
    for (let j = 0; j < k; j++) squares[j] = eigenvectors[x * k + j]! ** 2;
    for (let c = 1; c < starts.length; c++) {
      const group = squares.subarray(starts[c - 1], starts[c]);
      if (group.length > 1) group.fill(group.reduce((sum, value) => sum + value, 0) / group.length);
    }
    for (let t = 0; t < times.length; t++) {
      let [e1, e2, e3] = [0, 0, 0];
      // Term by term all is positive; from power sums the higher ones would be differences of nearly equal numbers.
      for (let j = 0; j < k; j++) {
        const q = weights[t * k + j]! * squares[j]!;
        e3 += q * e2;
        e2 += q * e1;
        e1 += q;
      }
      out.set([e1, e2, e3].slice(0, order), (x * times.length + t) * order);
    }
  }
  return out;
}

function columnNorms(table: Float64Array, columns: number): Float64Array {
  const norms = new Float64Array(columns);
  for (let i = 0; i < table.length; i++) norms[i % columns]! += table[i]! ** 2;
  return norms.map(Math.sqrt);
}

function divideColumns(table: Float64Array, divisors: Float64Array): void {
  for (let i = 0; i < table.length; i++) table[i]! /= divisors[i % divisors.length]!;
}

function noModes(): ProcessingError {
  return new ProcessingError('INVALID_ARGUMENT', 'the spectrum has no eigenvalue above 0', {
    cure: 'compute more eigenpairs than the surface has parts',
  });
}
