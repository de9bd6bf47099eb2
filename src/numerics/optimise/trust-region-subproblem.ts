import { factorShifted, solveLower, solveUpper, type BandedTriangle } from './cholesky.js';

/** Relative difference of the step's length from the radius at which the damping is good enough. */
const RADIUS_TOLERANCE = 0.01;
const MAX_DAMPING_ROUNDS = 10;
/** Below this multiple of the radius's own bracket the damping does not start. */
const LOWEST_START = 0.001;

export interface SubproblemInput {
  /** J'J, (n, n), lower triangle. */
  readonly hessian: Float64Array;
  /** J'r, (n). */
  readonly gradient: Float64Array;
  /** Coleman-Li vector v and its derivative, (n) each. */
  readonly distance: Float64Array;
  readonly slope: Float64Array;
  readonly size: number;
}

/**
 * min 0.5 p'Hp + g'p within ||p|| <= radius, in the scaled ("hat") variables p = step / sqrt(v): H = D J'J D + diag(g v'),
 * g = D J'r, D = diag(sqrt v). Newton's iteration on the damping a of p(a) = -(H + aI)^-1 g (More 1978), with a Cholesky
 * factor per round; `damping` is carried from one step to the next.
 */
export class TrustRegionSubproblem {
  readonly first: Int32Array;
  readonly scale: Float64Array;
  readonly gradient: Float64Array;
  readonly step: Float64Array;
  size = 0;
  damping = 0;
  readonly #matrix: Float64Array;
  readonly #factor: Float64Array;
  readonly #work: Float64Array;
  readonly #system: BandedTriangle;
  readonly #triangle: BandedTriangle;

  constructor(capacity: number) {
    this.first = new Int32Array(capacity);
    this.scale = new Float64Array(capacity);
    this.gradient = new Float64Array(capacity);
    this.step = new Float64Array(capacity);
    this.#work = new Float64Array(capacity);
    this.#matrix = new Float64Array(capacity * capacity);
    this.#factor = new Float64Array(capacity * capacity);
    this.#system = { values: this.#matrix, first: this.first, size: 0 };
    this.#triangle = { values: this.#factor, first: this.first, size: 0 };
  }

  /** Sets the scaled system of one linearisation; `first` must already hold its envelope. */
  assemble({ hessian, gradient, distance, slope, size }: SubproblemInput): void {
    const { scale, first } = this;
    const matrix = this.#matrix;
    this.size = size;
    this.#system.size = size;
    this.#triangle.size = size;
    for (let i = 0; i < size; i++) {
      const own = Math.sqrt(distance[i]!);
      scale[i] = own;
      this.gradient[i] = own * gradient[i]!;
      const row = i * size;
      for (let j = first[i]!; j <= i; j++) matrix[row + j] = hessian[row + j]! * own * scale[j]!;
      matrix[row + i]! += gradient[i]! * slope[i]!;
    }
  }

  /** Leaves the minimiser in `step`. */
  solve(radius: number, residualCount: number): void {
    const fullRank = this.#factorAt(0) && this.#hasFullRank(residualCount);
    let upper = this.#norm(this.gradient) / radius;
    let lower = 0;
    if (fullRank) {
      const excess = this.#stepLength() - radius;
      if (excess <= 0) {
        this.damping = 0;
        return;
      }
      lower = -excess / this.#lengthSlope(excess + radius);
    }
    let damping = this.damping;
    if (!fullRank && damping === 0) damping = startDamping(lower, upper);
    for (let round = 0; round < MAX_DAMPING_ROUNDS; round++) {
      if (damping < lower || damping > upper) damping = startDamping(lower, upper);
      if (!this.#factorAt(damping)) {
        // Rounding made the matrix indefinite: only a larger damping can help.
        lower = Math.max(lower, damping);
        damping = damping > 0 ? 10 * damping : LOWEST_START * upper;
        upper = Math.max(upper, damping);
        continue;
      }
      const length = this.#stepLength();
      const excess = length - radius;
      if (excess < 0) upper = damping;
      const ratio = excess / this.#lengthSlope(length);
      lower = Math.max(lower, damping - ratio);
      damping -= ((excess + radius) * ratio) / radius;
      if (Math.abs(excess) < RADIUS_TOLERANCE * radius) break;
    }
    if (!this.#factorAt(damping) && !this.#factorAt(upper)) {
      for (let i = 0; i < this.size; i++) this.step[i] = -this.gradient[i]!;
    } else {
      this.#stepLength();
    }
    const stretch = radius / this.#norm(this.step);
    for (let i = 0; i < this.size; i++) this.step[i]! *= stretch;
    this.damping = damping;
  }

  /**
   * Coefficients of the quadratic model along a line: q(t) = a t^2 + b t + c of `origin + t direction`.
   *
   * @param origin - absent for the current point (c is then 0)
   */
  alongLine(direction: Float64Array, origin?: Float64Array): { a: number; b: number; c: number } {
    const { size, first, gradient } = this;
    const matrix = this.#matrix;
    let a = 0;
    let b = 0;
    let c = 0;
    for (let i = 0; i < size; i++) {
      const row = i * size;
      let along = 0.5 * matrix[row + i]! * direction[i]!;
      for (let j = first[i]!; j < i; j++) along += matrix[row + j]! * direction[j]!;
      a += along * direction[i]!;
      b += gradient[i]! * direction[i]!;
      if (origin === undefined) continue;
      let across = 0.5 * matrix[row + i]! * origin[i]!;
      for (let j = first[i]!; j < i; j++) across += matrix[row + j]! * origin[j]!;
      c += (across + gradient[i]!) * origin[i]!;
      // origin' H direction from the lower triangle: each row gives its half for both vectors.
      b += across * direction[i]! + along * origin[i]!;
    }
    return { a, b, c };
  }

  #factorAt(damping: number): boolean {
    return factorShifted(this.#system, damping, this.#factor);
  }

  /** Compares the factor's diagonal, which stands for the singular values, with rounding. */
  #hasFullRank(residualCount: number): boolean {
    let largest = 0;
    let smallest = Infinity;
    for (let i = 0; i < this.size; i++) {
      const inverse = this.#factor[i * this.size + i]!;
      if (inverse > largest) largest = inverse;
      if (inverse < smallest) smallest = inverse;
    }
    return smallest > Number.EPSILON * (residualCount + this.size) * largest;
  }

  /** Solves with the factor at hand into `step`; its length. */
  #stepLength(): number {
    const { step } = this;
    for (let i = 0; i < this.size; i++) step[i] = -this.gradient[i]!;
    solveLower(this.#triangle, step, step);
    solveUpper(this.#triangle, step);
    return this.#norm(step);
  }

  /** d||p||/da = -||L^-1 p||^2 / ||p||. */
  #lengthSlope(length: number): number {
    solveLower(this.#triangle, this.step, this.#work);
    const inner = this.#norm(this.#work);
    return -(inner * inner) / length;
  }

  #norm(vector: Float64Array): number {
    let sum = 0;
    for (let i = 0; i < this.size; i++) sum += vector[i]! * vector[i]!;
    return Math.sqrt(sum);
  }
}

/** Where the damping starts when it is unknown or left its bracket. */
function startDamping(lower: number, upper: number): number {
  return Math.max(LOWEST_START * upper, Math.sqrt(lower * upper));
}
