import { ProcessingError } from '../../errors.js';
import { dispatch, requireAffordableGrid } from '../dispatch.js';
import { requireNumber, requireShape, shapeText, volumeShape } from '../shapes.js';
import type { Tensor } from '../tfjs.js';
import { convBlock } from './conv-block.js';
import { upConcat } from './up-concat.js';

/**
 * Doubles the grid of `low` by repeating each voxel, appends the channels of a skip connection, and convolves: what
 * `convBlock(upConcat(low, skip), w, b, slope)` gives, to rounding, with less arithmetic and memory.
 *
 * @param low - (N, X, Y, Z, Clow)
 * @param skip - (N, 2X, 2Y, 2Z, Cskip)
 * @param w - filter [3, 3, 3, Clow + Cskip, Cout], channels of `low` first
 * @param b - bias [Cout]
 * @param slope - of the leaky ReLU, as in `convBlock`
 * @returns (N, 2X, 2Y, 2Z, Cout)
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT
 */
export function upConvBlock(low: Tensor, skip: Tensor, w: Tensor, b: Tensor, slope: number): Tensor {
  const { n, x, y, z, c: cLow } = volumeShape(low, 'upConvBlock', 'low');
  const { c: cSkip } = volumeShape(skip, 'upConvBlock', 'skip');
  requireShape(skip, [n, 2 * x, 2 * y, 2 * z, cSkip], 'upConvBlock', 'skip');
  const outputs = w.shape[4];
  if (outputs === undefined || outputs < 1) {
    throw new ProcessingError('SHAPE_MISMATCH', `upConvBlock: w has shape ${shapeText(w.shape)}`, {
      where: 'expected [3, 3, 3, channels in, channels out]',
      cure: 'give a filter with outputs',
    });
  }
  requireShape(w, [3, 3, 3, cLow + cSkip, outputs], 'upConvBlock', 'w');
  requireShape(b, [outputs], 'upConvBlock', 'b');
  requireNumber(slope, 'upConvBlock', 'slope', { least: 0, greatest: 1 });
  requireAffordableGrid(8 * x * y * z, 'upConvBlock');
  return dispatch('NeuroloomUpConvBlock', { low, skip, w, b }, { slope }, () =>
    convBlock(upConcat(low, skip), w, b, slope),
  );
}
