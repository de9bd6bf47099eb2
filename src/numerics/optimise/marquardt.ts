/**
 * Unbounded least squares of three parameters (or a multiple): Levenberg-Marquardt as in MINPACK (More 1978, "The Levenberg-Marquardt
 * algorithm: implementation and theory"), its scaling, step bound and stopping rule, on normal equations.
 */
import { factorShifted, solveLower, solveUpper, type BandedTriangle } from './cholesky.js';

export interface CurveProblem {
  /** Sum of squared residuals at `x`; NaN where the curve does not exist. The point stays pending until `accept`. */
  evaluate(x: Float64Array): number;
  accept(): void;
  /** J'r, (n), and J'J, (n, n), lower triangle, at the current point. */
  linearise(gradient: Float64Array, hessian: Float64Array): void;
}

export interface MarquardtOptions {
  /** Relative cost and relative step below which the fit ends. */
  readonly tolerance: number;
  /** Counted as with a difference Jacobian, which needs one evaluation per parameter. */
  readonly maxEvaluations: number;
}

/** Step bound at the start, in lengths of the scaled start. */
const INITIAL_BOUND = 100;
const ACCEPT_RATIO = 1e-4;
const MAX_DAMPING_ROUNDS = 10;
const SMALLEST = 2.2250738585072014e-308;

/** A solver for `size` parameters; it keeps its work arrays between fits. */
export class Marquardt {
  readonly #scale: Float64Array;
  readonly #gradient: Float64Array;
  readonly #hessian: Float64Array;
  readonly #scaledGradient: Float64Array;
  readonly #factor: Float64Array;
  readonly #step: Float64Array;
  readonly #trial: Float64Array;
  readonly #work: Float64Array;
  readonly #system: BandedTriangle;
  readonly #triangle: BandedTriangle;

  constructor(readonly size: number) {
    const vector = (): Float64Array => new Float64Array(size);
    [this.#scale, this.#gradient, this.#scaledGradient] = [vector(), vector(), vector()];
    [this.#step, this.#trial, this.#work] = [vector(), vector(), vector()];
    this.#hessian = new Float64Array(size * size);
    this.#factor = new Float64Array(size * size);
    const first = new Int32Array(size);
    this.#system = { values: new Float64Array(size * size), first, size };
    this.#triangle = { values: this.#factor, first, size };
  }

  /**
   * Minimises from `x`, which receives the result.
   *
   * @returns false when the start has no finite cost or the evaluations ran out
   */
  solve(problem: CurveProblem, x: Float64Array, { tolerance, maxEvaluations }: MarquardtOptions): boolean {
    let norm = Math.sqrt(problem.evaluate(x));
    if (!Number.isFinite(norm)) return false;
    problem.accept();
    let evaluations = 1;
    let [bound, damping] = [0, 0];
    let isFirst = true;
    for (;;) {
      problem.linearise(this.#gradient, this.#hessian);
      evaluations += this.size;
      this.#rescale(isFirst);
      if (isFirst) bound = INITIAL_BOUND * this.#scaledLength(x) || INITIAL_BOUND;
      this.#scaleSystem();
      if (lengthOf(this.#scaledGradient) === 0) return true;
      let ratio: number;
      do {
        damping = this.#dampingFor(bound, damping);
        const length = lengthOf(this.#step);
        for (let i = 0; i < this.size; i++) {
          this.#work[i] = this.#step[i]! / this.#scale[i]!;
          this.#trial[i] = x[i]! + this.#work[i]!;
        }
        if (isFirst) bound = Math.min(bound, length);
        const trialNorm = Math.sqrt(problem.evaluate(this.#trial));
        evaluations++;
        const gain = 0.1 * trialNorm < norm ? 1 - (trialNorm / norm) ** 2 : -1;
        const linear = this.#linearNorm2() / (norm * norm);
        const damped = (damping * length * length) / (norm * norm);
        const predicted = linear + 2 * damped;
        const slope = -(linear + damped);
        ratio = predicted === 0 ? 0 : gain / predicted;
        if (ratio <= 0.25) {
          let shrink = gain >= 0 ? 0.5 : (0.5 * slope) / (slope + 0.5 * gain);
          if (0.1 * trialNorm >= norm || shrink < 0.1) shrink = 0.1;
          bound = shrink * Math.min(bound, 10 * length);
          damping /= shrink;
        } else if (damping === 0 || ratio >= 0.75) {
          bound = 2 * length;
          damping *= 0.5;
        }
        if (ratio >= ACCEPT_RATIO) {
          x.set(this.#trial);
          norm = trialNorm;
          problem.accept();
          isFirst = false;
        }
        const costEnds = Math.abs(gain) <= tolerance && predicted <= tolerance && 0.5 * ratio <= 1;
        if (costEnds || bound <= tolerance * this.#scaledLength(x)) return true;
        if (evaluations >= maxEvaluations) return false;
      } while (!(ratio >= ACCEPT_RATIO));
    }
  }

  /** Scale of each variable: the largest column norm of the Jacobian so far. */
  #rescale(isFirst: boolean): void {
    for (let i = 0; i < this.size; i++) {
      const column = Math.sqrt(this.#hessian[i * this.size + i]!);
      if (isFirst) this.#scale[i] = column === 0 ? 1 : column;
      else if (column > this.#scale[i]!) this.#scale[i] = column;
    }
  }

  #scaleSystem(): void {
    const { size } = this;
    for (let i = 0; i < size; i++) {
      const own = this.#scale[i]!;
      this.#scaledGradient[i] = this.#gradient[i]! / own;
      for (let j = 0; j <= i; j++) {
        this.#system.values[i * size + j] = this.#hessian[i * size + j]! / (own * this.#scale[j]!);
      }
    }
  }

  /** The damping whose step has the length of the bound within a tenth; the step is left in place. */
  #dampingFor(bound: number, before: number): number {
    const isFullRank = this.#stepAt(0);
    let upper = lengthOf(this.#scaledGradient) / bound;
    let lower = 0;
    let excess = 0;
    let length = 0;
    if (isFullRank) {
      length = lengthOf(this.#step);
      excess = length - bound;
      if (excess <= 0.1 * bound) return 0;
      lower = excess / bound / this.#inverseNorm2(length);
    }
    if (upper === 0) upper = SMALLEST / Math.min(bound, 0.1);
    let damping = Math.min(Math.max(before, lower), upper);
    if (damping === 0) damping = length > 0 ? lengthOf(this.#scaledGradient) / length : 0.001 * upper;
    for (let round = 1; ; round++) {
      if (damping === 0) damping = Math.max(SMALLEST, 0.001 * upper);
      if (!this.#stepAt(damping)) {
        damping *= 10;
        upper = Math.max(upper, damping);
        if (round >= 10 * MAX_DAMPING_ROUNDS) return damping;
        continue;
      }
      const previous = excess;
      length = lengthOf(this.#step);
      excess = length - bound;
      const isFree = lower === 0 && excess <= previous && previous < 0;
      if (Math.abs(excess) <= 0.1 * bound || isFree || round >= MAX_DAMPING_ROUNDS) return damping;
      const correction = excess / bound / this.#inverseNorm2(length);
      if (excess > 0) lower = Math.max(lower, damping);
      else upper = Math.min(upper, damping);
      damping = Math.max(lower, damping + correction);
    }
  }

  /** Solves (A + damping I) step = -gradient in scaled variables; false when that matrix is not positive definite. */
  #stepAt(damping: number): boolean {
    if (!factorShifted(this.#system, damping, this.#factor)) return false;
    for (let i = 0; i < this.size; i++) this.#step[i] = -this.#scaledGradient[i]!;
    solveLower(this.#triangle, this.#step, this.#step);
    solveUpper(this.#triangle, this.#step);
    return true;
  }

  /** ||L^-1 step||^2 / ||step||^2 for the factor at hand. */
  #inverseNorm2(length: number): number {
    solveLower(this.#triangle, this.#step, this.#work);
    return (lengthOf(this.#work) / length) ** 2;
  }

  /** ||J p||^2 of the unscaled step in `#work`. */
  #linearNorm2(): number {
    let sum = 0;
    for (let i = 0; i < this.size; i++) {
      let row = 0.5 * this.#hessian[i * this.size + i]! * this.#work[i]!;
      for (let j = 0; j < i; j++) row += this.#hessian[i * this.size + j]! * this.#work[j]!;
      sum += 2 * row * this.#work[i]!;
    }
    return sum;
  }

  #scaledLength(x: Float64Array): number {
    let sum = 0;
    for (let i = 0; i < this.size; i++) sum += (this.#scale[i]! * x[i]!) ** 2;
    return Math.sqrt(sum);
  }
}

function lengthOf(vector: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i]! * vector[i]!;
  return Math.sqrt(sum);
}
