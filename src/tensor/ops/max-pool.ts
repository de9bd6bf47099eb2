import { ProcessingError } from '../../errors.js';
import { dispatch, requireAffordableGrid } from '../dispatch.js';
import { shapeText, volumeShape } from '../shapes.js';
import { tf, type Tensor } from '../tfjs.js';
import { splitEvenOdd } from './interleave.js';

/**
 * Largest value of every block of 2x2x2 voxels. The gradient goes to the first of equal values in (x, y, z)
 * order, as in torch.
 *
 * @param x - (N, X, Y, Z, C), sizes even
 * @returns (N, X/2, Y/2, Z/2, C)
 * @throws ProcessingError SHAPE_MISMATCH for odd sizes
 */
export function maxPool2(x: Tensor): Tensor {
  const grid = volumeShape(x, 'maxPool2', 'x');
  if (grid.x % 2 !== 0 || grid.y % 2 !== 0 || grid.z % 2 !== 0) {
    throw new ProcessingError('SHAPE_MISMATCH', 'maxPool2: sizes must be even', {
      where: `shape ${shapeText(x.shape)}`,
      cure: 'pad the grid to a multiple of 2 for each level of the network',
    });
  }
  requireAffordableGrid(grid.x * grid.y * grid.z, 'maxPool2');
  return dispatch('NeuroloomMaxPool2', { x }, {}, () => {
    const corners = splitEvenOdd(x, 1)
      .flatMap((part) => splitEvenOdd(part, 2))
      .flatMap((part) => splitEvenOdd(part, 3));
    return corners.reduce((largest, corner) => tf.maximum(largest, corner));
  });
}
