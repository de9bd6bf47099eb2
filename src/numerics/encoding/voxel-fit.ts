import { MomentLayout } from './moment-source.js';
import type { Coordinate } from './projected-response.js';

export interface VoxelSearch {
  /** Lowest and highest theta of each coordinate. */
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** Coordinates that stay where they start. */
  readonly held: readonly boolean[];
  readonly allowNegative: boolean;
  readonly maxIterations: number;
}

/** Of one voxel: where its data are, their energy, and the amplitude where it is held. */
export interface VoxelProblem {
  /** Row of the series. */
  readonly voxel: number;
  /** Sum of squares of the data after projection. */
  readonly total: number;
  readonly amplitude: number | null;
}

const FIRST_DAMPING = 0.1;
const LEAST_DAMPING = 1e-9;
const MAX_TRIALS = 8;
/** A decrease below this share of what is unexplained ends a fit; data without noise end by the share of their energy. */
const SMALL_DECREASE = 1e-7;
const SMALL_SHARE = 1e-13;
/** So does one below this share that came about as foreseen, to this error: the next would be far smaller. */
const LAST_DECREASE = 1e-6;
const FORESEEN = 0.3;
/** Energy of a response that counts as none. */
const FLAT = 1e-200;
/** Share of the normal matrix that must be left of every pivot for the curvature of the residual to be trusted. */
const LEAST_PIVOT = 1e-3;

/**
 * Separable least squares of one voxel from one start: the amplitude is eliminated (variable projection),
 * Levenberg-Marquardt moves the other coordinates with the exact Jacobian; bounds by an active set.
 *
 * With p and y without mean: a = p'y / p'p, cost = y'y - (p'y)^2 / p'p, r = y - a p, half the gradient -a d_i'r, and
 * the normal matrix a^2 (d_i'd_j - (p'd_i)(p'd_j) / p'p) + (d_i'r)(d_j'r) / p'p. Noise leaves large residuals, whose
 * curvature the normal matrix lacks: it is learned from the change of the gradient along each step.
 *
 * It never evaluates the model: it names a point, the caller brings the sums there, so that the points of many fits can
 * be evaluated at once.
 *
 * @see Golub & Pereyra 1973; Dennis, Gay & Welsch 1981, "An adaptive nonlinear least-squares algorithm"
 */
export class VoxelFit {
  /** The best point so far. */
  readonly theta: Float64Array;
  /** The point whose sums are wanted next. */
  readonly trial: Float64Array;
  problem: VoxelProblem = { voxel: 0, total: 0, amplitude: null };
  amplitude = 0;
  ssq = Infinity;
  /** Mean of the response at {@link theta}. */
  mean = 0;
  iterations = 0;
  isConverged = false;
  readonly #layout: MomentLayout;
  readonly #search: VoxelSearch;
  readonly #range: StepRange;
  readonly #normal: Float64Array;
  /** Learned curvature of the residual, and what steps are solved with: the normal matrix with or without it. */
  readonly #secant: Float64Array;
  readonly #model: Float64Array;
  readonly #gradient: Float64Array;
  readonly #scratch: VoxelScratch;
  #damping = FIRST_DAMPING;
  /** Factor of the next rejection. */
  #growth = 2;
  #attempts = 0;
  #budget = 0;
  #predicted = 0;
  #isStarted = false;
  #isFlat = false;

  constructor(layout: MomentLayout, search: VoxelSearch, range: StepRange, scratch: VoxelScratch) {
    const { size } = layout;
    this.#layout = layout;
    this.#search = search;
    this.#range = range;
    this.theta = new Float64Array(size);
    this.trial = new Float64Array(size);
    this.#normal = new Float64Array(size * size);
    this.#secant = new Float64Array(size * size);
    this.#model = new Float64Array(size * size);
    this.#gradient = new Float64Array(size);
    this.#scratch = scratch;
  }

  /** A new fit; wants {@link trial} evaluated. */
  begin(problem: VoxelProblem, start: Float64Array): void {
    const { low, high } = this.#search;
    this.problem = problem;
    for (let i = 0; i < this.theta.length; i++) {
      const value = clamp(start[i]!, low[i]!, high[i]!);
      this.theta[i] = value;
      this.trial[i] = value;
    }
    this.amplitude = 0;
    this.ssq = problem.total;
    this.iterations = 0;
    this.isConverged = false;
    this.#secant.fill(0);
    this.#damping = FIRST_DAMPING;
    this.#growth = 2;
    this.#attempts = 0;
    this.#isStarted = false;
    this.#isFlat = false;
  }

  /**
   * Allows iterations up to this number in all.
   *
   * @returns whether {@link trial} is to be evaluated
   */
  extend(iterations: number): boolean {
    this.#budget = Math.min(iterations, this.#search.maxIterations);
    return !this.#isStarted || this.#proceed();
  }

  /**
   * Takes the sums at {@link trial}.
   *
   * @returns whether the next {@link trial} is to be evaluated
   */
  receive(moments: Float64Array, at: number): boolean {
    const pp = moments[at + MomentLayout.pp]!;
    const py = moments[at + MomentLayout.py]!;
    const { total, amplitude: held } = this.problem;
    const isFlat = !(pp > FLAT);
    const isLost = held === null && (isFlat || (!this.#search.allowNegative && py <= 0));
    const amplitude = held ?? (isLost ? 0 : py / pp);
    let ssq = total;
    if (held !== null) ssq = total - 2 * held * py + held * held * pp;
    else if (!isLost) ssq = Math.max(total - (py * py) / pp, 0);
    if (this.#isStarted && !(ssq < this.ssq)) return this.#reject();
    const decrease = this.ssq - ssq;
    this.amplitude = amplitude;
    this.ssq = ssq;
    this.mean = moments[at + MomentLayout.mean]!;
    this.#isFlat = isFlat;
    for (let i = 0; i < this.theta.length; i++) {
      this.#scratch.move[i] = this.trial[i]! - this.theta[i]!;
      this.#scratch.gradientBefore[i] = this.#gradient[i]!;
      this.theta[i] = this.trial[i]!;
    }
    if (!isFlat) {
      this.#linearise(moments, at, held === null);
      if (this.#isStarted) this.#learnCurvature();
      this.#chooseModel();
    }
    if (this.#isStarted) this.#relax(decrease);
    this.#isStarted = true;
    return this.#proceed();
  }

  get isAtBound(): boolean {
    const { low, high, held } = this.#search;
    return this.theta.some((value, i) => !held[i] && (value <= low[i]! || value >= high[i]!));
  }

  /** The next trial from the best point. @returns false when the fit is over, or has used what it may */
  #proceed(): boolean {
    if (this.isConverged || this.#isFlat || this.iterations >= this.#budget) return false;
    this.iterations += 1;
    this.#attempts = 0;
    return this.#propose();
  }

  #reject(): boolean {
    this.#damping *= this.#growth;
    this.#growth *= 2;
    this.#attempts += 1;
    if (this.#attempts < MAX_TRIALS) return this.#propose();
    this.isConverged = true;
    return false;
  }

  /** Less damping the better the last step was foreseen. @see Nielsen 1999, "Damping parameter in Marquardt's method" */
  #relax(decrease: number): void {
    const gain = decrease / this.#predicted;
    this.#damping = Math.max(this.#damping * Math.max(1 / 5, 1 - (2 * gain - 1) ** 3), LEAST_DAMPING);
    this.#growth = 2;
    const isLast = decrease <= LAST_DECREASE * this.ssq && Math.abs(gain - 1) < FORESEEN;
    this.isConverged = isLast || decrease <= this.#smallDecrease;
  }

  get #smallDecrease(): number {
    return SMALL_DECREASE * this.ssq + SMALL_SHARE * this.problem.total;
  }

  /** Half the negative gradient, and the normal matrix. */
  #linearise(moments: Float64Array, at: number, isProjected: boolean): void {
    const { size, alongP, alongY, gram } = this.#layout;
    const a = this.amplitude;
    const pp = moments[at + MomentLayout.pp]!;
    for (let i = 0; i < size; i++) {
      this.#gradient[i] = a * (moments[at + alongY + i]! - a * moments[at + alongP + i]!);
    }
    let pair = at + gram;
    for (let i = 0; i < size; i++) {
      const alongI = moments[at + alongP + i]!;
      const residualI = moments[at + alongY + i]! - a * alongI;
      for (let j = i; j < size; j++) {
        let value = a * a * moments[pair++]!;
        if (isProjected) {
          const alongJ = moments[at + alongP + j]!;
          const residualJ = moments[at + alongY + j]! - a * alongJ;
          value += (residualI * residualJ - a * a * alongI * alongJ) / pp;
        }
        this.#normal[i * size + j] = value;
        this.#normal[j * size + i] = value;
      }
    }
  }

  /**
   * The change of the gradient along the last step, less what the normal matrix explains of it, is the curvature of the
   * residual along that step: the symmetric update nearest to the last estimate that has it.
   */
  #learnCurvature(): void {
    const { size } = this.#layout;
    const { move: s, missing, gradientBefore } = this.#scratch;
    const secant = this.#secant;
    let curvature = 0;
    let known = 0;
    let wanted = 0;
    for (let i = 0; i < size; i++) {
      let byNormal = 0;
      let bySecant = 0;
      for (let j = 0; j < size; j++) {
        byNormal += this.#normal[i * size + j]! * s[j]!;
        bySecant += secant[i * size + j]! * s[j]!;
      }
      const change = gradientBefore[i]! - this.#gradient[i]!;
      missing[i] = change - byNormal;
      curvature += change * s[i]!;
      known += bySecant * s[i]!;
      wanted += missing[i]! * s[i]!;
    }
    // What was learned far away may be too large here.
    const sizing = known === 0 ? 1 : Math.min(1, Math.abs(wanted / known));
    for (let k = 0; k < size * size; k++) secant[k] = secant[k]! * sizing;
    if (!(curvature > 0)) return;
    let along = 0;
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) missing[i] = missing[i]! - secant[i * size + j]! * s[j]!;
      along += missing[i]! * s[i]!;
    }
    for (let i = 0; i < size; i++) {
      const changeI = (gradientBefore[i]! - this.#gradient[i]!) / curvature;
      for (let j = 0; j < size; j++) {
        const changeJ = (gradientBefore[j]! - this.#gradient[j]!) / curvature;
        const update = missing[i]! * changeJ + changeI * missing[j]! - along * changeI * changeJ;
        secant[i * size + j] = secant[i * size + j]! + update;
      }
    }
  }

  /** With the learned curvature where that leaves the matrix safely positive. */
  #chooseModel(): void {
    const { size } = this.#layout;
    for (let k = 0; k < size * size; k++) {
      this.#model[k] = this.#normal[k]! + this.#secant[k]!;
      this.#scratch.damped[k] = this.#model[k]!;
    }
    if (!isPositive(this.#scratch.damped, this.#normal, size)) this.#model.set(this.#normal);
  }

  /**
   * Writes the next point: the damped step; a coordinate that would leave its range goes to the bound, and the others
   * are solved again with that.
   *
   * @returns false when nothing worth a trial is left
   */
  #propose(): boolean {
    const { theta, trial } = this;
    const { low, high, held } = this.#search;
    const { size } = this.#layout;
    const { reach } = this.#scratch;
    this.#range.at(theta, reach);
    for (let i = 0; i < size; i++) {
      const g = this.#gradient[i]!;
      // Held, or at a bound that the descent would leave.
      this.#scratch.settled[i] =
        held[i] === true || (theta[i]! <= low[i]! && g < 0) || (theta[i]! >= high[i]! && g > 0);
      trial[i] = theta[i]!;
    }
    for (let pass = 0; pass <= size; pass++) {
      this.#solve();
      const leaving = this.#firstLeaving();
      if (leaving < 0) break;
      this.#scratch.settled[leaving] = true;
      trial[leaving] = clamp(theta[leaving]! + this.#scratch.step[leaving]!, low[leaving]!, high[leaving]!);
    }
    let largest = 0;
    for (let i = 0; i < size; i++) {
      if (this.#scratch.settled[i] !== true)
        trial[i] = theta[i]! + clamp(this.#scratch.step[i]!, -reach[i]!, reach[i]!);
      largest = Math.max(largest, Math.abs(trial[i]! - theta[i]!) / reach[i]!);
    }
    this.#predicted = this.#predictedDecrease();
    if (largest > 1e-10 && Math.abs(this.#predicted) > this.#smallDecrease) return true;
    this.isConverged = true;
    return false;
  }

  /** The step of the coordinates that are not settled, given how far the settled ones go. */
  #solve(): void {
    const { size } = this.#layout;
    for (let i = 0; i < size; i++) {
      const isFree = this.#scratch.settled[i] !== true;
      let right = isFree ? this.#gradient[i]! : 0;
      for (let j = 0; j < size; j++) {
        const both = isFree && this.#scratch.settled[j] !== true;
        this.#scratch.damped[i * size + j] = both ? this.#model[i * size + j]! : i === j ? 1 : 0;
        if (isFree && !both) right -= this.#model[i * size + j]! * (this.trial[j]! - this.theta[j]!);
      }
      if (isFree) {
        const damping = this.#damping * this.#normal[i * size + i]! + 1e-300;
        this.#scratch.damped[i * size + i] = this.#scratch.damped[i * size + i]! + damping;
      }
      this.#scratch.step[i] = right;
    }
    eliminate(this.#scratch.damped, this.#scratch.step, size);
    for (let i = 0; i < size; i++) if (!Number.isFinite(this.#scratch.step[i]!)) this.#scratch.step[i] = 0;
  }

  #firstLeaving(): number {
    const { low, high } = this.#search;
    for (let i = 0; i < this.#layout.size; i++) {
      if (this.#scratch.settled[i] === true) continue;
      const next =
        this.theta[i]! + clamp(this.#scratch.step[i]!, -this.#scratch.reach[i]!, this.#scratch.reach[i]!);
      if (next < low[i]! || next > high[i]!) return i;
    }
    return -1;
  }

  /** What the model says a step will bring. */
  #predictedDecrease(): number {
    const { size } = this.#layout;
    let decrease = 0;
    for (let i = 0; i < size; i++) {
      const move = this.trial[i]! - this.theta[i]!;
      let along = 2 * this.#gradient[i]!;
      for (let j = 0; j < size; j++) along -= this.#model[i * size + j]! * (this.trial[j]! - this.theta[j]!);
      decrease += move * along;
    }
    return decrease;
  }
}

/** What one call needs and leaves behind, shared by the fits that one caller advances. */
export class VoxelScratch {
  readonly damped: Float64Array;
  /** Gradient at the point before. */
  readonly gradientBefore: Float64Array;
  readonly move: Float64Array;
  readonly missing: Float64Array;
  readonly step: Float64Array;
  readonly reach: Float64Array;
  readonly settled: boolean[];

  constructor(size: number) {
    this.damped = new Float64Array(size * size);
    this.gradientBefore = new Float64Array(size);
    this.move = new Float64Array(size);
    this.missing = new Float64Array(size);
    this.step = new Float64Array(size);
    this.reach = new Float64Array(size);
    this.settled = new Array<boolean>(size).fill(false);
  }
}

/** How far one step may go: a logarithm by 0.7, a place by about two sizes, all else by a quarter of its range. */
export class StepRange {
  readonly #sizeAt: number;
  /** A quarter of the range of each coordinate. */
  readonly quarter: Float64Array;

  constructor(readonly coordinates: readonly Coordinate[]) {
    this.#sizeAt = coordinates.findIndex(({ isLogarithmic }) => isLogarithmic);
    this.quarter = Float64Array.from(coordinates, ({ bounds: [low, high] }) => (high - low) / 4);
  }

  at(theta: Float64Array, reach: Float64Array): void {
    const extent = this.#sizeAt < 0 ? 0 : Math.exp(theta[this.#sizeAt]!);
    for (let i = 0; i < reach.length; i++) {
      const quarter = this.quarter[i]!;
      if (this.coordinates[i]!.isLogarithmic) reach[i] = 0.7;
      else reach[i] = i < this.#sizeAt ? Math.min(2 * extent + quarter / 6.5, quarter) : quarter;
    }
  }
}

/** Solves a x = b in place by Gaussian elimination; a is symmetric and, damped, positive. */
function eliminate(a: Float64Array, b: Float64Array, size: number): void {
  for (let i = 0; i < size; i++) {
    const pivot = a[i * size + i]!;
    for (let row = i + 1; row < size; row++) {
      const factor = a[row * size + i]! / pivot;
      for (let column = i; column < size; column++) {
        a[row * size + column] = a[row * size + column]! - factor * a[i * size + column]!;
      }
      b[row] = b[row]! - factor * b[i]!;
    }
  }
  for (let i = size - 1; i >= 0; i--) {
    let sum = b[i]!;
    for (let column = i + 1; column < size; column++) sum -= a[i * size + column]! * b[column]!;
    b[i] = sum / a[i * size + i]!;
  }
}

/** Eliminates in place. @returns whether every pivot keeps its share of the diagonal of `scale` */
function isPositive(a: Float64Array, scale: Float64Array, size: number): boolean {
  for (let i = 0; i < size; i++) {
    const pivot = a[i * size + i]!;
    if (!(pivot > LEAST_PIVOT * scale[i * size + i]!)) return false;
    for (let row = i + 1; row < size; row++) {
      const factor = a[row * size + i]! / pivot;
      for (let column = i + 1; column < size; column++) {
        a[row * size + column] = a[row * size + column]! - factor * a[i * size + column]!;
      }
    }
  }
  return true;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
