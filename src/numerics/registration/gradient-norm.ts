import { read, type Tensor } from '../../tensor/index.js';

/** Euclidean norm over all values of some gradients, in float64. */
export function gradientNorm(gradients: readonly Tensor[]): number {
  let sum = 0;
  for (const gradient of gradients) {
    const values = read(gradient);
    for (let index = 0; index < values.length; index++) sum += values[index]! * values[index]!;
  }
  return Math.sqrt(sum);
}
