import { ProcessingError } from '../../errors.js';
import { multiply, type Matrix } from '../linalg/matrix.js';
import { symmetricEigen } from '../linalg/symmetric-eigen.js';
import type { Spectrum } from './signatures.js';

/** Energies and width of the derivative wave signature. */
export interface DerivativeEnergies {
  /** (e), logarithms of eigenvalues of the difference operator, ascending. */
  readonly energies: Float64Array;
  readonly sigma: number;
}

/** Eigenvalues of an operator below this part of the largest say nothing: they stand for directions that the map loses. */
const RELATIVE_FLOOR = 1e-6;

/**
 * Energies for the signature of shape differences: equally spaced over the logarithms of the eigenvalues of the
 * operators, two sigma from both ends. Fix them once per cohort, over all its operators.
 *
 * @param eigenvalues - of one operator, or of all of a cohort
 * @param floor - smaller eigenvalues count as this; 1e-6 of the largest where absent
 */
export function derivativeEnergies(
  eigenvalues: ArrayLike<number>,
  count = 50,
  { factor = 7, floor }: { readonly factor?: number; readonly floor?: number } = {},
): DerivativeEnergies {
  const values = Array.from(eigenvalues);
  // No spread: a large cohort has more values than a call takes arguments.
  const [smallest, largest] = values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
  if (!(largest > 0)) {
    throw new ProcessingError('INVALID_ARGUMENT', 'the difference operator has no eigenvalue above 0', {
      where: 'derivativeEnergies',
      cure: 'look at the functional map: it carries nothing over',
    });
  }
  const least = floor ?? RELATIVE_FLOOR * largest;
  const low = Math.log(Math.max(least, smallest));
  const high = Math.log(largest);
  const range = Math.max(high - low, 1e-9);
  const wanted = (factor * range) / count;
  const fits = range > 4 * wanted;
  const sigma = fits ? wanted : range / (2 * count);
  const margin = fits ? 2 * sigma : 0;
  const energies = Float64Array.from({ length: count }, (_, e) =>
    count === 1 ? (low + high) / 2 : low + margin + ((high - low - 2 * margin) * e) / (count - 1),
  );
  return { energies, sigma };
}

/**
 * Wave kernel signature of a shape difference: for each energy, how much of the difference operator's eigenfunctions of
 * that size is at a vertex. The weights of each energy sum to 1.
 *
 * @param spectrum - of the source; its first modes are those of the operator
 * @param operator - (b, b), symmetric: area or conformal difference of shapeDifferences; conformal ones lack the zero modes
 * @param skipped - modes of the spectrum before the first of the operator: 0 for area, the zero modes for conformal
 * @returns (n, e), row per vertex of the source, unit^-2
 * @throws ProcessingError SHAPE_MISMATCH
 * @see Magnet & Ovsjanikov 2021
 */
export function derivativeWaveSignature(
  { eigenvalues, eigenvectors }: Spectrum,
  operator: Matrix,
  { energies, sigma }: DerivativeEnergies,
  { skipped = 0, floor }: { readonly skipped?: number; readonly floor?: number } = {},
): Float64Array {
  const k = eigenvalues.length;
  const b = operator.rows;
  if (operator.columns !== b || skipped + b > k) {
    throw new ProcessingError('SHAPE_MISMATCH', `an operator of ${b} x ${operator.columns} in ${k} modes`, {
      where: 'derivativeWaveSignature',
      cure: 'give a square operator on the leading modes of the spectrum',
    });
  }
  const n = eigenvectors.length / k;
  const { values, vectors } = symmetricEigen(operator);
  const least = floor ?? RELATIVE_FLOOR * values[b - 1]!;
  const weights = new Float64Array(b * energies.length);
  energies.forEach((energy, e) => {
    let sum = 0;
    for (let j = 0; j < b; j++) {
      const weight = Math.exp(-((energy - Math.log(Math.max(values[j]!, least))) ** 2) / (2 * sigma * sigma));
      weights[e * b + j] = weight;
      sum += weight;
    }
    for (let j = 0; j < b; j++) weights[e * b + j]! /= sum;
  });
  const out = new Float64Array(n * energies.length);
  const modes = { rows: 1, columns: b, values: new Float64Array(b) };
  for (let x = 0; x < n; x++) {
    modes.values.set(eigenvectors.subarray(x * k + skipped, x * k + skipped + b));
    const turned = multiply(modes, vectors).values;
    for (let e = 0; e < energies.length; e++) {
      let sum = 0;
      for (let j = 0; j < b; j++) sum += weights[e * b + j]! * turned[j]! * turned[j]!;
      out[x * energies.length + e] = sum;
    }
  }
  return out;
}
