/** Terms that regularise velocities and displacements: smoothness and the Jacobian hinge. */
import { checkCount, checkFinite, checkFloats, checkGrid, checkSeparate } from './arguments.js';
import type { Grid } from './arguments.js';
import { nativeBinding } from './loader.js';

export interface SmoothnessForward {
  readonly grid: Grid;
  /** Components per voxel; 3 by default. */
  readonly c?: number;
  /** (n, x, y, z, c) */
  readonly v: Float32Array;
}

/**
 * Mean over the three axes of the mean squared forward difference along that axis, over batch, components and
 * positions. An axis of one voxel has no differences and counts as 0.
 *
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 */
export function smoothnessForward({ grid, c = 3, v }: SmoothnessForward): number {
  const operation = 'smoothnessForward';
  checkFloats(operation, 'v', v, checkGrid(operation, grid) * checkCount(operation, 'c', c));
  return nativeBinding().smoothnessForward(grid.n, grid.x, grid.y, grid.z, c, v);
}

export interface SmoothnessBackward extends SmoothnessForward {
  /** Gradient to the result. */
  readonly scale: number;
  /** Like v, overwritten */
  readonly dv: Float32Array;
}

/** Gradient of smoothnessForward. Same errors. */
export function smoothnessBackward({ grid, c = 3, v, scale, dv }: SmoothnessBackward): void {
  const operation = 'smoothnessBackward';
  const size = checkGrid(operation, grid) * checkCount(operation, 'c', c);
  checkFloats(operation, 'v', v, size);
  checkFloats(operation, 'dv', dv, size);
  checkSeparate(operation, 'dv', dv, { v });
  nativeBinding().smoothnessBackward(grid.n, grid.x, grid.y, grid.z, c, v, scale, dv);
}

export interface JacobianHingeForward {
  readonly grid: Grid;
  /** (n, x, y, z, 3), voxels */
  readonly u: Float32Array;
  /** Determinant below which a cell counts. */
  readonly margin: number;
}

/**
 * Sum over voxels, mean over the batch, of max(0, margin - det J)^2 with J = I + forward differences of u. NaN where a
 * determinant is NaN.
 *
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 */
export function jacobianHingeForward({ grid, u, margin }: JacobianHingeForward): number {
  const operation = 'jacobianHingeForward';
  checkFloats(operation, 'u', u, checkGrid(operation, grid) * 3);
  checkFinite(operation, 'margin', margin);
  return nativeBinding().jacobianHingeForward(grid.n, grid.x, grid.y, grid.z, u, margin);
}

export interface JacobianHingeBackward extends JacobianHingeForward {
  /** Gradient to the result. */
  readonly scale: number;
  /** Like u, overwritten */
  readonly du: Float32Array;
}

/** Gradient of jacobianHingeForward. Same errors. */
export function jacobianHingeBackward({ grid, u, margin, scale, du }: JacobianHingeBackward): void {
  const operation = 'jacobianHingeBackward';
  const size = checkGrid(operation, grid) * 3;
  checkFloats(operation, 'u', u, size);
  checkFinite(operation, 'margin', margin);
  checkFloats(operation, 'du', du, size);
  checkSeparate(operation, 'du', du, { u });
  nativeBinding().jacobianHingeBackward(grid.n, grid.x, grid.y, grid.z, u, margin, scale, du);
}
