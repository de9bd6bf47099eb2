import { dispatch, requireAffordableGrid } from '../dispatch.js';
import { ProcessingError } from '../../errors.js';
import { requireShape, volumeShape } from '../shapes.js';
import { tf, type Tensor } from '../tfjs.js';
import { warp } from './warp.js';

/** More squarings than this only add rounding: 2^-24 is the spacing of float32 next to 1. */
const MAX_STEPS = 24;

/**
 * Displacement of the flow of a stationary velocity after unit time, by scaling and squaring:
 * u = v / 2^steps, then `steps` times u(p) <- u(p) + u(p + u(p)), clamped at the border.
 *
 * @param velocity - (N, X, Y, Z, 3), voxels of its own grid
 * @param steps - whole number from 0 (u = v) to 24
 * @returns (N, X, Y, Z, 3), voxels of the same grid
 * @see Arsigny et al. 2006, A log-Euclidean framework for statistics on diffeomorphisms
 */
export function integrateVelocity(velocity: Tensor, steps: number): Tensor {
  const { n, x, y, z } = volumeShape(velocity, 'integrateVelocity', 'velocity');
  requireShape(velocity, [n, x, y, z, 3], 'integrateVelocity', 'velocity');
  if (!Number.isInteger(steps) || steps < 0 || steps > MAX_STEPS) {
    throw new ProcessingError('INVALID_ARGUMENT', `integrateVelocity: steps is ${steps}`, {
      cure: `give a whole number from 0 to ${MAX_STEPS}`,
    });
  }
  requireAffordableGrid(x * y * z, 'integrateVelocity');
  return dispatch('NeuroloomIntegrateVelocity', { velocity }, { steps }, () => {
    let displacement: Tensor = tf.mul(velocity, tf.scalar(2 ** -steps));
    for (let step = 0; step < steps; step++) {
      displacement = tf.add(displacement, warp(displacement, displacement, 'border'));
    }
    return displacement;
  });
}
