import { logDensityOf, meanVolume } from './density-transform.js';
import { type Shape3, voxelCount } from './grid.js';

/** Floor of the share of a template, divided by the number of templates: none is given up for good. */
const FLOOR = 0.1;

/** What a mixture makes of the losses of one subject under every template. */
export interface MixtureValue {
  /** `-(1/beta) log sum_k pi_k exp(-beta L_k)`: near the smallest loss. */
  readonly objective: number;
  /** `r_k`: share of each template in the subject, sum 1; also the derivative of the objective by `L_k`. */
  readonly responsibilities: number[];
}

/**
 * Soft minimum of the losses of one subject over the templates, and the responsibilities of the templates for it.
 *
 * @param losses - one per template
 * @param pi - share of each template in the cohort, sum 1
 * @param sharpness - beta
 * @see spec/learned_atlas.md 3.1
 */
export function mixtureValue(
  losses: readonly number[],
  pi: readonly number[],
  sharpness: number,
): MixtureValue {
  // Relative to the smallest, so that nothing underflows; with one template nothing is rounded either.
  const least = Math.min(...losses);
  const parts = losses.map((loss, k) => pi[k]! * Math.exp(-sharpness * (loss - least)));
  const sum = parts.reduce((total, part) => total + part, 0);
  return {
    objective: least - Math.log(sum) / sharpness,
    responsibilities: parts.map((part) => part / sum),
  };
}

/**
 * Shares of the templates after an epoch: means of the responsibilities, floored at 0.1 / K, sum 1.
 *
 * @param responsibilities - one list per subject
 * @returns the shares, and which templates were below the floor
 */
export function nextShares(responsibilities: readonly (readonly number[])[]): {
  pi: number[];
  atFloor: boolean[];
} {
  const count = responsibilities[0]?.length ?? 0;
  const floor = FLOOR / count;
  const means = Array.from(
    { length: count },
    (_, k) => responsibilities.reduce((sum, row) => sum + row[k]!, 0) / responsibilities.length,
  );
  const floored = means.map((mean) => Math.max(mean, floor));
  const sum = floored.reduce((total, value) => total + value, 0);
  return { pi: floored.map((value) => value / sum), atFloor: means.map((mean) => mean < floor) };
}

/** Index of the template with the largest responsibility; the first of equals. */
export function mostResponsible(responsibilities: ArrayLike<number>): number {
  let best = 0;
  for (let k = 1; k < responsibilities.length; k++) {
    if (responsibilities[k]! > responsibilities[best]!) best = k;
  }
  return best;
}

/**
 * Start of every template: the cohort is divided among K medoids, chosen farthest first by `1 - Pearson` of log
 * densities at quarter resolution; a template starts as the mean of the subjects nearest its medoid.
 *
 * @param volumes - training grid, train units
 * @param logOffset - as in the losses
 * @returns per template its start, l of a mean, training grid
 */
export function initialThetas(
  volumes: readonly Float32Array[],
  shape: Shape3,
  templates: number,
  logOffset: number | null,
): Float32Array[] {
  const assigned = assignToMedoids(volumes, shape, templates, logOffset);
  return Array.from({ length: templates }, (_, k) =>
    logDensityOf(meanVolume(volumes.filter((_volume, i) => assigned[i] === k)), logOffset),
  );
}

/** Which medoid each subject is nearest to; arguments as `initialThetas`. */
export function assignToMedoids(
  volumes: readonly Float32Array[],
  shape: Shape3,
  templates: number,
  logOffset: number | null,
): number[] {
  const coarse = volumes.map((volume) => quarterResolution(logDensityOf(volume, logOffset), shape));
  const distance = coarse.map((one) => coarse.map((other) => 1 - correlation(one, other)));
  const medoids = farthestFirst(distance, templates);
  // A medoid is nearest to itself also where another subject is its copy, so that no template starts empty.
  return distance.map((row, i) => {
    const own = medoids.indexOf(i);
    return own === -1 ? indexOfSmallest(medoids.map((medoid) => row[medoid]!)) : own;
  });
}

/** First the subject with the smallest mean distance, then always the one farthest from those chosen; ties by index. */
function farthestFirst(distance: readonly (readonly number[])[], count: number): number[] {
  const medoids = [indexOfSmallest(distance.map((row) => row.reduce((sum, value) => sum + value, 0)))];
  while (medoids.length < count) {
    const nearest = distance.map((row, i) =>
      medoids.includes(i) ? Infinity : -Math.min(...medoids.map((medoid) => row[medoid]!)),
    );
    medoids.push(indexOfSmallest(nearest));
  }
  return medoids;
}

function indexOfSmallest(values: readonly number[]): number {
  let smallest = 0;
  values.forEach((value, i) => {
    if (value < values[smallest]!) smallest = i;
  });
  return smallest;
}

/** Means over blocks of 4^3 voxels; training grids are multiples of 4. */
function quarterResolution(volume: Float32Array, shape: Shape3): Float64Array {
  const [X, Y, Z] = [shape[0] / 4, shape[1] / 4, shape[2] / 4];
  const coarse = new Float64Array(voxelCount([X, Y, Z]));
  let at = 0;
  for (let x = 0; x < shape[0]; x++) {
    for (let y = 0; y < shape[1]; y++) {
      const row = ((x >> 2) * Y + (y >> 2)) * Z;
      for (let z = 0; z < shape[2]; z++, at++)
        coarse[row + (z >> 2)] = coarse[row + (z >> 2)]! + volume[at]! / 64;
    }
  }
  return coarse;
}

/** Pearson correlation; 0 where one of both is constant. */
function correlation(x: Float64Array, y: Float64Array): number {
  const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(x), mean(y)];
  let [xx, yy, xy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [x[i]! - meanX, y[i]! - meanY];
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0;
}
