import { checkFloats, checkGrid, checkSeparate } from './arguments.js';
import type { Grid } from './arguments.js';
import { nativeBinding } from './loader.js';

export interface UpsampleFieldForward {
  /** The half grid; the result has twice each size. */
  readonly grid: Grid;
  /** (n, x, y, z, 3), voxels of the half grid */
  readonly u: Float32Array;
  /** (n, 2x, 2y, 2z, 3), voxels of the full grid, written */
  readonly out: Float32Array;
}

/**
 * A displacement of the half grid on the full grid: trilinear, cell-centred (full voxel p lies at (p - 0.5) / 2 of the
 * half grid), clamped at the border, times 2 for the smaller voxel.
 *
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 */
export function upsampleFieldForward({ grid, u, out }: UpsampleFieldForward): void {
  const operation = 'upsampleFieldForward';
  const size = checkGrid(operation, grid) * 3;
  checkFloats(operation, 'u', u, size);
  checkFloats(operation, 'out', out, 8 * size);
  checkSeparate(operation, 'out', out, { u });
  nativeBinding().upsampleFieldForward(grid.n, grid.x, grid.y, grid.z, u, out);
}

export interface UpsampleFieldBackward {
  /** The half grid. */
  readonly grid: Grid;
  /** (n, 2x, 2y, 2z, 3): gradient to the result */
  readonly dout: Float32Array;
  /** (n, x, y, z, 3), overwritten */
  readonly du: Float32Array;
}

/** Gradient of upsampleFieldForward. Same errors. */
export function upsampleFieldBackward({ grid, dout, du }: UpsampleFieldBackward): void {
  const operation = 'upsampleFieldBackward';
  const size = checkGrid(operation, grid) * 3;
  checkFloats(operation, 'dout', dout, 8 * size);
  checkFloats(operation, 'du', du, size);
  checkSeparate(operation, 'du', du, { dout });
  nativeBinding().upsampleFieldBackward(grid.n, grid.x, grid.y, grid.z, dout, du);
}
