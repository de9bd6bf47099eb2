import { dispatch, requireAffordableGrid } from '../dispatch.js';
import { requireShape, volumeShape } from '../shapes.js';
import { tf, type Tensor, type tfjs } from '../tfjs.js';
import { pull, pullGradients } from './trilinear.js';

/** Outside the grid: `zeros` fades to 0 within one voxel (images), `border` clamps the coordinate (fields). */
export type WarpMode = 'zeros' | 'border';

/**
 * Trilinear pull W(p) = V(p + u(p)), differentiable in both.
 *
 * `zeros`: each of the eight corners outside the grid counts as 0, separately. `border`: coordinates are clamped,
 * and a clamped coordinate has zero gradient (a coordinate on the border counts as clamped).
 *
 * @param volume - V, (N, X, Y, Z, C)
 * @param displacement - u, (N, X, Y, Z, 3), voxels, components in the order of the axes
 * @returns W, (N, X, Y, Z, C)
 * @throws ProcessingError SHAPE_MISMATCH when the two are not on one grid
 */
export function warp(volume: Tensor, displacement: Tensor, mode: WarpMode): Tensor {
  const { n, x, y, z } = volumeShape(volume, 'warp', 'volume');
  requireShape(displacement, [n, x, y, z, 3], 'warp', 'displacement');
  requireAffordableGrid(x * y * z, 'warp');
  return dispatch('NeuroloomWarp', { volume, displacement }, { mode }, () => {
    const op = tf.customGrad((...given) => {
      const [source, field, save] = given as [Tensor, Tensor, tfjs.GradSaveFunc];
      save([source, field]);
      return {
        value: pull(source, field, mode),
        gradFunc: (dy: Tensor, saved: Tensor[]) => {
          const [savedSource, savedField] = saved as [Tensor, Tensor];
          return tf.tidy(() => pullGradients(savedSource, savedField, dy, mode));
        },
      };
    });
    return op(volume, displacement);
  });
}
