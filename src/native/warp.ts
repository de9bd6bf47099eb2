import { checkCount, checkFloats, checkGrid, checkOptionalFloats, checkSeparate } from './arguments.js';
import type { Grid } from './arguments.js';
import { nativeBinding } from './loader.js';

/**
 * What a sample outside the grid reads. `zeros` (images): each of the eight voxels outside counts as 0, so a point
 * within one voxel outside fades. `border` (fields): the coordinate is clamped to the grid, and its gradient is 0
 * where it is at or beyond the first or last voxel, as in torch.
 */
export type WarpMode = 'zeros' | 'border';

export interface WarpForward {
  readonly grid: Grid;
  readonly c: number;
  /** (n, x, y, z, c) */
  readonly volume: Float32Array;
  /** (n, x, y, z, 3), voxels */
  readonly displacement: Float32Array;
  readonly mode: WarpMode;
  /** (n, x, y, z, c), written */
  readonly out: Float32Array;
}

/**
 * Trilinear pull: out(p) = volume(p + displacement(p)). A displacement that is not finite gives NaN.
 *
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 */
export function warpForward({ grid, c, volume, displacement, mode, out }: WarpForward): void {
  const operation = 'warpForward';
  const voxels = checkGrid(operation, grid);
  const size = voxels * checkCount(operation, 'c', c);
  checkFloats(operation, 'volume', volume, size);
  checkFloats(operation, 'displacement', displacement, voxels * 3);
  checkFloats(operation, 'out', out, size);
  checkSeparate(operation, 'out', out, { volume, displacement });
  const { n, x, y, z } = grid;
  nativeBinding().warpForward(n, x, y, z, c, mode === 'border', volume, displacement, out);
}

export interface WarpBackward extends Omit<WarpForward, 'out'> {
  /** (n, x, y, z, c): gradient to the result */
  readonly dout: Float32Array;
  /** Like volume, overwritten; null where not wanted */
  readonly dVolume: Float32Array | null;
  /** Like displacement, overwritten; null where not wanted */
  readonly dDisplacement: Float32Array | null;
}

/** Gradients of warpForward to the volume and to the displacement. Same errors. */
export function warpBackward(options: WarpBackward): void {
  const operation = 'warpBackward';
  const { grid, c, volume, displacement, mode, dout, dVolume, dDisplacement } = options;
  const voxels = checkGrid(operation, grid);
  const size = voxels * checkCount(operation, 'c', c);
  checkFloats(operation, 'volume', volume, size);
  checkFloats(operation, 'displacement', displacement, voxels * 3);
  checkFloats(operation, 'dout', dout, size);
  checkOptionalFloats(operation, 'dVolume', dVolume, size);
  checkOptionalFloats(operation, 'dDisplacement', dDisplacement, voxels * 3);
  checkSeparate(operation, 'dVolume', dVolume, { volume, displacement, dout, dDisplacement });
  checkSeparate(operation, 'dDisplacement', dDisplacement, { volume, displacement, dout });
  const { n, x, y, z } = grid;
  const border = mode === 'border';
  nativeBinding().warpBackward(n, x, y, z, c, border, volume, displacement, dout, dVolume, dDisplacement);
}
