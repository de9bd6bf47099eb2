import { ProcessingError } from '../../errors.js';
import { dispatch, requireAffordableGrid } from '../dispatch.js';
import { requireNumber, requireShape, volumeShape } from '../shapes.js';
import { tf, type Tensor } from '../tfjs.js';
import { constant, constantOf } from './elementwise.js';

export interface LocalNccSettings {
  /** Edge of the cubic window, voxels: odd, 3 or more. */
  readonly window: number;
  /**
   * Least variance that counts as contrast, in squared units of the images; with `activeOnly` false the least
   * variance times the number of voxels of a window.
   */
  readonly eps: number;
  /**
   * true (default): 1 - mean over the voxels in whose window `i` varies, 0 where there is none.
   * false: minus the mean over all voxels, without the clamp at 1.
   */
  readonly activeOnly?: boolean;
}

/**
 * Local normalised cross-correlation of two images as a loss.
 *
 * With box means over window^3 (zeros outside, divisor always window^3):
 * cc = clamp(cov^2 / (max(var i, eps) max(var j, eps)), 0, 1). Active voxels have var i > eps; which ones are active
 * is not differentiated.
 *
 * @param i - reference, (N, X, Y, Z, 1); carries no gradient
 * @param j - image that is fitted to it, same shape
 * @returns 0-d tensor, over all voxels of the batch together
 */
export function localNccLoss(i: Tensor, j: Tensor, settings: LocalNccSettings): Tensor {
  const { window, eps, activeOnly = true } = settings;
  const { n, x, y, z } = volumeShape(i, 'localNccLoss', 'i');
  requireShape(i, [n, x, y, z, 1], 'localNccLoss', 'i');
  requireShape(j, i.shape, 'localNccLoss', 'j');
  requireNumber(eps, 'localNccLoss', 'eps', { above: 0 });
  if (!Number.isInteger(window) || window < 3 || window % 2 === 0) {
    throw new ProcessingError('INVALID_ARGUMENT', `localNccLoss: window is ${window}`, {
      cure: 'give an odd whole number of voxels, 3 or more',
    });
  }
  requireAffordableGrid(x * y * z, 'localNccLoss');
  return dispatch('NeuroloomLocalNcc', { j, i }, { window, eps, activeOnly }, () =>
    portableLocalNcc(constant(i), j, window, eps, activeOnly),
  );
}

function portableLocalNcc(i: Tensor, j: Tensor, window: number, eps: number, activeOnly: boolean): Tensor {
  const means = (source: Tensor) => tf.reshape(boxMean(source, window), [i.size]);
  const meanI = means(i);
  const meanJ = means(j);
  const varianceI = tf.sub(means(tf.square(i)), tf.square(meanI));
  const varianceJ = tf.sub(means(tf.square(j)), tf.square(meanJ));
  const covariance = tf.sub(means(tf.mul(i, j)), tf.mul(meanI, meanJ));
  const least = tf.scalar(activeOnly ? eps : eps / window ** 3);
  const contrast = tf.mul(tf.maximum(varianceI, least), tf.maximum(varianceJ, least));
  const ratio = tf.div(tf.square(covariance), contrast);
  if (!activeOnly) return tf.mul(tf.sum(ratio), tf.scalar(-1 / i.size));
  const correlation = tf.minimum(ratio, tf.scalar(1));
  const active = constantOf(varianceI, (variance) => tf.cast(tf.greater(variance, least), 'float32'));
  const count = tf.sum(active);
  const missing = tf.sub(count, tf.sum(tf.mul(correlation, active)));
  return tf.div(missing, tf.maximum(count, tf.scalar(1)));
}

/** Mean over a cubic window with zeros outside and a constant divisor: a symmetric map, so it is its own gradient. */
function boxMean(source: Tensor, window: number): Tensor {
  const op = tf.customGrad((given) => ({
    value: boxSums(given as Tensor, window),
    gradFunc: (dy: Tensor) => tf.tidy(() => boxSums(dy, window)),
  }));
  return op(source);
}

/** Window sums along the three axes in turn, divided by window^3; each axis is brought to the front, where slices are quick. */
function boxSums(source: Tensor, window: number): Tensor {
  const half = (window - 1) / 2;
  const [n = 1, x = 1, y = 1, z = 1] = source.shape;
  let rows = tf.transpose(tf.reshape(source, [n, x * y * z]));
  for (const length of [x, y, z]) {
    const rest = source.size / length;
    const padded = tf.pad(tf.reshape(rows, [length, rest]), [
      [half, half],
      [0, 0],
    ]);
    const shifted = Array.from({ length: window }, (_, shift) =>
      tf.slice(padded, [shift, 0], [length, rest]),
    );
    rows = tf.transpose(shifted.reduce((sum, next) => tf.add(sum, next)));
  }
  return tf.reshape(tf.mul(rows, tf.scalar(window ** -3)), source.shape);
}
