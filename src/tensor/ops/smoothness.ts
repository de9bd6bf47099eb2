import { ProcessingError } from '../../errors.js';
import { dispatch } from '../dispatch.js';
import { shapeText, volumeShape } from '../shapes.js';
import { tf, type Tensor } from '../tfjs.js';
import { forwardDifference } from './forward-difference.js';

/**
 * Gradient smoothness of a velocity: mean over the three axes of the mean squared forward difference along it
 * (means over batch, components and positions).
 *
 * @param v - (N, X, Y, Z, 3), voxels of its own grid, at least 2 voxels along each axis
 * @returns 0-d tensor, squared voxels
 */
export function smoothnessLoss(v: Tensor): Tensor {
  const { x, y, z } = volumeShape(v, 'smoothnessLoss', 'v');
  if (Math.min(x, y, z) < 2) {
    throw new ProcessingError('SHAPE_MISMATCH', 'smoothnessLoss: v needs at least 2 voxels along each axis', {
      where: `shape ${shapeText(v.shape)}`,
      cure: 'use a larger grid',
    });
  }
  return dispatch('NeuroloomSmoothness', { v }, {}, () => {
    const terms = [1, 2, 3].map((axis) => {
      const difference = forwardDifference(v, axis, false);
      return tf.mul(tf.sum(tf.square(difference)), tf.scalar(1 / (3 * difference.size)));
    });
    return terms.reduce((total, term) => tf.add(total, term));
  });
}
