import { ProcessingError } from '../../errors.js';
import { riemannZeta } from '../special/zeta.js';
import { weightedSpectralDistance } from './spectral-distances.js';

/** Options of the normalised distance between spectra. */
export interface SpectralBoundOptions {
  /** Dimension of the shapes: 2 for regions of the plane and for surfaces, 3 for solids. */
  readonly dimension?: 2 | 3;
  readonly p?: number;
  /** Area (2) or volume (3) of each shape, in the unit of its eigenvalues; 1 for normalised eigenvalues. */
  readonly sizes?: readonly [number, number];
}

/** Payne, Polya and Weinberger: lambda_2 / lambda_1 is at most (d + 4) / d. */
const SECOND = 4;
/** Cheng and Yang: lambda_n / lambda_1 is at most (1 + 2.64 / d) (n - 1)^(2 / d). */
const HIGHER = 2.64;

/**
 * Upper bound of the weighted spectral distance over all eigenvalues, from the first eigenvalue and the size of the
 * shapes alone: each 1 / lambda_n lies between bounds of Li and Yau from above, of Payne, Polya and Weinberger and of
 * Cheng and Yang from below.
 *
 * @param first - the smaller ends of the two spectra: their first eigenvalues above 0
 * @throws ProcessingError INVALID_ARGUMENT where the bounds contradict one another, which no Dirichlet spectrum does
 * @see Konukoglu, Glocker, Criminisi & Pohl 2013, section on the normalised distance
 */
export function spectralDistanceBound(
  first: readonly [number, number],
  { dimension: d = 2, p = 2, sizes = [1, 1] }: SpectralBoundOptions = {},
): number {
  if (!(p > d / 2)) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `the sum does not converge for p = ${p} in ${d} dimensions`,
      {
        where: 'spectralDistanceBound',
        cure: `give p above ${d / 2}`,
      },
    );
  }
  const ball = d === 2 ? Math.PI : (4 * Math.PI) / 3;
  const largest = Math.max(...sizes);
  const inverse = 1 / Math.max(...first);
  const upper = (n: number): number => ((d + 2) / (d * 4 * Math.PI ** 2)) * ((ball * largest) / n) ** (2 / d);
  const gaps = [
    upper(1) - inverse,
    upper(2) - (inverse * d) / (d + SECOND),
    upper(1) - (inverse * d) / (d + HIGHER),
  ];
  if (gaps.some((gap) => !(gap >= 0))) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      'the published bound does not hold for these spectra: the first eigenvalue is too small for the size',
      {
        where: 'spectralDistanceBound',
        cure: 'it is proved for Dirichlet spectra; use the distance without normalisation here',
      },
    );
  }
  const tail = riemannZeta((2 * p) / d) - 1 - 2 ** ((-2 * p) / d);
  return (gaps[0]! ** p + gaps[1]! ** p + tail * gaps[2]! ** p) ** (1 / p);
}

/**
 * Normalised weighted spectral distance: the distance over its upper bound.
 *
 * For Dirichlet spectra it is at least 0 and below 1. On closed surfaces, and with natural boundaries, the bound is not
 * proved: the number still has no unit and does not depend on scale when the eigenvalues do not, but may pass 1.
 *
 * @param first - (k), ascending, all above 0
 * @param second - (k), likewise
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT
 * @see Konukoglu, Glocker, Criminisi & Pohl 2013
 */
export function normalisedSpectralDistance(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  options: SpectralBoundOptions = {},
): number {
  const distance = weightedSpectralDistance(first, second, options.p ?? 2);
  return distance === 0 ? 0 : distance / spectralDistanceBound([first[0]!, second[0]!], options);
}
