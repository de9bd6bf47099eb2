import { ProcessingError } from '../../errors.js';
import { dispatch, requireAffordableGrid } from '../dispatch.js';
import { requireNumber, requireShape, shapeText, volumeShape } from '../shapes.js';
import { tf, type Tensor } from '../tfjs.js';
import { forwardDifference } from './forward-difference.js';

/**
 * Penalty of near folds: sum over voxels (mean over the batch) of max(0, margin - det J)^2, with J the Jacobian of
 * p + u(p) from forward differences, at the (X-1)(Y-1)(Z-1) voxels that have all three.
 *
 * @param u - displacement, (N, X, Y, Z, 3), voxels, at least 2 voxels along each axis
 * @param margin - determinants below it are penalised
 * @returns 0-d tensor
 */
export function jacobianHingeLoss(u: Tensor, margin: number): Tensor {
  const { n, x, y, z } = volumeShape(u, 'jacobianHingeLoss', 'u');
  requireShape(u, [n, x, y, z, 3], 'jacobianHingeLoss', 'u');
  requireNumber(margin, 'jacobianHingeLoss', 'margin');
  if (Math.min(x, y, z) < 2) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      'jacobianHingeLoss: u needs at least 2 voxels along each axis',
      {
        where: `shape ${shapeText(u.shape)}`,
        cure: 'use a larger grid',
      },
    );
  }
  requireAffordableGrid(x * y * z, 'jacobianHingeLoss');
  return dispatch('NeuroloomJacobianHinge', { u }, { margin }, () => {
    const shortfall = tf.maximum(tf.sub(tf.scalar(margin), determinant(u)), tf.scalar(0));
    return tf.mul(tf.sum(tf.square(shortfall)), tf.scalar(1 / n));
  });
}

/**
 * Smallest determinant of the Jacobian of p + u(p), over the voxels of `jacobianHingeLoss`. Not differentiable.
 *
 * @param u - displacement, (N, X, Y, Z, 3), voxels, at least 2 voxels along each axis
 * @returns 0-d tensor
 */
export function leastDeterminant(u: Tensor): Tensor {
  const { n, x, y, z } = volumeShape(u, 'leastDeterminant', 'u');
  requireShape(u, [n, x, y, z, 3], 'leastDeterminant', 'u');
  return tf.tidy(() => tf.min(determinant(u)));
}

/** Determinants as (voxels, 1). */
function determinant(u: Tensor): Tensor {
  // column[a][b]: derivative of component b of p + u(p) along axis a
  const column = [0, 1, 2].map((a) => {
    const rows = tf.reshape(forwardDifference(u, a + 1, true), [-1, 3]);
    return [0, 1, 2].map((b) => {
      const entry = tf.slice(rows, [0, b], [-1, 1]);
      return a === b ? tf.add(entry, tf.scalar(1)) : entry;
    });
  });
  const entry = (a: number, b: number) => column[a]?.[b] as Tensor;
  const minor = (b: number, c: number) =>
    tf.sub(tf.mul(entry(1, b), entry(2, c)), tf.mul(entry(1, c), entry(2, b)));
  const terms = [
    tf.mul(entry(0, 0), minor(1, 2)),
    tf.mul(entry(0, 1), minor(0, 2)),
    tf.mul(entry(0, 2), minor(0, 1)),
  ];
  const [first, second, third] = terms as [Tensor, Tensor, Tensor];
  return tf.add(tf.sub(first, second), third);
}
