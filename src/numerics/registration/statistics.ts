import { ProcessingError } from '../../errors.js';

/** The five maps of an atlas, in the order in which they are listed and returned. */
export const ATLAS_STATISTIC_NAMES = ['mean', 'std', 'std_error', 'cov', 'prob_threshold'] as const;

/** One of the five maps of an atlas. */
export type AtlasStatisticName = (typeof ATLAS_STATISTIC_NAMES)[number];

/** The five maps of an atlas, each of shape (X, Y, Z), C order. */
export type AtlasStatistics = Readonly<Record<AtlasStatisticName, Float32Array>>;

/** Options of the five maps: divisor of the variance, thresholds. */
export interface AtlasStatisticsOptions {
  /** Subtracted from n in the divisor of the variance: 0 (population, default) or 1 (sample). */
  readonly ddof?: number;
  /** A subject is present in a voxel where its value is above this; same units as the volumes. Default 0. */
  readonly presenceValue?: number;
  /** Fraction of the largest mean at or below which the coefficient of variation is 0; [0, 1). Default 0.05. */
  readonly covMeanThresholdPct?: number;
}

/**
 * Voxel-wise statistics over the subjects of a cohort.
 *
 * @param volumes - one array per subject, equal lengths, any voxel order
 * @returns see {@link AtlasAccumulator.finish}
 * @throws ProcessingError SHAPE_MISMATCH for no volume or unequal lengths, INVALID_ARGUMENT for an option out of range
 * @see spec/learned_atlas.md 2
 */
export function computeAtlasStatistics(
  volumes: readonly ArrayLike<number>[],
  options: AtlasStatisticsOptions = {},
): AtlasStatistics {
  const accumulator = new AtlasAccumulator(volumes[0]?.length ?? 0, options);
  for (const volume of volumes) accumulator.add(volume);
  return accumulator.finish();
}

/**
 * Statistics of a cohort of which one subject is in memory at a time: sums and Welford's squared deviations, float64.
 */
export class AtlasAccumulator {
  readonly #options: Required<AtlasStatisticsOptions>;
  readonly #sum: Float64Array;
  readonly #runningMean: Float64Array;
  readonly #squares: Float64Array;
  readonly #present: Uint32Array;
  #n = 0;

  /** @throws ProcessingError INVALID_ARGUMENT for an option out of range */
  constructor(voxels: number, options: AtlasStatisticsOptions = {}) {
    const { ddof = 0, presenceValue = 0, covMeanThresholdPct = 0.05 } = options;
    const isFraction = covMeanThresholdPct >= 0 && covMeanThresholdPct < 1;
    if (!(ddof >= 0) || !Number.isFinite(presenceValue) || !isFraction) {
      throw new ProcessingError('INVALID_ARGUMENT', 'atlas statistics: an option is out of range', {
        where: `ddof ${ddof}, presenceValue ${presenceValue}, covMeanThresholdPct ${covMeanThresholdPct}`,
        cure: 'use ddof >= 0, a finite presence value and a threshold from 0 up to, not including, 1',
      });
    }
    this.#options = { ddof, presenceValue, covMeanThresholdPct };
    this.#sum = new Float64Array(voxels);
    this.#runningMean = new Float64Array(voxels);
    this.#squares = new Float64Array(voxels);
    this.#present = new Uint32Array(voxels);
  }

  /** @throws ProcessingError SHAPE_MISMATCH when the number of voxels differs */
  add(volume: ArrayLike<number>): void {
    const voxels = this.#sum.length;
    if (volume.length !== voxels) {
      throw new ProcessingError(
        'SHAPE_MISMATCH',
        `atlas statistics: volume ${this.#n} has ${volume.length} voxels, volume 0 has ${voxels}`,
        { cure: 'give volumes on one grid' },
      );
    }
    this.#n++;
    for (let v = 0; v < voxels; v++) {
      const x = volume[v]!;
      const before = x - this.#runningMean[v]!;
      const mean = this.#runningMean[v]! + before / this.#n;
      this.#runningMean[v] = mean;
      this.#squares[v] = this.#squares[v]! + before * (x - mean);
      this.#sum[v] = this.#sum[v]! + x;
      if (x > this.#options.presenceValue) this.#present[v] = this.#present[v]! + 1;
    }
  }

  /**
   * Per map one float32 value per voxel: mean m; std (0 where n <= ddof); std_error = std / sqrt(n); cov = std / m
   * where m > covMeanThresholdPct * max(m) and m > 0, else 0; prob_threshold = share of subjects above presenceValue.
   *
   * @throws ProcessingError SHAPE_MISMATCH when no volume was added
   */
  finish(): AtlasStatistics {
    const n = this.#n;
    if (n === 0) {
      throw new ProcessingError('SHAPE_MISMATCH', 'atlas statistics need at least one volume', {
        cure: 'give one array per subject',
      });
    }
    const { ddof, covMeanThresholdPct } = this.#options;
    const floor = covMeanThresholdPct * (this.#sum.reduce((most, sum) => Math.max(most, sum), -Infinity) / n);
    const empty = (): Float32Array => new Float32Array(this.#sum.length);
    const out = { mean: empty(), std: empty(), std_error: empty(), cov: empty(), prob_threshold: empty() };
    this.#sum.forEach((sum, v) => {
      const mean = sum / n;
      const std = n > ddof ? Math.sqrt(this.#squares[v]! / (n - ddof)) : 0;
      out.mean[v] = mean;
      out.std[v] = std;
      out.std_error[v] = std / Math.sqrt(n);
      out.cov[v] = mean > floor && mean > 0 ? std / mean : 0;
      out.prob_threshold[v] = this.#present[v]! / n;
    });
    return out;
  }
}
