import { ProcessingError } from '../../errors.js';

/** Volumes of a cohort on one grid, C order (last axis fastest). */
export interface CohortStack {
  /** One array per subject. */
  readonly volumes: readonly ArrayLike<number>[];
  /** Voxels along the three axes. */
  readonly shape: readonly [number, number, number];
}

/** How far the centres of mass of subjects lie from their mean, mm. */
export interface CentroidScatter {
  readonly mean_mm: number;
  readonly rms_mm: number;
  readonly max_mm: number;
  /** Subjects whose mass is above eps; the others have no centroid. */
  readonly n_used: number;
  readonly centroids_mm: [number, number, number][];
  readonly distances_mm: number[];
}

/** Thresholds of the look at a cohort before anything is learned. */
export interface Phase0Options {
  readonly voxelSizeMm?: readonly [number, number, number];
  readonly subjectMaskThreshold?: number;
  readonly coreOccupancyThreshold?: number;
  readonly minCentroidScatterMm?: number;
  readonly maxOccupancyEntropyBits?: number;
  readonly eps?: number;
}

/** Whether a cohort asks for a learned atlas, and by which numbers. */
export interface Phase0Result {
  readonly go: boolean;
  readonly spatial_residual: boolean;
  readonly coherent_bundle: boolean;
  /** One sentence per criterion, passed or not, with value and limit. */
  readonly reasons: string[];
  readonly centroid_scatter_mm: number;
  readonly occupancy_entropy_bits: number;
  /** Advisory: not part of the decision. */
  readonly mass_matched_residual_fraction: number;
  readonly mean_residual_variance: number;
  readonly core_voxels: number;
  readonly n_subjects: number;
  readonly thresholds: {
    readonly subject_mask_threshold: number;
    readonly core_occupancy_threshold: number;
    readonly min_centroid_scatter_mm: number;
    readonly max_occupancy_entropy_bits: number;
  };
}

const EPS = 1e-12;

/**
 * Population variance per voxel (ddof 0), float64.
 *
 * @throws ProcessingError SHAPE_MISMATCH for an empty or uneven stack, NON_FINITE for a value that is not finite
 */
export function residualVarianceMap(stack: CohortStack): Float64Array {
  const voxels = checkStack(stack);
  return varianceOf(stack.volumes, voxels, null);
}

/**
 * How far the centres of mass of the subjects lie from their mean.
 *
 * @param options - `voxelSizeMm` default (1, 1, 1); `eps`: mass at or below which a subject is left out
 * @returns mm in voxel-index coordinates times voxel size; NaN where no subject has mass, zeros for one subject
 * @throws ProcessingError as `residualVarianceMap`
 */
export function centroidScatter(
  stack: CohortStack,
  options: { voxelSizeMm?: readonly [number, number, number]; eps?: number } = {},
): CentroidScatter {
  const { voxelSizeMm = [1, 1, 1], eps = EPS } = options;
  checkStack(stack);
  const centroids = stack.volumes.flatMap((volume) => {
    const centroid = centroidOf(volume, stack.shape, voxelSizeMm, eps);
    return centroid === null ? [] : [centroid];
  });
  const n = centroids.length;
  const mean = [0, 1, 2].map((axis) => average(centroids.map((centroid) => centroid[axis] ?? 0)));
  const distances = centroids.map((centroid) =>
    Math.hypot(...centroid.map((x, axis) => x - (mean[axis] ?? 0))),
  );
  return {
    mean_mm: average(distances),
    rms_mm: Math.sqrt(average(distances.map((d) => d * d))),
    max_mm: n === 0 ? NaN : Math.max(...distances),
    n_used: n,
    centroids_mm: centroids,
    distances_mm: distances,
  };
}

/**
 * Mean binary entropy of the presence of the tract over voxels, bits.
 *
 * @param options - `threshold`: present above it (default 0); `restrictToSupport`: only voxels where some subject is
 *   present (default true); `eps`: floor of the shares inside the logarithm
 * @returns NaN where no voxel counts
 * @throws ProcessingError as `residualVarianceMap`
 */
export function occupancyEntropy(
  stack: CohortStack,
  options: { threshold?: number; restrictToSupport?: boolean; eps?: number } = {},
): number {
  const { threshold = 0, restrictToSupport = true, eps = EPS } = options;
  const voxels = checkStack(stack);
  const n = stack.volumes.length;
  const counts = presenceCounts(stack.volumes, voxels, threshold);
  let sum = 0;
  let used = 0;
  for (const count of counts) {
    if (restrictToSupport && count === 0) continue;
    const p = Math.min(Math.max(count / n, eps), 1 - eps);
    sum += -p * Math.log2(p) - (1 - p) * Math.log2(1 - p);
    used++;
  }
  return used === 0 ? NaN : sum / used;
}

/**
 * Share of the variance between subjects that is left after their masses are made equal; may exceed 1.
 *
 * @returns NaN where the variance is at most eps
 * @throws ProcessingError as `residualVarianceMap`
 */
export function massMatchedResidualFraction(stack: CohortStack, options: { eps?: number } = {}): number {
  const { eps = EPS } = options;
  const voxels = checkStack(stack);
  const masses = stack.volumes.map(sumOf);
  const mean = average(masses);
  const factors = masses.map((mass) => (mass > eps ? mean / mass : 1));
  const before = sumOf(varianceOf(stack.volumes, voxels, null));
  if (!(before > eps)) return NaN;
  return sumOf(varianceOf(stack.volumes, voxels, factors)) / before;
}

/**
 * Is a learned atlas worth the effort: do subjects differ in position (spatial residual), and do they agree enough on
 * where the bundle is (coherence)? Both comparisons are strict; NaN fails.
 *
 * @throws ProcessingError as `residualVarianceMap`
 * @see spec/learned_atlas.md 7
 */
export function phase0GoNoGo(stack: CohortStack, options: Phase0Options = {}): Phase0Result {
  const {
    voxelSizeMm = [1, 1, 1],
    subjectMaskThreshold = 0,
    coreOccupancyThreshold = 0.5,
    minCentroidScatterMm = 1,
    maxOccupancyEntropyBits = 0.9,
    eps = EPS,
  } = options;
  const voxels = checkStack(stack);
  const n = stack.volumes.length;
  const scatter = centroidScatter(stack, { voxelSizeMm, eps }).mean_mm;
  const entropy = occupancyEntropy(stack, { threshold: subjectMaskThreshold, eps });
  const spatial = scatter > minCentroidScatterMm;
  const coherent = entropy < maxOccupancyEntropyBits;
  const counts = presenceCounts(stack.volumes, voxels, subjectMaskThreshold);
  return {
    go: spatial && coherent,
    spatial_residual: spatial,
    coherent_bundle: coherent,
    reasons: [
      `spatial residual: ${verdict(spatial)}, centroid scatter ${shown(scatter)} mm must exceed ${minCentroidScatterMm} mm`,
      `coherent bundle: ${verdict(coherent)}, occupancy entropy ${shown(entropy)} bits must be below ${maxOccupancyEntropyBits} bits`,
    ],
    centroid_scatter_mm: scatter,
    occupancy_entropy_bits: entropy,
    mass_matched_residual_fraction: massMatchedResidualFraction(stack, { eps }),
    mean_residual_variance: sumOf(varianceOf(stack.volumes, voxels, null)) / voxels,
    core_voxels: counts.filter((count) => count / n >= coreOccupancyThreshold).length,
    n_subjects: n,
    thresholds: {
      subject_mask_threshold: subjectMaskThreshold,
      core_occupancy_threshold: coreOccupancyThreshold,
      min_centroid_scatter_mm: minCentroidScatterMm,
      max_occupancy_entropy_bits: maxOccupancyEntropyBits,
    },
  };
}

function verdict(passed: boolean): string {
  return passed ? 'passed' : 'not passed';
}

function shown(value: number): string {
  return Number.isNaN(value) ? 'undefined' : String(Number(value.toPrecision(4)));
}

function centroidOf(
  volume: ArrayLike<number>,
  [X, Y, Z]: readonly [number, number, number],
  voxelSizeMm: readonly [number, number, number],
  eps: number,
): [number, number, number] | null {
  const mass = sumOf(volume);
  if (!(mass > eps)) return null;
  let [x, y, z] = [0, 0, 0];
  for (let i = 0, v = 0; i < X; i++) {
    for (let j = 0; j < Y; j++) {
      for (let k = 0; k < Z; k++, v++) {
        const value = volume[v] ?? 0;
        x += i * value;
        y += j * value;
        z += k * value;
      }
    }
  }
  return [(x * voxelSizeMm[0]) / mass, (y * voxelSizeMm[1]) / mass, (z * voxelSizeMm[2]) / mass];
}

/** Two-pass population variance of `factor * volume` per voxel. */
function varianceOf(
  volumes: readonly ArrayLike<number>[],
  voxels: number,
  factors: readonly number[] | null,
): Float64Array {
  const n = volumes.length;
  const variance = new Float64Array(voxels);
  for (let v = 0; v < voxels; v++) {
    let sum = 0;
    for (let s = 0; s < n; s++) sum += (factors?.[s] ?? 1) * (volumes[s]?.[v] ?? 0);
    const mean = sum / n;
    let squares = 0;
    for (let s = 0; s < n; s++) squares += ((factors?.[s] ?? 1) * (volumes[s]?.[v] ?? 0) - mean) ** 2;
    variance[v] = squares / n;
  }
  return variance;
}

function presenceCounts(
  volumes: readonly ArrayLike<number>[],
  voxels: number,
  threshold: number,
): Uint32Array {
  const counts = new Uint32Array(voxels);
  for (const volume of volumes) {
    for (let v = 0; v < voxels; v++) if ((volume[v] ?? 0) > threshold) counts[v] = (counts[v] ?? 0) + 1;
  }
  return counts;
}

function sumOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  return sum;
}

/** NaN for no values. */
function average(values: readonly number[]): number {
  return sumOf(values) / values.length;
}

/** Number of voxels, after the stack was found to be even and finite. */
function checkStack({ volumes, shape }: CohortStack): number {
  const voxels = shape[0] * shape[1] * shape[2];
  const bad = (message: string): ProcessingError =>
    new ProcessingError('SHAPE_MISMATCH', message, {
      cure: 'give one volume per subject, all on one 3-D grid',
    });
  if ((shape as readonly number[]).length !== 3 || !(voxels > 0)) {
    throw bad(`diagnostics need a 3-D grid, not ${(shape as readonly number[]).join('x')}`);
  }
  if (volumes.length === 0) throw bad('diagnostics need at least one subject');
  volumes.forEach((volume, s) => {
    if (volume.length !== voxels) {
      throw bad(`volume ${s} has ${volume.length} voxels, the grid ${shape.join('x')} has ${voxels}`);
    }
    requireFinite(volume, `volume ${s}`);
  });
  return voxels;
}

/** @throws ProcessingError NON_FINITE naming the first index that is not finite */
export function requireFinite(values: ArrayLike<number>, what: string): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    throw new ProcessingError('NON_FINITE', `${what} holds ${values[i]} at index ${i}`, {
      cure: 'replace values that are not finite before the analysis',
    });
  }
}
