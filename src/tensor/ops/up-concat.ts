import { dispatch, requireAffordableGrid } from '../dispatch.js';
import { requireShape, volumeShape } from '../shapes.js';
import { tf, type Tensor } from '../tfjs.js';
import { joinEvenOdd } from './interleave.js';

/**
 * Doubles the grid by repeating each voxel (nearest neighbour) and appends the channels of a skip connection.
 *
 * @param low - (N, X, Y, Z, Clow)
 * @param skip - (N, 2X, 2Y, 2Z, Cskip), or null for none
 * @returns (N, 2X, 2Y, 2Z, Clow + Cskip), channels of `low` first
 * @throws ProcessingError SHAPE_MISMATCH when the skip connection is not on the doubled grid
 */
export function upConcat(low: Tensor, skip: Tensor | null): Tensor {
  const { n, x, y, z } = volumeShape(low, 'upConcat', 'low');
  if (skip !== null) {
    const { c } = volumeShape(skip, 'upConcat', 'skip');
    requireShape(skip, [n, 2 * x, 2 * y, 2 * z, c], 'upConcat', 'skip');
  }
  requireAffordableGrid(8 * x * y * z, 'upConcat');
  const inputs: Record<string, Tensor> = skip === null ? { low } : { low, skip };
  return dispatch('NeuroloomUpConcat', inputs, {}, () => {
    const doubled = [3, 2, 1].reduce((part, axis) => joinEvenOdd(part, part, axis), low);
    return skip === null ? doubled : tf.concat([doubled, skip], 4);
  });
}
