/** Terms that compare a warped template with a subject voxel by voxel: soft Dice and density L1. */
import { checkCount, checkFinite, checkFloats, checkSeparate } from './arguments.js';
import { nativeBinding } from './loader.js';

export interface SoftDiceForward {
  /** Batch. */
  readonly n: number;
  /** Voxels of one item. */
  readonly size: number;
  /** (n, size): log density of the warped template */
  readonly a: Float32Array;
  /** (n, size): log density of the subject */
  readonly b: Float32Array;
  /** (n, size): density of the subject, for its support */
  readonly s: Float32Array;
  /** s above this is support. */
  readonly threshold: number;
  /** Weight of voxels off the support; those on it have 1. */
  readonly offWeight: number;
  readonly eps: number;
}

function checkDice(operation: string, options: SoftDiceForward): number {
  const { n, size, a, b, s, threshold, offWeight, eps } = options;
  const length = checkCount(operation, 'n', n) * checkCount(operation, 'size', size);
  checkFloats(operation, 'a', a, length);
  checkFloats(operation, 'b', b, length);
  checkFloats(operation, 's', s, length);
  checkFinite(operation, 'threshold', threshold);
  checkFinite(operation, 'offWeight', offWeight);
  checkFinite(operation, 'eps', eps);
  return length;
}

/**
 * Mean over the batch of 1 - (2 sum h a b + eps) / (sum h a^2 + sum h b^2 + eps), h the weight of a voxel.
 *
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 */
export function softDiceForward(options: SoftDiceForward): number {
  checkDice('softDiceForward', options);
  const { n, size, a, b, s, threshold, offWeight, eps } = options;
  return nativeBinding().softDiceForward(n, size, a, b, s, threshold, offWeight, eps);
}

export interface SoftDiceBackward extends SoftDiceForward {
  /** Gradient to the result. */
  readonly scale: number;
  /** Like a, overwritten */
  readonly da: Float32Array;
}

/** Gradient of softDiceForward to a. Same errors. */
export function softDiceBackward(options: SoftDiceBackward): void {
  const operation = 'softDiceBackward';
  const { n, size, a, b, s, threshold, offWeight, eps, scale, da } = options;
  checkFloats(operation, 'da', da, checkDice(operation, options));
  checkSeparate(operation, 'da', da, { a, b, s });
  nativeBinding().softDiceBackward(n, size, a, b, s, threshold, offWeight, eps, scale, da);
}

export interface DensityL1Forward {
  /** Batch. */
  readonly n: number;
  /** Voxels of one item. */
  readonly size: number;
  /** (n, size): density of the warped template */
  readonly w: Float32Array;
  /** (n, size): density of the subject */
  readonly s: Float32Array;
  readonly eps: number;
}

function checkDensity(operation: string, { n, size, w, s, eps }: DensityL1Forward): number {
  const length = checkCount(operation, 'n', n) * checkCount(operation, 'size', size);
  checkFloats(operation, 'w', w, length);
  checkFloats(operation, 's', s, length);
  checkFinite(operation, 'eps', eps);
  return length;
}

/**
 * Mean over the batch of sum |w - s| / (sum s + eps).
 *
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 */
export function densityL1Forward(options: DensityL1Forward): number {
  checkDensity('densityL1Forward', options);
  const { n, size, w, s, eps } = options;
  return nativeBinding().densityL1Forward(n, size, w, s, eps);
}

export interface DensityL1Backward extends DensityL1Forward {
  /** Gradient to the result. */
  readonly scale: number;
  /** Like w, overwritten */
  readonly dw: Float32Array;
}

/** Gradient of densityL1Forward to w; 0 where w equals s. Same errors. */
export function densityL1Backward(options: DensityL1Backward): void {
  const operation = 'densityL1Backward';
  const { n, size, w, s, eps, scale, dw } = options;
  checkFloats(operation, 'dw', dw, checkDensity(operation, options));
  checkSeparate(operation, 'dw', dw, { w, s });
  nativeBinding().densityL1Backward(n, size, w, s, eps, scale, dw);
}
