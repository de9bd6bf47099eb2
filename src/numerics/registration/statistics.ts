import { ProcessingError } from '../../errors.js';

/** The five maps of an atlas, in the order in which they are listed and returned. */
export const ATLAS_STATISTIC_NAMES = ['mean', 'std', 'std_error', 'cov', 'prob_threshold'] as const;

export type AtlasStatisticName = (typeof ATLAS_STATISTIC_NAMES)[number];

export type AtlasStatistics = Readonly<Record<AtlasStatisticName, Float32Array>>;

export interface AtlasStatisticsOptions {
  /** Subtracted from n in the divisor of the variance: 0 (population, default) or 1 (sample). */
  readonly ddof?: number;
  /** A subject is present in a voxel where its value is above this; same units as the volumes. Default 0. */
  readonly presenceValue?: number;
  /** Fraction of the largest mean at or below which the coefficient of variation is 0; [0, 1). Default 0.05. */
  readonly covMeanThresholdPct?: number;
}

type Volumes = readonly ArrayLike<number>[];

/**
 * Voxel-wise statistics over the subjects of a cohort, accumulated in float64 in two passes, stored as float32.
 *
 * @param volumes - one array per subject, equal lengths, any voxel order
 * @returns per map one value per voxel: mean m; std (0 where n <= ddof); std_error = std / sqrt(n);
 *   cov = std / m where m > covMeanThresholdPct * max(m) and m > 0, else 0; prob_threshold = share of subjects
 *   above presenceValue
 * @throws ProcessingError SHAPE_MISMATCH for no volume or unequal lengths, INVALID_ARGUMENT for an option out of range
 * @see spec/learned_atlas.md 2
 */
export function computeAtlasStatistics(
  volumes: Volumes,
  options: AtlasStatisticsOptions = {},
): AtlasStatistics {
  const { ddof = 0, presenceValue = 0, covMeanThresholdPct = 0.05 } = options;
  if (
    !(ddof >= 0) ||
    !Number.isFinite(presenceValue) ||
    !(covMeanThresholdPct >= 0 && covMeanThresholdPct < 1)
  ) {
    throw new ProcessingError('INVALID_ARGUMENT', 'atlas statistics: an option is out of range', {
      where: `ddof ${ddof}, presenceValue ${presenceValue}, covMeanThresholdPct ${covMeanThresholdPct}`,
      cure: 'use ddof >= 0, a finite presence value and a threshold from 0 up to, not including, 1',
    });
  }
  const voxels = commonLength(volumes);
  const n = volumes.length;
  const mean = meanOf(volumes, voxels);
  const floor = covMeanThresholdPct * mean.reduce((largest, m) => Math.max(largest, m), -Infinity);
  const empty = (): Float32Array => new Float32Array(voxels);
  const out = { mean: empty(), std: empty(), std_error: empty(), cov: empty(), prob_threshold: empty() };
  for (let v = 0; v < voxels; v++) {
    const m = mean[v] ?? 0;
    let squares = 0;
    let present = 0;
    for (const volume of volumes) {
      const x = volume[v] ?? 0;
      squares += (x - m) * (x - m);
      if (x > presenceValue) present++;
    }
    const std = n > ddof ? Math.sqrt(squares / (n - ddof)) : 0;
    out.mean[v] = m;
    out.std[v] = std;
    out.std_error[v] = std / Math.sqrt(n);
    out.cov[v] = m > floor && m > 0 ? std / m : 0;
    out.prob_threshold[v] = present / n;
  }
  return out;
}

/** Mean over subjects, float64. */
function meanOf(volumes: Volumes, voxels: number): Float64Array {
  const sum = new Float64Array(voxels);
  for (const volume of volumes) {
    for (let v = 0; v < voxels; v++) sum[v] = (sum[v] ?? 0) + (volume[v] ?? 0);
  }
  return sum.map((value) => value / volumes.length);
}

function commonLength(volumes: Volumes): number {
  const first = volumes[0]?.length;
  if (first === undefined) {
    throw new ProcessingError('SHAPE_MISMATCH', 'atlas statistics need at least one volume', {
      cure: 'give one array per subject',
    });
  }
  const other = volumes.findIndex((volume) => volume.length !== first);
  if (other >= 0) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `atlas statistics: volume ${other} has ${volumes[other]?.length} voxels, volume 0 has ${first}`,
      { cure: 'give volumes on one grid' },
    );
  }
  return first;
}
