import { ProcessingError } from '../../errors.js';
import { cholesky, solveLower } from '../linalg/cholesky.js';
import { columnMeans, gram, matrix, withoutColumnOffsets } from '../linalg/matrix.js';
import { normalisedSpectralDistance } from './normalised-spectral-distance.js';
import { shapeDnaDistance, weightedSpectralDistance } from './spectral-distances.js';

/** Distances between the spectra of a cohort. */
export const SPECTRUM_METRICS = ['euclidean', 'cosine', 'manhattan', 'mahalanobis', 'wesd', 'nwesd'] as const;
/** A distance between spectra of a cohort. */
export type SpectrumMetric = (typeof SPECTRUM_METRICS)[number];

/**
 * All distances between the spectra of a cohort.
 *
 * @param spectra - eigenvalues above 0 of each shape, of one length and one normalisation; for `nwesd` normalised by
 *   area, so that every size is 1
 * @param p - exponent of `wesd` and `nwesd`
 * @returns (n, n), symmetric, 0 on the diagonal
 * @throws ProcessingError SHAPE_MISMATCH; INVALID_ARGUMENT, with `mahalanobis` when the cohort is too small for the
 *   covariance of its spectra
 */
export function spectrumDistances(
  spectra: readonly ArrayLike<number>[],
  metric: SpectrumMetric = 'euclidean',
  p = 2,
): Float64Array {
  if (metric === 'mahalanobis') {
    const whitened = whiten(spectra);
    return symmetricDistances(spectra.length, (i, j) => shapeDnaDistance(whitened[i]!, whitened[j]!));
  }
  return symmetricDistances(spectra.length, (i, j) => {
    const [first, second] = [spectra[i]!, spectra[j]!];
    if (metric === 'wesd') return weightedSpectralDistance(first, second, p);
    if (metric === 'nwesd') return normalisedSpectralDistance(first, second, { p });
    return shapeDnaDistance(first, second, { metric });
  });
}

/** Each pair once. @returns (n, n) */
export function symmetricDistances(n: number, distance: (i: number, j: number) => number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) out[i * n + j] = out[j * n + i] = distance(i, j);
  }
  return out;
}

/** Rows in coordinates in which their covariance is the identity. */
function whiten(rows: readonly ArrayLike<number>[]): Float64Array[] {
  const k = rows[0]?.length ?? 0;
  const table = matrix(
    rows.length,
    k,
    rows.flatMap((row) => Array.from(row)),
  );
  const centred = withoutColumnOffsets(table, columnMeans(table));
  const covariance = gram(centred);
  for (let i = 0; i < covariance.values.length; i++) covariance.values[i]! /= Math.max(1, rows.length - 1);
  const lower = rows.length > k ? cholesky(covariance) : null;
  if (lower === null) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `the covariance of ${k} eigenvalues cannot be estimated from ${rows.length} shapes`,
      {
        where: 'spectrumDistances',
        cure: 'give more shapes than eigenvalues, fewer eigenvalues, or another metric',
      },
    );
  }
  return rows.map((_, i) => {
    const column = matrix(k, 1, centred.values.subarray(i * k, (i + 1) * k));
    return solveLower(lower, column).values;
  });
}
