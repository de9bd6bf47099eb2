import { sumOfSquares, type Tensor } from '../../tensor/index.js';

/** Euclidean norm over all values of some gradients; in float64 on a CPU. */
export async function gradientNorm(gradients: readonly Tensor[]): Promise<number> {
  return Math.sqrt(await sumOfSquares(gradients));
}
