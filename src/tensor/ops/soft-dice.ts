import { dispatch } from '../dispatch.js';
import { requireNumber, requireShape, volumeShape } from '../shapes.js';
import { tf, type Tensor } from '../tfjs.js';
import { constant, constantOf } from './elementwise.js';

export interface SoftDiceSettings {
  /** Support of the subject: voxels with density above it. */
  readonly threshold: number;
  /** Weight of voxels off the support, 0 or more; on it the weight is 1. */
  readonly offWeight: number;
  /** Added to numerator and denominator, so that two empty images agree. */
  readonly eps: number;
}

/**
 * Presence-weighted soft Dice loss, 1 - (2 sum h a b + eps) / (sum h a^2 + sum h b^2 + eps), mean over the batch;
 * h = 1 where s > threshold, offWeight elsewhere.
 *
 * @param a - fitted image, (N, X, Y, Z, 1)
 * @param b - reference image, same shape; carries no gradient
 * @param s - density that decides the support, same shape; carries no gradient
 * @returns 0-d tensor
 */
export function softDiceLoss(a: Tensor, b: Tensor, s: Tensor, settings: SoftDiceSettings): Tensor {
  const { threshold, offWeight, eps } = settings;
  const { n } = volumeShape(a, 'softDiceLoss', 'a');
  requireShape(b, a.shape, 'softDiceLoss', 'b');
  requireShape(s, a.shape, 'softDiceLoss', 's');
  requireNumber(threshold, 'softDiceLoss', 'threshold');
  requireNumber(offWeight, 'softDiceLoss', 'offWeight', { least: 0 });
  requireNumber(eps, 'softDiceLoss', 'eps', { above: 0 });
  return dispatch('NeuroloomSoftDice', { a, b, s }, { threshold, offWeight, eps }, () => {
    const reference = constant(b);
    const rows = (x: Tensor) => tf.reshape(x, [n, x.size / n]);
    const weight = constantOf(rows(s), (density) => {
      const onSupport = tf.cast(tf.greater(density, tf.scalar(threshold)), 'float32');
      return tf.add(tf.mul(onSupport, tf.scalar(1 - offWeight)), tf.scalar(offWeight));
    });
    const weighted = (p: Tensor, q: Tensor) => tf.sum(tf.mul(weight, tf.mul(rows(p), rows(q))), 1);
    const common = tf.add(tf.mul(weighted(a, reference), tf.scalar(2)), tf.scalar(eps));
    const both = tf.add(tf.add(weighted(a, a), weighted(reference, reference)), tf.scalar(eps));
    return tf.sub(tf.scalar(1), tf.mul(tf.sum(tf.div(common, both)), tf.scalar(1 / n)));
  });
}
