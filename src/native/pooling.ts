import { checkBytes, checkCount, checkEvenGrid, checkFloats, checkOptionalFloats, checkSeparate } from './arguments.js';
import type { Grid } from './arguments.js';
import { nativeBinding } from './loader.js';

export interface MaxPoolForward {
  /** Grid of the input; x, y and z even. */
  readonly grid: Grid;
  readonly c: number;
  /** (n, x, y, z, c) */
  readonly x: Float32Array;
  /** (n, x/2, y/2, z/2, c), written */
  readonly y: Float32Array;
  /** Like y, written: which of the eight voxels won, 4 dx + 2 dy + dz. */
  readonly argmax: Uint8Array;
}

/**
 * Max pooling 2x2x2. Among equal values the first in (x, y, z) order wins, and a NaN wins over numbers, as in torch.
 *
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 */
export function maxPoolForward({ grid, c, x, y, argmax }: MaxPoolForward): void {
  const operation = 'maxPoolForward';
  const fine = checkEvenGrid(operation, grid) * checkCount(operation, 'c', c);
  checkFloats(operation, 'x', x, fine);
  checkFloats(operation, 'y', y, fine / 8);
  checkBytes(operation, 'argmax', argmax, fine / 8);
  checkSeparate(operation, 'y', y, { x, argmax });
  checkSeparate(operation, 'argmax', argmax, { x });
  nativeBinding().maxPoolForward(grid.n, grid.x, grid.y, grid.z, c, x, y, argmax);
}

export interface MaxPoolBackward {
  /** Grid of the input of the forward operation. */
  readonly grid: Grid;
  readonly c: number;
  /** (n, x/2, y/2, z/2, c) */
  readonly dy: Float32Array;
  /** From maxPoolForward. */
  readonly argmax: Uint8Array;
  /** (n, x, y, z, c), overwritten */
  readonly dx: Float32Array;
}

/** Gradient of maxPoolForward to its input. Same errors. */
export function maxPoolBackward({ grid, c, dy, argmax, dx }: MaxPoolBackward): void {
  const operation = 'maxPoolBackward';
  const fine = checkEvenGrid(operation, grid) * checkCount(operation, 'c', c);
  checkFloats(operation, 'dy', dy, fine / 8);
  checkBytes(operation, 'argmax', argmax, fine / 8);
  checkFloats(operation, 'dx', dx, fine);
  checkSeparate(operation, 'dx', dx, { dy, argmax });
  nativeBinding().maxPoolBackward(grid.n, grid.x, grid.y, grid.z, c, dy, argmax, dx);
}

export interface UpConcatForward {
  /** Grid of the result; x, y and z even. */
  readonly grid: Grid;
  readonly cLow: number;
  /** 0 without a skip tensor. */
  readonly cSkip: number;
  /** (n, x/2, y/2, z/2, cLow) */
  readonly low: Float32Array;
  /** (n, x, y, z, cSkip) */
  readonly skip: Float32Array | null;
  /** (n, x, y, z, cLow + cSkip), written */
  readonly y: Float32Array;
}

/**
 * Doubles `low` by nearest neighbour and appends the channels of `skip`.
 *
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 */
export function upConcatForward({ grid, cLow, cSkip, low, skip, y }: UpConcatForward): void {
  const operation = 'upConcatForward';
  const fine = checkEvenGrid(operation, grid);
  checkFloats(operation, 'low', low, (fine / 8) * checkCount(operation, 'cLow', cLow));
  checkFloats(operation, 'skip', skip ?? new Float32Array(0), fine * checkCount(operation, 'cSkip', cSkip, 0));
  checkFloats(operation, 'y', y, fine * (cLow + cSkip));
  checkSeparate(operation, 'y', y, { low, skip });
  nativeBinding().upConcatForward(grid.n, grid.x, grid.y, grid.z, cLow, cSkip, low, skip, y);
}

export interface UpConcatBackward {
  /** Grid of the result of the forward operation. */
  readonly grid: Grid;
  readonly cLow: number;
  readonly cSkip: number;
  /** (n, x, y, z, cLow + cSkip) */
  readonly dy: Float32Array;
  /** (n, x/2, y/2, z/2, cLow), overwritten; null where not wanted */
  readonly dLow: Float32Array | null;
  /** (n, x, y, z, cSkip), overwritten; null where not wanted */
  readonly dSkip: Float32Array | null;
}

/** Gradients of upConcatForward to its inputs. Same errors. */
export function upConcatBackward({ grid, cLow, cSkip, dy, dLow, dSkip }: UpConcatBackward): void {
  const operation = 'upConcatBackward';
  const fine = checkEvenGrid(operation, grid);
  checkCount(operation, 'cLow', cLow);
  checkCount(operation, 'cSkip', cSkip, 0);
  checkFloats(operation, 'dy', dy, fine * (cLow + cSkip));
  checkOptionalFloats(operation, 'dLow', dLow, (fine / 8) * cLow);
  checkOptionalFloats(operation, 'dSkip', dSkip, fine * cSkip);
  checkSeparate(operation, 'dLow', dLow, { dy, dSkip });
  checkSeparate(operation, 'dSkip', dSkip, { dy });
  nativeBinding().upConcatBackward(grid.n, grid.x, grid.y, grid.z, cLow, cSkip, dy, dLow, dSkip);
}
