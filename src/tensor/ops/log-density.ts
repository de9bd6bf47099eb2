import { dispatch } from '../dispatch.js';
import { requireFloat32, requireNumber } from '../shapes.js';
import { tf, type Tensor } from '../tfjs.js';

/**
 * Log density l(x) = log(1 + x / offset) / log(1 + 1 / offset): 0 at 0 and 1 at 1.
 *
 * @param x - density in train units, any shape, not below -offset
 * @param offset - positive, in train units
 */
export function logDensity(x: Tensor, offset: number): Tensor {
  requireFloat32(x, 'logDensity', 'x');
  requireNumber(offset, 'logDensity', 'offset', { above: 0 });
  return dispatch('NeuroloomLogDensity', { x }, { offset }, () =>
    tf.mul(tf.log1p(tf.mul(x, tf.scalar(1 / offset))), tf.scalar(1 / Math.log1p(1 / offset))),
  );
}

/** The inverse of `logDensity`: offset (exp(t log(1 + 1 / offset)) - 1). */
export function inverseLogDensity(t: Tensor, offset: number): Tensor {
  requireFloat32(t, 'inverseLogDensity', 't');
  requireNumber(offset, 'inverseLogDensity', 'offset', { above: 0 });
  return dispatch('NeuroloomInverseLogDensity', { t }, { offset }, () =>
    tf.mul(tf.expm1(tf.mul(t, tf.scalar(Math.log1p(1 / offset)))), tf.scalar(offset)),
  );
}
