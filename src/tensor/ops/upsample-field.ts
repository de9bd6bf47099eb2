import { dispatch, requireAffordableGrid } from '../dispatch.js';
import { requireShape, volumeShape } from '../shapes.js';
import { tf, type Tensor } from '../tfjs.js';
import { joinEvenOdd } from './interleave.js';

/**
 * Brings a displacement from the half grid to the full grid: trilinear between the centres of blocks of 2^3 voxels
 * (full voxel x lies at half-grid coordinate (x - 0.5) / 2, clamped), values times 2.
 *
 * @param u - (N, X, Y, Z, 3), voxels of the half grid
 * @returns (N, 2X, 2Y, 2Z, 3), voxels of the full grid
 */
export function upsampleField(u: Tensor): Tensor {
  const { n, x, y, z } = volumeShape(u, 'upsampleField', 'u');
  requireShape(u, [n, x, y, z, 3], 'upsampleField', 'u');
  requireAffordableGrid(8 * x * y * z, 'upsampleField');
  return dispatch('NeuroloomUpsampleField', { u }, {}, () => {
    const doubled = [1, 2, 3].reduce((field, axis) => upsampleAxis(field, axis), u);
    return tf.mul(doubled, tf.scalar(2));
  });
}

/** Full position 2i lies a quarter below half position i, 2i + 1 a quarter above it. */
function upsampleAxis(field: Tensor, axis: number): Tensor {
  const length = field.shape[axis] ?? 1;
  const cut = (start: number, size: number) => {
    const begin = field.shape.map((_, i) => (i === axis ? start : 0));
    return tf.slice(
      field,
      begin,
      field.shape.map((full, i) => (i === axis ? size : full)),
    );
  };
  const below = length === 1 ? field : tf.concat([cut(0, 1), cut(0, length - 1)], axis);
  const above = length === 1 ? field : tf.concat([cut(1, length - 1), cut(length - 1, 1)], axis);
  const near = tf.mul(field, tf.scalar(0.75));
  const quarter = tf.scalar(0.25);
  return joinEvenOdd(tf.add(near, tf.mul(below, quarter)), tf.add(near, tf.mul(above, quarter)), axis);
}
