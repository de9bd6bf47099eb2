import type { ProjectedResponse } from './projected-response.js';

/** What of amplitude and baseline is held, per voxel. */
export interface HeldLinear {
  readonly amplitude: number | null;
  readonly baseline: number | null;
}

export interface VoxelOptimum {
  readonly theta: Float64Array;
  readonly amplitude: number;
  readonly ssq: number;
  readonly iterations: number;
  readonly isConverged: boolean;
  readonly isAtBound: boolean;
  /** Where a continued fit goes on. */
  readonly damping: number;
}

export interface VoxelSearch {
  /** Lowest and highest theta of each coordinate. */
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** Coordinates that stay where they start. */
  readonly held: readonly boolean[];
  readonly allowNegative: boolean;
  readonly maxIterations: number;
}

interface Problem {
  readonly series: Float64Array;
  readonly total: number;
  readonly search: VoxelSearch;
  readonly amplitude: number | null;
}

interface State {
  readonly amplitude: number;
  readonly ssq: number;
}

interface Damping {
  value: number;
  /** Factor of the next rejection. */
  growth: number;
}

const FIRST_DAMPING = 0.1;
const LEAST_DAMPING = 1e-9;
const MAX_TRIALS = 8;
/** A decrease below this share of the data's energy ends a fit. */
const SMALL_DECREASE = 1e-9;

/**
 * Separable least squares of one voxel: the amplitude is eliminated (variable projection), Levenberg-Marquardt moves
 * the other coordinates with the exact Jacobian; bounds by an active set.
 *
 * With p and y without mean: a = p'y / p'p, cost = y'y - (p'y)^2 / p'p, r = y - a p, half the gradient -a d_i'r, and
 * the normal matrix a^2 (d_i'd_j - (p'd_i)(p'd_j) / p'p) + (d_i'r)(d_j'r) / p'p.
 *
 * @see Golub & Pereyra 1973; Kaufman 1975
 */
export class VoxelFit {
  readonly #response: ProjectedResponse;
  readonly #size: number;
  readonly #normal: Float64Array;
  readonly #damped: Float64Array;
  readonly #gradient: Float64Array;
  readonly #step: Float64Array;
  readonly #alongP: Float64Array;
  readonly #alongR: Float64Array;
  readonly #reach: Float64Array;

  constructor(response: ProjectedResponse) {
    this.#response = response;
    const size = response.coordinates.length;
    this.#size = size;
    this.#normal = new Float64Array(size * size);
    this.#damped = new Float64Array(size * size);
    this.#gradient = new Float64Array(size);
    this.#step = new Float64Array(size);
    this.#alongP = new Float64Array(size);
    this.#alongR = new Float64Array(size);
    this.#reach = new Float64Array(size);
  }

  /**
   * @param series - data after projection
   * @param total - its sum of squares
   * @param start - not changed
   * @param amplitude - held at this value, or null
   */
  run(
    series: Float64Array,
    total: number,
    start: Float64Array,
    search: VoxelSearch,
    amplitude: number | null = null,
    firstDamping = FIRST_DAMPING,
  ): VoxelOptimum {
    const theta = start.map((value, i) => clamp(value, search.low[i]!, search.high[i]!));
    const trial = new Float64Array(theta.length);
    this.#response.evaluate(theta, true);
    let state = this.#cost(series, total, search.allowNegative, amplitude);
    const problem: Problem = { series, total, search, amplitude };
    const damping: Damping = { value: firstDamping, growth: 2 };
    let iterations = 0;
    let isConverged = false;
    while (!isConverged && iterations < search.maxIterations) {
      iterations += 1;
      if (!this.#linearise(series, state.amplitude, amplitude === null)) break;
      const next = this.#descend(problem, theta, trial, state.ssq, damping);
      if (next === null) {
        isConverged = true;
        break;
      }
      isConverged = state.ssq - next.ssq <= SMALL_DECREASE * total;
      theta.set(trial);
      state = next;
    }
    const isAtBound = theta.some(
      (value, i) => !search.held[i] && (value <= search.low[i]! || value >= search.high[i]!),
    );
    return { theta, ...state, iterations, isConverged, isAtBound, damping: damping.value };
  }

  /** Tries steps with growing damping until one lowers the cost. @returns null when none does */
  #descend(
    problem: Problem,
    theta: Float64Array,
    trial: Float64Array,
    ssq: number,
    damping: Damping,
  ): State | null {
    const { series, total, search, amplitude } = problem;
    const active = this.#active(theta, search);
    for (let attempt = 0; attempt < MAX_TRIALS; attempt++) {
      if (!this.#propose(theta, trial, active, search, damping.value, total)) return null;
      const predicted = this.#predictedDecrease(theta, trial);
      this.#response.evaluate(trial, true);
      const state = this.#cost(series, total, search.allowNegative, amplitude);
      if (state.ssq < ssq) {
        relax(damping, (ssq - state.ssq) / predicted);
        return state;
      }
      damping.value *= damping.growth;
      damping.growth *= 2;
    }
    return null;
  }

  #cost(series: Float64Array, total: number, allowNegative: boolean, held: number | null): State {
    const { p, frames } = this.#response;
    let pp = 0;
    let py = 0;
    for (let t = 0; t < frames; t++) {
      pp += p[t]! * p[t]!;
      py += p[t]! * series[t]!;
    }
    if (held !== null) return { amplitude: held, ssq: total - 2 * held * py + held * held * pp };
    if (!(pp > 1e-200) || (!allowNegative && py <= 0)) return { amplitude: 0, ssq: total };
    return { amplitude: py / pp, ssq: Math.max(total - (py * py) / pp, 0) };
  }

  /** Gradient and normal matrix at the last evaluation. @returns false where the response is flat */
  #linearise(series: Float64Array, amplitude: number, isProjected: boolean): boolean {
    const { p, slopes, frames } = this.#response;
    const size = this.#size;
    let pp = 0;
    for (let t = 0; t < frames; t++) pp += p[t]! * p[t]!;
    if (!(pp > 1e-200)) return false;
    for (let i = 0; i < size; i++) {
      let alongP = 0;
      let alongR = 0;
      const at = i * frames;
      for (let t = 0; t < frames; t++) {
        alongP += slopes[at + t]! * p[t]!;
        alongR += slopes[at + t]! * (series[t]! - amplitude * p[t]!);
      }
      this.#alongP[i] = alongP;
      this.#alongR[i] = alongR;
      this.#gradient[i] = amplitude * alongR;
    }
    for (let i = 0; i < size; i++) {
      for (let j = i; j < size; j++) {
        let dot = 0;
        const a = i * frames;
        const b = j * frames;
        for (let t = 0; t < frames; t++) dot += slopes[a + t]! * slopes[b + t]!;
        const projected = isProjected
          ? amplitude * amplitude * (dot - (this.#alongP[i]! * this.#alongP[j]!) / pp) +
            (this.#alongR[i]! * this.#alongR[j]!) / pp
          : amplitude * amplitude * dot;
        this.#normal[i * size + j] = projected;
        this.#normal[j * size + i] = projected;
      }
    }
    return true;
  }

  /** Coordinates that are held, or at a bound that the descent would leave. */
  #active(theta: Float64Array, search: VoxelSearch): boolean[] {
    return Array.from(theta, (value, i) => {
      const outwards =
        (value <= search.low[i]! && this.#gradient[i]! < 0) ||
        (value >= search.high[i]! && this.#gradient[i]! > 0);
      return search.held[i] === true || outwards;
    });
  }

  /**
   * Writes the next point: the damped step; a coordinate that would leave its range goes to the bound, and the others
   * are solved again with that.
   *
   * @returns false when nothing worth a trial is left
   */
  #propose(
    theta: Float64Array,
    trial: Float64Array,
    active: readonly boolean[],
    search: VoxelSearch,
    lambda: number,
    total: number,
  ): boolean {
    const size = this.#size;
    this.#limits(theta);
    const settled = active.slice();
    trial.set(theta);
    for (let pass = 0; pass <= size; pass++) {
      this.#solve(theta, trial, settled, lambda);
      const leaving = this.#firstLeaving(theta, settled, search);
      if (leaving < 0) break;
      settled[leaving] = true;
      trial[leaving] = clamp(
        theta[leaving]! + this.#step[leaving]!,
        search.low[leaving]!,
        search.high[leaving]!,
      );
    }
    let largest = 0;
    for (let i = 0; i < size; i++) {
      if (settled[i] !== true)
        trial[i] = theta[i]! + clamp(this.#step[i]!, -this.#reach[i]!, this.#reach[i]!);
      largest = Math.max(largest, Math.abs(trial[i]! - theta[i]!) / this.#reach[i]!);
    }
    return largest > 1e-10 && Math.abs(this.#predictedDecrease(theta, trial)) > SMALL_DECREASE * total;
  }

  /** The step of the coordinates that are not settled, given how far the settled ones go. */
  #solve(theta: Float64Array, trial: Float64Array, settled: readonly boolean[], lambda: number): void {
    const size = this.#size;
    for (let i = 0; i < size; i++) {
      const isFree = settled[i] !== true;
      this.#step[i] = isFree ? this.#gradient[i]! : 0;
      for (let j = 0; j < size; j++) {
        const both = isFree && settled[j] !== true;
        this.#damped[i * size + j] = both ? this.#normal[i * size + j]! : i === j ? 1 : 0;
        if (isFree && !both)
          this.#step[i] = this.#step[i]! - this.#normal[i * size + j]! * (trial[j]! - theta[j]!);
      }
      if (isFree) this.#damped[i * size + i] = this.#damped[i * size + i]! * (1 + lambda) + 1e-300;
    }
    eliminate(this.#damped, this.#step, size);
    for (let i = 0; i < size; i++) if (!Number.isFinite(this.#step[i]!)) this.#step[i] = 0;
  }

  #firstLeaving(theta: Float64Array, settled: readonly boolean[], search: VoxelSearch): number {
    return theta.findIndex((value, i) => {
      if (settled[i] === true) return false;
      const next = value + clamp(this.#step[i]!, -this.#reach[i]!, this.#reach[i]!);
      return next < search.low[i]! || next > search.high[i]!;
    });
  }

  /** What the normal matrix says a step will bring. */
  #predictedDecrease(theta: Float64Array, trial: Float64Array): number {
    const size = this.#size;
    let decrease = 0;
    for (let i = 0; i < size; i++) {
      const move = trial[i]! - theta[i]!;
      decrease += 2 * move * this.#gradient[i]!;
      for (let j = 0; j < size; j++) decrease -= move * this.#normal[i * size + j]! * (trial[j]! - theta[j]!);
    }
    return decrease;
  }

  /** How far one step may go: a logarithm by 0.7, a place by about two sizes, all else by a quarter of its range. */
  #limits(theta: Float64Array): void {
    const { coordinates } = this.#response;
    const size = coordinates.findIndex(({ isLogarithmic }) => isLogarithmic);
    const extent = size < 0 ? 0 : Math.exp(theta[size]!);
    coordinates.forEach(({ isLogarithmic, bounds: [low, high] }, i) => {
      const quarter = (high - low) / 4;
      const place = i < size ? 2 * extent + (high - low) / 26 : quarter;
      this.#reach[i] = isLogarithmic ? 0.7 : Math.min(place, quarter);
    });
  }
}

/** Less damping the better the last step was foreseen. @see Nielsen 1999, "Damping parameter in Marquardt's method" */
function relax(damping: Damping, gain: number): void {
  damping.value = Math.max(damping.value * Math.max(1 / 5, 1 - (2 * gain - 1) ** 3), LEAST_DAMPING);
  damping.growth = 2;
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

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
