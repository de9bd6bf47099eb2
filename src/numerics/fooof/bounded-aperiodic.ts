import { BoundedTrustRegion, type LeastSquaresProblem } from '../optimise/bounded-trust-region.js';
import type { FittedGrid } from './prepare.js';

/** Lowest and highest values of the aperiodic parameters in their order; null: none. */
export type AperiodicBounds = readonly [ReadonlyArray<number | null>, ReadonlyArray<number | null>];

/** Relative gain, step and gradient at which the fit ends. */
const TOLERANCE = 1e-8;

/** Parameters that the solver wants; without a knee the last one stays 0. */
const SIZE = 3;

/** Least-squares fits of the aperiodic part within bounds of its parameters. */
export class BoundedAperiodicFitter {
  readonly #problem: AperiodicProblem;
  readonly #bounds: { readonly lower: Float64Array; readonly upper: Float64Array };
  readonly #solver: BoundedTrustRegion;
  readonly #maxEvaluations: number;
  readonly #count: number;

  /** @param bounds - one for each parameter: offset and exponent, with three of them offset, knee and exponent */
  constructor(
    grid: Pick<FittedGrid, 'ln' | 'log10'>,
    [lower, upper]: AperiodicBounds,
    maxEvaluations: number,
  ) {
    this.#count = lower.length;
    this.#problem = new AperiodicProblem(grid, this.#count);
    this.#bounds = {
      lower: Float64Array.from({ length: SIZE }, (_, i) => lower[i] ?? -Infinity),
      upper: Float64Array.from({ length: SIZE }, (_, i) => upper[i] ?? Infinity),
    };
    this.#solver = new BoundedTrustRegion(SIZE);
    this.#maxEvaluations = maxEvaluations;
  }

  /**
   * @param values - (m), log10 power
   * @param start - moved inside where it is beyond a bound
   * @param bins - indices of the bins to use; absent: all
   * @returns null when the evaluations run out
   */
  fit(values: Float64Array, start: readonly number[], bins?: Int32Array): number[] | null {
    const x = Float64Array.from({ length: SIZE }, (_, i) => start[i] ?? 0);
    const residualCount = this.#problem.take(values, bins);
    const options = { tolerance: TOLERANCE, maxEvaluations: this.#maxEvaluations, residualCount };
    const { converged } = this.#solver.solve(this.#problem, x, this.#bounds, options);
    return converged ? [...x.subarray(0, this.#count)] : null;
  }
}

/** offset - log10(knee + f^exponent) against log10 power, without knee offset - exponent log10 f. */
class AperiodicProblem implements LeastSquaresProblem {
  readonly #grid: Pick<FittedGrid, 'ln' | 'log10'>;
  readonly #hasKnee: boolean;
  #values: Float64Array = new Float64Array(0);
  #bins: Int32Array = new Int32Array(0);
  #current = new Float64Array(SIZE);
  #pending = new Float64Array(SIZE);

  /** @param count - of parameters: two, or three with a knee */
  constructor(grid: Pick<FittedGrid, 'ln' | 'log10'>, count: number) {
    this.#grid = grid;
    this.#hasKnee = count === SIZE;
  }

  /** @returns how many bins are fitted */
  take(values: Float64Array, bins: Int32Array = Int32Array.from(values.keys())): number {
    this.#values = values;
    this.#bins = bins;
    return bins.length;
  }

  evaluate(x: Float64Array): number {
    this.#pending.set(x);
    let sum = 0;
    for (const bin of this.#bins) sum += this.#residual(x, bin) ** 2;
    return 0.5 * sum;
  }

  accept(): void {
    [this.#current, this.#pending] = [this.#pending, this.#current];
  }

  linearise(gradient: Float64Array, hessian: Float64Array, first: Int32Array): void {
    gradient.fill(0, 0, SIZE);
    hessian.fill(0, 0, SIZE * SIZE);
    first.fill(0, 0, SIZE);
    const x = this.#current;
    for (const bin of this.#bins) {
      const residual = this.#residual(x, bin);
      const slopes = this.#slopes(x, bin);
      for (let i = 0; i < SIZE; i++) {
        gradient[i]! += slopes[i]! * residual;
        for (let j = 0; j <= i; j++) hessian[i * SIZE + j]! += slopes[i]! * slopes[j]!;
      }
    }
    // A unit pivot keeps the parameter that is none where it is.
    if (!this.#hasKnee) hessian[SIZE * SIZE - 1] = 1;
  }

  #residual(x: Float64Array, bin: number): number {
    const { ln, log10 } = this.#grid;
    const level = this.#hasKnee
      ? x[0]! - Math.log10(x[1]! + Math.exp(x[2]! * ln[bin]!))
      : x[0]! - x[1]! * log10[bin]!;
    return level - this.#values[bin]!;
  }

  /** Of the model by each parameter. */
  #slopes(x: Float64Array, bin: number): readonly number[] {
    const { ln, log10 } = this.#grid;
    if (!this.#hasKnee) return [1, -log10[bin]!, 0];
    const raised = Math.exp(x[2]! * ln[bin]!);
    const byKnee = -Math.LOG10E / (x[1]! + raised);
    return [1, byKnee, byKnee * raised * ln[bin]!];
  }
}
