import { convBlock, maxPool2, recomputed, type Tensor, upConvBlock } from '../../tensor/index.js';
import { LEAKY_SLOPE, type NetworkShape, upsamples } from './network-layout.js';

/**
 * Velocity that the network predicts.
 *
 * @param weights - parameters in the order of `convolutions`, weight and bias of each
 * @param input - (N, X, Y, Z, 2), log template and log subject; sizes multiples of 2^levels
 * @param recomputesFinest - with half flow: the finest activations, which only pooling reads, are not kept for the gradient
 *   but computed again. Same bits.
 * @returns (N, X, Y, Z, 3) on the velocity grid, voxels of that grid
 */
export function predictVelocity(
  shape: NetworkShape,
  weights: readonly Tensor[],
  input: Tensor,
  recomputesFinest = false,
): Tensor {
  const { enc_features: encoder, dec_features: decoder } = shape;
  const levels = encoder.length;
  let next = 0;
  // A doubled volume waits for its skip connection until the convolution that reads both.
  let joined: Tensor | null = null;
  const convolve = (x: Tensor, slope: number) => {
    const [weight, bias] = [weights[next]!, weights[next + 1]!];
    next += 2;
    const skip = joined;
    joined = null;
    return skip === null ? convBlock(x, weight, bias, slope) : upConvBlock(x, skip, weight, bias, slope);
  };
  const skips: Tensor[] = [];
  let x = input;
  for (let level = 0; level < levels; level++) {
    if (level === 0 && recomputesFinest && shape.flow_resolution === 'half') {
      next += 2;
      x = recomputed([x, weights[0]!, weights[1]!], ([fine, weight, bias]) =>
        maxPool2(convBlock(fine!, weight!, bias!, LEAKY_SLOPE)),
      );
      // With half flow nothing but the pooling reads this level.
      skips.push(x);
      continue;
    }
    x = convolve(x, LEAKY_SLOPE);
    skips.push(x);
    x = maxPool2(x);
  }
  for (let level = 0; level < levels; level++) {
    x = convolve(x, LEAKY_SLOPE);
    if (upsamples(shape, level)) joined = skips[levels - 1 - level]!;
  }
  for (let index = levels; index < decoder.length; index++) x = convolve(x, LEAKY_SLOPE);
  return convolve(x, 1);
}
