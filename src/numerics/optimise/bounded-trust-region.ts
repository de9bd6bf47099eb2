/**
 * Least squares within bounds: the trust-region-reflective method.
 *
 * Branch, Coleman & Li 1999, "A subspace, interior, and conjugate gradient method for large-scale bound-constrained
 * minimization problems", in the exact form with one damped Newton problem per step. The order of operations and the
 * stopping rule follow the method that the classic FOOOF uses, because its spectra have many local minima and the one
 * that is reached depends on the path. Cholesky factors of the normal equations take the place of an SVD.
 */
import { nextDown, nextUp } from './next-float.js';
import { StepChoice } from './step-choice.js';
import { TrustRegionSubproblem } from './trust-region-subproblem.js';

/** A sum of squares that can be evaluated at one point while the last accepted one is kept. */
export interface LeastSquaresProblem {
  /** Half the sum of squared residuals at `x`; the point stays pending until `accept`. */
  evaluate(x: Float64Array): number;
  /** The pending point becomes the current one. */
  accept(): void;
  /**
   * Gradient J'r and lower triangle of J'J at the current point.
   *
   * @param gradient - (n)
   * @param hessian - (n, n), stride n, lower triangle, filled from `first[i]` on in row i
   * @param first - (n), first column that can be non-zero in each row
   */
  linearise(gradient: Float64Array, hessian: Float64Array, first: Int32Array): void;
}

export interface BoundedFit {
  /** False when the evaluations ran out. */
  readonly converged: boolean;
  /** Half the sum of squares at the end. */
  readonly cost: number;
  readonly evaluations: number;
}

export interface BoundedOptions {
  /** Relative gain, step and scaled gradient below which the fit ends. */
  readonly tolerance: number;
  readonly maxEvaluations: number;
  /** Number of residuals, for the numerical rank. */
  readonly residualCount: number;
}

/** Relative distance from a bound at which a start on the bound is moved inside. */
const START_MARGIN = 1e-10;
/** Fraction of the way to a bound that a step may take, at least. */
const MIN_THETA = 0.995;

/** A solver for problems of up to `capacity` parameters; it keeps its work arrays between fits. */
export class BoundedTrustRegion {
  readonly #subproblem: TrustRegionSubproblem;
  readonly #choice: StepChoice;
  readonly #hessian: Float64Array;
  readonly #gradient: Float64Array;
  readonly #trial: Float64Array;
  readonly #distance: Float64Array;
  readonly #slope: Float64Array;

  constructor(readonly capacity: number) {
    this.#subproblem = new TrustRegionSubproblem(capacity);
    this.#choice = new StepChoice(capacity);
    this.#hessian = new Float64Array(capacity * capacity);
    this.#gradient = new Float64Array(capacity);
    this.#trial = new Float64Array(capacity);
    this.#distance = new Float64Array(capacity);
    this.#slope = new Float64Array(capacity);
  }

  /**
   * Minimises `problem` from `x`, which receives the result.
   *
   * @param x - (n), n a multiple of 3 as the factors are made in blocks of three, start; moved inside where it lies on a bound
   * @param bounds - (n) each, lower below upper; infinite where there is none
   */
  solve(
    problem: LeastSquaresProblem,
    x: Float64Array,
    bounds: { readonly lower: Float64Array; readonly upper: Float64Array },
    options: BoundedOptions,
  ): BoundedFit {
    const { tolerance, maxEvaluations } = options;
    const size = x.length;
    const subproblem = this.#subproblem;
    const trial = this.#trial.subarray(0, size);
    moveInside(x, bounds);
    let cost = problem.evaluate(x);
    problem.accept();
    let evaluations = 1;
    problem.linearise(this.#gradient, this.#hessian, subproblem.first);
    this.#coleman(x, bounds);
    let radius = scaledNorm(x, this.#distance);
    if (radius === 0) radius = 1;
    subproblem.damping = 0;
    for (;;) {
      const scaledGradient = this.#scaledGradient(size);
      if (scaledGradient < tolerance) return { converged: true, cost, evaluations };
      if (evaluations >= maxEvaluations) return { converged: false, cost, evaluations };
      subproblem.assemble({
        hessian: this.#hessian,
        gradient: this.#gradient,
        distance: this.#distance,
        slope: this.#slope,
        size,
      });
      const theta = Math.max(MIN_THETA, 1 - scaledGradient);
      let gain = -1;
      while (gain <= 0 && evaluations < maxEvaluations) {
        subproblem.solve(radius, options.residualCount);
        const step = this.#choice.choose(subproblem, { x, bounds, radius, theta });
        for (let i = 0; i < size; i++) {
          let value = x[i]! + step.step[i]!;
          if (value <= bounds.lower[i]!) value = nextUp(bounds.lower[i]!);
          else if (value >= bounds.upper[i]!) value = nextDown(bounds.upper[i]!);
          trial[i] = value;
        }
        const trialCost = problem.evaluate(trial);
        evaluations++;
        const scaledLength = norm(step.scaledStep, size);
        if (!Number.isFinite(trialCost)) {
          radius = 0.25 * scaledLength;
          continue;
        }
        gain = cost - trialCost;
        const { predicted } = step;
        const ratio = predicted > 0 ? gain / predicted : predicted === 0 && gain === 0 ? 1 : 0;
        const length = norm(step.step, size);
        const ends =
          (gain < tolerance * cost && ratio > 0.25) || length < tolerance * (tolerance + norm(x, size));
        if (ends) {
          if (gain > 0) {
            x.set(trial);
            cost = trialCost;
            problem.accept();
          }
          return { converged: true, cost, evaluations };
        }
        let nextRadius = radius;
        if (ratio < 0.25) nextRadius = 0.25 * scaledLength;
        else if (ratio > 0.75 && scaledLength > 0.95 * radius) nextRadius = 2 * radius;
        subproblem.damping *= radius / nextRadius;
        radius = nextRadius;
        if (gain > 0) {
          x.set(trial);
          cost = trialCost;
          problem.accept();
        }
      }
      if (gain > 0) {
        problem.linearise(this.#gradient, this.#hessian, subproblem.first);
        this.#coleman(x, bounds);
      }
    }
  }

  /** The vector of Coleman and Li (distance to the bound that the gradient points away from) and its derivative. */
  #coleman(x: Float64Array, bounds: { readonly lower: Float64Array; readonly upper: Float64Array }): void {
    const { lower, upper } = bounds;
    for (let i = 0; i < x.length; i++) {
      const gradient = this.#gradient[i]!;
      if (gradient < 0 && upper[i]! < Infinity) {
        this.#distance[i] = upper[i]! - x[i]!;
        this.#slope[i] = -1;
      } else if (gradient > 0 && lower[i]! > -Infinity) {
        this.#distance[i] = x[i]! - lower[i]!;
        this.#slope[i] = 1;
      } else {
        this.#distance[i] = 1;
        this.#slope[i] = 0;
      }
    }
  }

  #scaledGradient(size: number): number {
    let largest = 0;
    for (let i = 0; i < size; i++) {
      largest = Math.max(largest, Math.abs(this.#gradient[i]! * this.#distance[i]!));
    }
    return largest;
  }
}

function moveInside(
  x: Float64Array,
  bounds: { readonly lower: Float64Array; readonly upper: Float64Array },
): void {
  const { lower, upper } = bounds;
  for (let i = 0; i < x.length; i++) {
    const [low, high] = [lower[i]!, upper[i]!];
    if (x[i]! <= low) x[i] = low + START_MARGIN * Math.max(1, Math.abs(low));
    if (x[i]! >= high) x[i] = high - START_MARGIN * Math.max(1, Math.abs(high));
    if (x[i]! < low || x[i]! > high) x[i] = 0.5 * (low + high);
  }
}

function scaledNorm(x: Float64Array, distance: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i]! * x[i]!) / distance[i]!;
  return Math.sqrt(sum);
}

function norm(vector: Float64Array, size: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += vector[i]! * vector[i]!;
  return Math.sqrt(sum);
}
