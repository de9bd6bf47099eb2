import { ProcessingError } from '../errors.js';
import { checkFloats, checkGrid, checkOptionalFloats, checkSeparate } from './arguments.js';
import type { Grid } from './arguments.js';
import { nativeBinding } from './loader.js';

/** Which gradients will be asked for: decides how many arrays the forward call saves (0, 3 or 5 volumes). */
export type NccGradients = 'none' | 'j' | 'both';

const SAVED_ARRAYS: Readonly<Record<NccGradients, number>> = { none: 0, j: 3, both: 5 };

interface NccInput {
  readonly grid: Grid;
  /** Edge of the cubic window, voxels; odd. */
  readonly window: number;
  /** Lower bound of both variances; > 0. Of the sums over the window in the plain form. */
  readonly eps: number;
  /**
   * true: the loss of the atlas, 1 - mean of cc, clamped to [0, 1], over the voxels in whose window the variance of i
   * is above eps; 0 where there is none. false: the plain form, -mean of cc over all voxels.
   */
  readonly activeOnly: boolean;
  /** (n, x, y, z) */
  readonly i: Float32Array;
  /** (n, x, y, z) */
  readonly j: Float32Array;
}

export interface NccForward extends NccInput {
  /** `both` by default. */
  readonly gradients?: NccGradients;
  /** Memory for what is saved, of nccSavedLength elements; allocated where absent. */
  readonly workspace?: Float32Array;
}

/** What nccBackward needs from the forward call. */
export interface NccSaved {
  readonly gradients: NccGradients;
  readonly values: Float32Array;
  /** Voxels that the mean is taken over, batch included. */
  readonly active: number;
}

/** Elements of the array that nccForward saves. */
export function nccSavedLength(grid: Grid, gradients: NccGradients): number {
  return SAVED_ARRAYS[gradients] * checkGrid('nccSavedLength', grid);
}

function checkInput(operation: string, { grid, window, eps, i, j }: NccInput): number {
  const size = checkGrid(operation, grid);
  if (!Number.isInteger(window) || window < 1 || window > 1023 || window % 2 === 0) {
    throw new ProcessingError('INVALID_ARGUMENT', `window is ${window}`, {
      where: operation,
      cure: 'give an odd number of voxels from 1 to 1023',
    });
  }
  if (!(eps > 0) || !Number.isFinite(eps)) {
    throw new ProcessingError('INVALID_ARGUMENT', `eps is ${eps}`, {
      where: operation,
      cure: 'give a positive number',
    });
  }
  checkFloats(operation, 'i', i, size);
  checkFloats(operation, 'j', j, size);
  return size;
}

/**
 * Local normalised cross correlation. Moments are means over a cubic window with zeros outside the grid and the divisor
 * always window^3; cc = cov^2 / (max(var i, eps) max(var j, eps)). The mean is over the whole batch. Any NaN in i or j
 * within reach of a window makes the loss NaN.
 *
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 */
export function nccForward(options: NccForward): { readonly loss: number; readonly saved: NccSaved } {
  const operation = 'nccForward';
  const { grid, window, eps, activeOnly, i, j, gradients = 'both' } = options;
  checkInput(operation, options);
  const arrays = SAVED_ARRAYS[gradients];
  const length = nccSavedLength(grid, gradients);
  const values = options.workspace ?? new Float32Array(length);
  checkFloats(operation, 'workspace', values, length);
  checkSeparate(operation, 'workspace', values, { i, j });
  const { n, x, y, z } = grid;
  const [sum, active] = nativeBinding().nccForward(
    ...[n, x, y, z, window, eps, activeOnly, i, j, arrays, arrays === 0 ? null : values] as const,
  );
  // sum is 0 without an active voxel, or NaN, which must not be lost.
  const loss = active === 0 ? sum : activeOnly ? 1 - sum / active : -sum / active;
  return { loss, saved: { gradients, values, active } };
}

export interface NccBackward extends NccInput {
  readonly saved: NccSaved;
  /** Gradient to the loss. */
  readonly scale: number;
  /** Like i, overwritten; null where not wanted. Needs a forward call with gradients `both`. */
  readonly di: Float32Array | null;
  /** Like j, overwritten; null where not wanted */
  readonly dj: Float32Array | null;
}

/** Gradients of nccForward to i and j; 0 where cc was clamped or a variance below eps. Same errors. */
export function nccBackward(options: NccBackward): void {
  const operation = 'nccBackward';
  const { grid, window, eps, activeOnly, i, j, saved, scale, di, dj } = options;
  const size = checkInput(operation, options);
  checkOptionalFloats(operation, 'di', di, size);
  checkOptionalFloats(operation, 'dj', dj, size);
  if (di === null && dj === null) return;
  const needed = di === null ? 'j' : 'both';
  if (SAVED_ARRAYS[saved.gradients] < SAVED_ARRAYS[needed]) {
    throw new ProcessingError('INVALID_ARGUMENT', `the forward call saved gradients '${saved.gradients}'`, {
      where: operation,
      cure: `call nccForward with gradients: '${needed}'`,
    });
  }
  checkFloats(operation, 'saved.values', saved.values, nccSavedLength(grid, saved.gradients));
  checkSeparate(operation, 'di', di, { i, j, saved: saved.values, dj });
  checkSeparate(operation, 'dj', dj, { i, j, saved: saved.values });
  const sign = saved.active === 0 ? 0 : -1 / saved.active;
  const { n, x, y, z } = grid;
  const arrays = SAVED_ARRAYS[saved.gradients];
  nativeBinding().nccBackward(
    ...[n, x, y, z, window, eps, activeOnly, i, j, arrays, saved.values, scale * sign, di, dj] as const,
  );
}
