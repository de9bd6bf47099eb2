/** Descriptors of how far a vertex is from the rest of its surface: average geodesic distance and eccentricity. */
import { ProcessingError } from '../../errors.js';

/** Distance of every vertex from one source, unit of the coordinates. */
export type DistancesFrom = (source: number) => Float64Array;

/** Mean and largest geodesic distance of every vertex. */
export interface DistanceScalars {
  /** (n): (1 / area) sum_j m_j d(x, j), unit of the coordinates. */
  readonly average: Float64Array;
  /** (n): max_j d(x, j), unit of the coordinates; from sources only it is a lower bound. */
  readonly eccentricity: Float64Array;
  /** Vertices that distances were computed from. */
  readonly sources: Int32Array;
}

/**
 * Average geodesic distance and eccentricity of every vertex, on any distance.
 *
 * With fewer sources than vertices they are chosen one after the other as far as possible from those before, and each
 * stands for the area of the vertices that are nearest to it.
 *
 * @param masses - (n), area of each vertex
 * @param sourceCount - n for the exact sums
 * @throws ProcessingError INVALID_ARGUMENT when the surface is in several parts
 * @see Hilaga et al. 2001 (average); Ion et al. 2007 (eccentricity)
 */
export function distanceScalars(
  distancesFrom: DistancesFrom,
  masses: Float64Array,
  sourceCount = 512,
): DistanceScalars {
  const n = masses.length;
  const isExact = sourceCount >= n;
  const count = Math.min(sourceCount, n);
  const average = new Float64Array(n);
  const eccentricity = new Float64Array(n);
  const sources = new Int32Array(count);
  const nearest = new Float64Array(n).fill(Infinity);
  const owner = new Int32Array(n);
  const rows: Float64Array[] = [];
  for (let s = 0; s < count; s++) {
    sources[s] = isExact ? s : s === 0 ? 0 : indexOfLargest(nearest);
    const distances = distancesFrom(sources[s]!);
    for (let i = 0; i < n; i++) {
      const distance = distances[i]!;
      if (distance === Infinity) {
        throw new ProcessingError(
          'INVALID_ARGUMENT',
          `no way leads from vertex ${sources[s]} to vertex ${i}`,
          {
            cure: 'give one connected surface without unused vertices',
          },
        );
      }
      if (distance > eccentricity[i]!) eccentricity[i] = distance;
      if (distance < nearest[i]!) {
        nearest[i] = distance;
        owner[i] = s;
      }
      if (isExact) average[i]! += masses[sources[s]!]! * distance;
    }
    if (!isExact) rows.push(distances);
  }
  if (!isExact) {
    const weights = new Float64Array(count);
    masses.forEach((mass, i) => {
      weights[owner[i]!]! += mass;
    });
    rows.forEach((distances, s) => {
      for (let i = 0; i < n; i++) average[i]! += weights[s]! * distances[i]!;
    });
  }
  const area = masses.reduce((sum, mass) => sum + mass, 0);
  for (let i = 0; i < n; i++) average[i]! /= area;
  return { average, eccentricity, sources };
}

function indexOfLargest(values: Float64Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
