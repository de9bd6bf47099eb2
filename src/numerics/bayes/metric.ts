import type { SeededRandom } from '../random.js';

/**
 * The inverse mass matrix of a Hamiltonian: scales, and directions whose variance differs from what the scales say,
 *
 *   S (I + U (diag(lambda) - I) U') S,  with S = diag(scales).
 *
 * Diagonal when there are no directions. It approximates the covariance of the distribution.
 */
export class Metric {
  readonly dimension: number;
  readonly scales: Float64Array;
  /** shape (rank, dimension), orthonormal rows. */
  readonly directions: Float64Array;
  /** shape (rank), positive. */
  readonly lambda: Float64Array;

  constructor(scales: Float64Array, directions = new Float64Array(0), lambda = new Float64Array(0)) {
    this.dimension = scales.length;
    this.scales = scales;
    this.directions = directions;
    this.lambda = lambda;
  }

  static identity(dimension: number): Metric {
    return new Metric(new Float64Array(dimension).fill(1));
  }

  /** Inverse mass times momentum. */
  velocity(momentum: Float64Array, out: Float64Array): void {
    const { scales, dimension: n, directions, lambda } = this;
    for (let i = 0; i < n; i++) out[i] = scales[i]! * momentum[i]!;
    for (let k = 0; k < lambda.length; k++) {
      let along = 0;
      const at = k * n;
      // Directions are orthonormal, so that taking the part along one does not touch the others.
      for (let i = 0; i < n; i++) along += directions[at + i]! * out[i]!;
      along *= lambda[k]! - 1;
      for (let i = 0; i < n; i++) out[i] = out[i]! + along * directions[at + i]!;
    }
    for (let i = 0; i < n; i++) out[i] = scales[i]! * out[i]!;
  }

  /** Normal numbers whose covariance is the mass matrix. */
  drawMomentum(random: SeededRandom, out: Float64Array): void {
    const { scales, dimension: n, directions, lambda } = this;
    for (let i = 0; i < n; i++) out[i] = random.normal();
    for (let k = 0; k < lambda.length; k++) {
      let along = 0;
      const at = k * n;
      for (let i = 0; i < n; i++) along += directions[at + i]! * out[i]!;
      along *= 1 / Math.sqrt(lambda[k]!) - 1;
      for (let i = 0; i < n; i++) out[i] = out[i]! + along * directions[at + i]!;
    }
    for (let i = 0; i < n; i++) out[i] = out[i]! / scales[i]!;
  }
}
