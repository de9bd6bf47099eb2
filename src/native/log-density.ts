/** Normalised log density l(x) = log1p(x / offset) / log1p(1 / offset): 0 at 0, 1 at 1. And its inverse. */
import { ProcessingError } from '../errors.js';
import { checkFloats, checkSeparate } from './arguments.js';
import { nativeBinding } from './loader.js';

function check(
  operation: string,
  offset: number,
  out: Float32Array,
  inputs: Readonly<Record<string, Float32Array>>,
): void {
  if (!(offset > 0) || !Number.isFinite(offset)) {
    throw new ProcessingError('INVALID_ARGUMENT', `offset is ${offset}`, {
      where: operation,
      cure: 'give a positive number',
    });
  }
  for (const [name, input] of Object.entries(inputs)) checkFloats(operation, name, input, out.length);
  checkSeparate(operation, 'out', out, inputs);
}

/**
 * out = l(x). NaN for x < -offset.
 *
 * @param x - density in train units
 * @param offset - density where the scale turns from linear to logarithmic; > 0
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 */
export function logDensity(x: Float32Array, offset: number, out: Float32Array): void {
  check('logDensity', offset, out, { x });
  nativeBinding().logDensity(out.length, x, offset, out);
}

/** dx = dy * l'(x). Same errors. */
export function logDensityBackward(
  x: Float32Array,
  offset: number,
  dy: Float32Array,
  dx: Float32Array,
): void {
  check('logDensityBackward', offset, dx, { x, dy });
  nativeBinding().logDensityBackward(dx.length, x, offset, dy, dx);
}

/** out = the density whose l is t. Same errors. */
export function inverseLogDensity(t: Float32Array, offset: number, out: Float32Array): void {
  check('inverseLogDensity', offset, out, { t });
  nativeBinding().inverseLogDensity(out.length, t, offset, out);
}

/** dt = dy times the derivative of inverseLogDensity at t. Same errors. */
export function inverseLogDensityBackward(
  t: Float32Array,
  offset: number,
  dy: Float32Array,
  dt: Float32Array,
): void {
  check('inverseLogDensityBackward', offset, dt, { t, dy });
  nativeBinding().inverseLogDensityBackward(dt.length, t, offset, dy, dt);
}
