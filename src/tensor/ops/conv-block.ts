import { ProcessingError } from '../../errors.js';
import { dispatch, requireAffordableGrid } from '../dispatch.js';
import { requireNumber, requireShape, shapeText, volumeShape } from '../shapes.js';
import { tf, type Tensor, type tfjs } from '../tfjs.js';

/**
 * Convolution 3x3x3 with zero padding 1, bias, and leaky ReLU in one op.
 *
 * @param x - (N, X, Y, Z, Cin)
 * @param w - filter [3, 3, 3, Cin, Cout], applied without flipping (cross-correlation, as tfjs and torch do)
 * @param b - bias [Cout]
 * @param slope - factor of negative values, 0 to 1; 1 leaves the result linear. At exactly 0 the derivative is `slope`
 * @returns (N, X, Y, Z, Cout)
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT
 */
export function convBlock(x: Tensor, w: Tensor, b: Tensor, slope: number): Tensor {
  const grid = volumeShape(x, 'convBlock', 'x');
  const outputs = w.shape[4];
  if (outputs === undefined || outputs < 1) {
    throw new ProcessingError('SHAPE_MISMATCH', `convBlock: w has shape ${shapeText(w.shape)}`, {
      where: 'expected [3, 3, 3, channels in, channels out]',
      cure: 'give a filter with outputs',
    });
  }
  requireShape(w, [3, 3, 3, grid.c, outputs], 'convBlock', 'w');
  requireShape(b, [outputs], 'convBlock', 'b');
  requireNumber(slope, 'convBlock', 'slope', { least: 0, greatest: 1 });
  requireAffordableGrid(grid.x * grid.y * grid.z, 'convBlock');
  return dispatch('NeuroloomConvBlock', { x, w, b }, { slope }, () => {
    const linear = tf.add(tf.conv3d(x as tfjs.Tensor5D, w as tfjs.Tensor5D, 1, 'same'), b);
    return slope === 1 ? linear : leakyRelu(linear, slope);
  });
}

/** max(slope x, x) on the flattened tensor: webgpu selects on at most four axes. */
function leakyRelu(x: Tensor, slope: number): Tensor {
  const flat = tf.reshape(x, [x.size]);
  return tf.reshape(tf.maximum(tf.mul(flat, tf.scalar(slope)), flat), x.shape);
}
