import { sumOfSquares, type Tensor } from '../../tensor/index.js';

/** Euclidean norm over all values of some gradients, in float64. */
export function gradientNorm(gradients: readonly Tensor[]): number {
  return Math.sqrt(gradients.reduce((total, gradient) => total + sumOfSquares(gradient), 0));
}
