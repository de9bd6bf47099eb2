import { dispatch } from '../dispatch.js';
import { requireNumber, requireShape, volumeShape } from '../shapes.js';
import { tf, type Tensor } from '../tfjs.js';
import { constant } from './elementwise.js';

/**
 * Relative density error, sum |w - s| / (sum s + eps), mean over the batch. Where w = s its derivative is 0.
 *
 * @param w - warped template, (N, X, Y, Z, 1), train units
 * @param s - subject, same shape; carries no gradient
 * @param eps - positive, so that an empty subject is no division by zero
 * @returns 0-d tensor
 */
export function densityL1Loss(w: Tensor, s: Tensor, eps: number): Tensor {
  const { n } = volumeShape(w, 'densityL1Loss', 'w');
  requireShape(s, w.shape, 'densityL1Loss', 's');
  requireNumber(eps, 'densityL1Loss', 'eps', { above: 0 });
  return dispatch('NeuroloomDensityL1', { w, s }, { eps }, () => {
    const subject = constant(s);
    const rowSums = (x: Tensor) => tf.sum(tf.reshape(x, [n, w.size / n]), 1);
    const error = tf.div(rowSums(tf.abs(tf.sub(w, subject))), tf.add(rowSums(subject), tf.scalar(eps)));
    return tf.mul(tf.sum(error), tf.scalar(1 / n));
  });
}
