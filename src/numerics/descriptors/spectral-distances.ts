/** Distances between vertices of one surface, and between the spectra of surfaces. */
import { ProcessingError } from '../../errors.js';
import { decay, zeroModes, type Spectrum } from './signatures.js';

/** Weight of each mode in a squared distance between vertices. */
export type PointDistance =
  | { readonly kind: 'biharmonic' }
  | { readonly kind: 'commute_time' }
  | { readonly kind: 'diffusion'; /** unit^2 */ readonly time: number };

/**
 * Spectral distances from some vertices to all: d^2 = sum_i g(lambda_i) (phi_i(x) - phi_i(y))^2 over the modes above 0,
 * with g = lambda^-2 (biharmonic, unit), 1 / lambda (commute time, without unit; it grows without bound with the number
 * of modes, so state that number) or exp(-2 lambda t) (diffusion, unit^-1).
 *
 * @param sources - (s), vertices
 * @returns (s, n), row per source
 * @see Lipman, Rustamov & Funkhouser 2010; Coifman & Lafon 2006
 */
export function spectralDistances(
  { eigenvalues, eigenvectors }: Spectrum,
  distance: PointDistance,
  sources: ArrayLike<number>,
): Float64Array {
  const k = eigenvalues.length;
  const n = eigenvectors.length / k;
  const zeros = zeroModes(eigenvalues);
  const weights = Float64Array.from(eigenvalues, (eigenvalue, i) =>
    i < zeros ? 0 : modeWeight(distance, eigenvalue),
  );
  const out = new Float64Array(sources.length * n);
  for (let s = 0; s < sources.length; s++) {
    const from = sources[s]! * k;
    for (let y = 0; y < n; y++) {
      let sum = 0;
      // Differences first: the expanded square would lose the digits of near points.
      for (let i = zeros; i < k; i++) {
        const difference = eigenvectors[from + i]! - eigenvectors[y * k + i]!;
        sum += weights[i]! * difference * difference;
      }
      out[s * n + y] = Math.sqrt(sum);
    }
  }
  return out;
}

/** Weight of a mode above 0 in a squared distance. */
export function modeWeight(distance: PointDistance, eigenvalue: number): number {
  switch (distance.kind) {
    case 'biharmonic':
      return 1 / eigenvalue ** 2;
    case 'commute_time':
      return 1 / eigenvalue;
    case 'diffusion':
      return decay(2 * eigenvalue * distance.time);
  }
}

/**
 * Global point signature: phi_i / sqrt(lambda_i) over the modes above 0. Signs and the basis within an eigenspace are
 * arbitrary: only norms, inner products and distances of its rows mean something.
 *
 * @returns (n, k - zeros), row per vertex, without unit
 * @see Rustamov 2007
 */
export function globalPointSignature({ eigenvalues, eigenvectors }: Spectrum): Float64Array {
  const k = eigenvalues.length;
  const zeros = zeroModes(eigenvalues);
  const columns = k - zeros;
  const out = new Float64Array((eigenvectors.length / k) * columns);
  for (let x = 0, at = 0; x < eigenvectors.length; x += k) {
    for (let i = zeros; i < k; i++, at++) out[at] = eigenvectors[x + i]! / Math.sqrt(eigenvalues[i]!);
  }
  return out;
}

/**
 * Histogram of the distances between random pairs of vertices in the global point signature: unlike the signature
 * itself it depends neither on signs nor on the basis of an eigenspace.
 *
 * @param masses - (n), area of each vertex: pairs are drawn uniformly over the surface
 * @param random - numbers from 0 to 1
 * @param largest - upper end of the last bin; fix it once per cohort; the largest distance drawn where absent
 * @returns fractions of the pairs, beyond `largest` in no bin
 * @see Rustamov 2007, section on the D2 distribution
 */
export function pointSignatureHistogram(
  spectrum: Spectrum,
  masses: ArrayLike<number>,
  random: () => number,
  { pairs = 20_000, bins = 64, largest = 0 } = {},
): { readonly fractions: Float64Array; readonly largest: number } {
  const signature = globalPointSignature(spectrum);
  const n = masses.length;
  const columns = signature.length / n;
  const cumulative = new Float64Array(n);
  let total = 0;
  for (let i = 0; i < n; i++) cumulative[i] = total += masses[i]!;
  const draw = (): number => {
    const wanted = random() * total;
    let [low, high] = [0, n - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle]! <= wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const distances = Float64Array.from({ length: pairs }, () => {
    const [a, b] = [draw() * columns, draw() * columns];
    let sum = 0;
    for (let c = 0; c < columns; c++) sum += (signature[a + c]! - signature[b + c]!) ** 2;
    return Math.sqrt(sum);
  });
  const top = largest > 0 ? largest : distances.reduce((most, value) => Math.max(most, value), 0);
  const fractions = new Float64Array(bins);
  for (const distance of distances) {
    if (distance <= top) fractions[Math.min(bins - 1, Math.floor((distance / top) * bins))]! += 1 / pairs;
  }
  return { fractions, largest: top };
}

/** How eigenvalues are freed of size. */
export type ShapeDnaNormalisation = 'none' | 'area' | 'volume' | 'fiedler' | 'weyl';

/**
 * ShapeDNA: the eigenvalues above 0, normalised: `area` (lambda A), `volume` (lambda V^(2/3), closed surfaces),
 * `fiedler` (lambda / lambda_1), `weyl` (lambda A / (4 pi i): near 1, so that high modes do not rule distances).
 *
 * @returns (k - zeros), unit^-2 with `none`, else without unit
 * @throws ProcessingError INVALID_ARGUMENT when the area or the volume is needed and not given
 * @see Reuter, Wolter & Peinecke 2006
 */
export function shapeDna(
  eigenvalues: ArrayLike<number>,
  normalisation: ShapeDnaNormalisation = 'area',
  size: { readonly area?: number; readonly volume?: number } = {},
): Float64Array {
  const zeros = zeroModes(eigenvalues);
  const values = Float64Array.from(eigenvalues).subarray(zeros);
  switch (normalisation) {
    case 'none':
      return values.slice();
    case 'area':
      return values.map((value) => value * needed('area', size.area));
    case 'volume':
      return values.map((value) => value * needed('volume', size.volume) ** (2 / 3));
    case 'fiedler':
      return values.map((value) => value / values[0]!);
    case 'weyl':
      return values.map((value, i) => (value * needed('area', size.area)) / (4 * Math.PI * (zeros + i)));
  }
}

function needed(what: 'area' | 'volume', value: number | undefined): number {
  if (value !== undefined && value > 0) return value;
  throw new ProcessingError(
    'INVALID_ARGUMENT',
    `normalisation by ${what} needs a positive ${what}, got ${value}`,
    {
      cure: what === 'volume' ? 'give the volume of a closed surface, or normalise by area' : 'give the area',
    },
  );
}

/** A distance between two vectors of eigenvalues. */
export type SpectrumDistance = 'euclidean' | 'cosine' | 'manhattan';

/**
 * Distance between two ShapeDNA vectors of the same normalisation.
 *
 * @param truncate - compares the leading entries of vectors of unequal length, which are refused otherwise
 * @throws ProcessingError SHAPE_MISMATCH
 */
export function shapeDnaDistance(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  options: { readonly metric?: SpectrumDistance; readonly truncate?: boolean } = {},
): number {
  const { metric = 'euclidean', truncate = false } = options;
  const count = commonLength(first, second, truncate);
  let [squares, absolutes, product, one, two] = [0, 0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    const [a, b] = [first[i]!, second[i]!];
    squares += (a - b) ** 2;
    absolutes += Math.abs(a - b);
    product += a * b;
    one += a * a;
    two += b * b;
  }
  if (metric === 'manhattan') return absolutes;
  return metric === 'euclidean' ? Math.sqrt(squares) : 1 - product / Math.sqrt(one * two);
}

function commonLength(first: ArrayLike<number>, second: ArrayLike<number>, truncate: boolean): number {
  if (first.length !== second.length && !truncate) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `spectra of ${first.length} and ${second.length} eigenvalues cannot be compared`,
      { cure: 'compute the same number of eigenvalues, or allow truncation' },
    );
  }
  return Math.min(first.length, second.length);
}

/**
 * Weighted spectral distance: (sum_n |1 / lambda_n - 1 / xi_n|^p)^(1/p) over eigenvalues above 0. Defined for the
 * Dirichlet spectrum of a solid; on the spectrum of a surface it is an adaptation. A pseudometric: isospectral shapes
 * are at distance 0.
 *
 * @param first - (k), ascending, all above 0; normalise by area first, or the unit decides
 * @param p - above 1 for surfaces, above 1.5 for solids
 * @returns unit^2 of the coordinates; without unit for normalised eigenvalues
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT
 * @see Konukoglu, Glocker, Criminisi & Pohl 2013
 */
export function weightedSpectralDistance(first: ArrayLike<number>, second: ArrayLike<number>, p = 2): number {
  if (!(p > 1)) {
    throw new ProcessingError('INVALID_ARGUMENT', `the sum does not converge for p = ${p}`, {
      cure: 'give p above 1',
    });
  }
  const count = commonLength(first, second, false);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const [a, b] = [first[i]!, second[i]!];
    if (!(a > 0 && b > 0)) {
      throw new ProcessingError('INVALID_ARGUMENT', `eigenvalue ${i} is not above 0 (${a}, ${b})`, {
        cure: 'leave out the zero modes',
      });
    }
    sum += Math.abs(1 / a - 1 / b) ** p;
  }
  return sum ** (1 / p);
}

/** Distances from vertices that are spread over a surface. */
export interface SpreadDistances {
  /** (s), vertices. */
  readonly sources: Int32Array;
  /** (n, s), row per vertex. */
  readonly distances: Float64Array;
  /** Root mean square over all pairs of points of the surface: sqrt(2 sum_i g(lambda_i) / area). */
  readonly rootMeanSquare: number;
}

/**
 * Spectral distances from sources that are chosen one after the other as far as possible from those before; the first is the
 * vertex that is farthest from all others together.
 *
 * @param area - of the surface, unit^2
 */
export function spreadDistances(
  spectrum: Spectrum,
  distance: PointDistance,
  area: number,
  sourceCount: number,
): SpreadDistances {
  const { eigenvalues, eigenvectors } = spectrum;
  const k = eigenvalues.length;
  const n = eigenvectors.length / k;
  const zeros = zeroModes(eigenvalues);
  let total = 0;
  for (let i = zeros; i < k; i++) total += modeWeight(distance, eigenvalues[i]!);
  const reach = new Float64Array(n);
  for (let x = 0; x < n; x++) {
    for (let i = zeros; i < k; i++)
      reach[x]! += modeWeight(distance, eigenvalues[i]!) * eigenvectors[x * k + i]! ** 2;
  }
  const count = Math.min(sourceCount, n);
  const sources = new Int32Array(count);
  const distances = new Float64Array(n * count);
  for (let s = 0; s < count; s++) {
    sources[s] = farthest(reach);
    const row = spectralDistances(spectrum, distance, [sources[s]!]);
    for (let x = 0; x < n; x++) {
      distances[x * count + s] = row[x]!;
      reach[x] = s === 0 ? row[x]! : Math.min(reach[x]!, row[x]!);
    }
  }
  return { sources, distances, rootMeanSquare: Math.sqrt((2 * total) / area) };
}

/** Comparisons with NaN are false: a vertex that takes no part is never chosen. */
function farthest(values: Float64Array): number {
  let best = -1;
  for (let i = 0; i < values.length; i++) if (values[i]! >= 0 && !(values[best]! >= values[i]!)) best = i;
  return best;
}
