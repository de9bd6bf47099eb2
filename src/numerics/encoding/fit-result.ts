import type { ParameterTable } from './tables.js';

/** How the fit of a voxel ended. */
export type FitStatus = 'converged' | 'at_bound' | 'constant' | 'not_finite' | 'max_iterations';

/** One row or entry per voxel. */
export interface FitResult {
  readonly parameters: ParameterTable;
  /** 1 - ssq / sum of squares about the mean; NaN for a voxel that does not vary. */
  readonly r2: Float64Array;
  readonly ssq: Float64Array;
  /** ssq / T. */
  readonly sigma2: Float64Array;
  readonly iterations: Int32Array;
  readonly status: readonly FitStatus[];
  /** Different local optima that the starts ended in; 0 where nothing was fitted. Adam knows one. */
  readonly optima: Int32Array;
}

export const CONSTANT_SHARE = 1e-20;

/** Why a voxel cannot be fitted, or null. */
export function voxelDefect(series: Float64Array): 'constant' | 'not_finite' | null {
  let mean = 0;
  for (const value of series) mean += value;
  mean /= series.length;
  if (!Number.isFinite(mean)) return 'not_finite';
  let spread = 0;
  let size = 0;
  for (const value of series) {
    spread += (value - mean) ** 2;
    size += value * value;
  }
  return spread <= CONSTANT_SHARE * size || spread === 0 ? 'constant' : null;
}
