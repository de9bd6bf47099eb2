/** One transition of multinomial no-U-turn sampling. */
import type { SeededRandom } from '../random.js';
import { Metric } from './metric.js';
import type { BayesianModel } from './model.js';

/** A rise of the energy by this much ends a trajectory: the integration has left the level set. */
const DIVERGENCE = 1000;

export interface TransitionStats {
  /** Mean acceptance probability over the trajectory. */
  readonly acceptance: number;
  readonly depth: number;
  readonly steps: number;
  readonly diverged: boolean;
  /** Minus log density plus kinetic energy, where the trajectory started. */
  readonly energy: number;
}

/** A point of phase space. */
class Phase {
  readonly position: Float64Array;
  readonly momentum: Float64Array;
  readonly gradient: Float64Array;
  readonly velocity: Float64Array;
  logDensity = 0;

  constructor(dimension: number) {
    this.position = new Float64Array(dimension);
    this.momentum = new Float64Array(dimension);
    this.gradient = new Float64Array(dimension);
    this.velocity = new Float64Array(dimension);
  }

  copy(from: Phase): void {
    this.position.set(from.position);
    this.momentum.set(from.momentum);
    this.gradient.set(from.gradient);
    this.velocity.set(from.velocity);
    this.logDensity = from.logDensity;
  }
}

/** A stretch of a trajectory: its two ends, the sum of its momenta, and one of its points, drawn by weight. */
class Stretch {
  readonly firstMomentum: Float64Array;
  readonly firstVelocity: Float64Array;
  readonly lastMomentum: Float64Array;
  readonly lastVelocity: Float64Array;
  readonly momentumSum: Float64Array;
  readonly position: Float64Array;
  readonly gradient: Float64Array;
  logDensity = 0;
  logWeight = 0;

  constructor(dimension: number) {
    this.firstMomentum = new Float64Array(dimension);
    this.firstVelocity = new Float64Array(dimension);
    this.lastMomentum = new Float64Array(dimension);
    this.lastVelocity = new Float64Array(dimension);
    this.momentumSum = new Float64Array(dimension);
    this.position = new Float64Array(dimension);
    this.gradient = new Float64Array(dimension);
  }

  takePoint(from: { position: Float64Array; gradient: Float64Array; logDensity: number }): void {
    this.position.set(from.position);
    this.gradient.set(from.gradient);
    this.logDensity = from.logDensity;
  }
}

/**
 * Trajectories that double until they turn back, with points drawn by their weight exp(-energy).
 *
 * @see Hoffman & Gelman 2014 (no-U-turn criterion); Betancourt 2017, "A conceptual introduction to Hamiltonian Monte
 * Carlo", appendix A (multinomial weights, criterion on the sum of momenta)
 */
export class Trajectory {
  readonly #model: BayesianModel;
  readonly #random: SeededRandom;
  readonly #maxDepth: number;
  readonly #current: Phase;
  readonly #forward: Phase;
  readonly #backward: Phase;
  readonly #whole: Stretch;
  readonly #grown: Stretch;
  /** Two stretches for each depth: the halves of one that is being built. */
  readonly #halves: readonly (readonly [Stretch, Stretch])[];
  readonly #sum: Float64Array;

  #metric: Metric;
  #stepSize = 1;
  #energy = 0;
  #acceptanceSum = 0;
  #steps = 0;
  #diverged = false;

  constructor(model: BayesianModel, random: SeededRandom, maxDepth: number) {
    const n = model.dimension;
    this.#model = model;
    this.#random = random;
    this.#maxDepth = maxDepth;
    this.#current = new Phase(n);
    this.#forward = new Phase(n);
    this.#backward = new Phase(n);
    this.#whole = new Stretch(n);
    this.#grown = new Stretch(n);
    this.#halves = Array.from({ length: maxDepth }, () => [new Stretch(n), new Stretch(n)] as const);
    this.#sum = new Float64Array(n);
    this.#metric = Metric.identity(n);
  }

  /** Where the chain is. Valid until the next transition. */
  get position(): Float64Array {
    return this.#current.position;
  }

  get gradient(): Float64Array {
    return this.#current.gradient;
  }

  get logDensity(): number {
    return this.#current.logDensity;
  }

  /** @returns whether the density there is positive and finite */
  moveTo(position: Float64Array): boolean {
    const at = this.#current;
    at.position.set(position);
    at.logDensity = this.#model.logDensity(at.position, at.gradient);
    return Number.isFinite(at.logDensity) && at.gradient.every(Number.isFinite);
  }

  set metric(metric: Metric) {
    this.#metric = metric;
  }

  /**
   * A step size for which one step is accepted with a probability near 0.8, by doubling or halving.
   *
   * @param guess - where the search starts
   */
  reasonableStepSize(guess: number): number {
    const probe = this.#forward;
    let size = guess;
    let direction = 0;
    for (let i = 0; i < 100; i++) {
      probe.copy(this.#current);
      this.#metric.drawMomentum(this.#random, probe.momentum);
      const before = this.#energyOf(probe);
      this.#step(probe, size);
      const change = before - this.#energyOf(probe);
      const wanted = change > Math.log(0.8) ? 1 : -1;
      if (direction === 0) direction = wanted;
      if (wanted !== direction) return size;
      size *= direction === 1 ? 2 : 0.5;
      if (!(size > 1e-300 && size < 1e300)) break;
    }
    return guess;
  }

  /** Moves the chain once. */
  transition(stepSize: number): TransitionStats {
    const { position, momentum } = this.#current;
    this.#metric.drawMomentum(this.#random, momentum);
    this.#energy = this.#energyOf(this.#current);
    this.#stepSize = stepSize;
    this.#acceptanceSum = 0;
    this.#steps = 0;
    this.#diverged = false;
    this.#forward.copy(this.#current);
    this.#backward.copy(this.#current);
    const whole = this.#whole;
    whole.takePoint(this.#current);
    whole.logWeight = 0;
    for (const target of [whole.firstMomentum, whole.lastMomentum, whole.momentumSum]) target.set(momentum);
    for (const target of [whole.firstVelocity, whole.lastVelocity]) target.set(this.#current.velocity);
    let depth = 0;
    while (depth < this.#maxDepth) {
      const isForward = this.#random.uniform() < 0.5;
      const end = isForward ? this.#forward : this.#backward;
      const grown = this.#grown;
      if (!this.#build(depth, end, isForward ? 1 : -1, grown)) break;
      depth += 1;
      // Biased towards the new half: this moves further than weights alone, and keeps the distribution.
      if (Math.log(this.#random.uniform()) < grown.logWeight - whole.logWeight) whole.takePoint(grown);
      const turns = isForward ? this.#turns(whole, grown) : this.#turnsBackward(whole, grown);
      this.#joinEnds(whole, grown, isForward);
      if (turns) break;
    }
    position.set(whole.position);
    this.#current.gradient.set(whole.gradient);
    this.#current.logDensity = whole.logDensity;
    return {
      acceptance: this.#steps === 0 ? 0 : this.#acceptanceSum / this.#steps,
      depth,
      steps: this.#steps,
      diverged: this.#diverged,
      energy: this.#energy,
    };
  }

  /** A stretch of 2^depth points beyond an end. @returns false when it turned back or diverged */
  #build(depth: number, end: Phase, sign: 1 | -1, into: Stretch): boolean {
    if (depth === 0) return this.#buildPoint(end, sign, into);
    const [near, far] = this.#halves[depth - 1]!;
    if (!this.#build(depth - 1, end, sign, near)) return false;
    if (!this.#build(depth - 1, end, sign, far)) return false;
    const turns = this.#turns(near, far);
    into.logWeight = logAddExp(near.logWeight, far.logWeight);
    const takesFar = Math.log(this.#random.uniform()) < far.logWeight - into.logWeight;
    into.takePoint(takesFar ? far : near);
    into.firstMomentum.set(near.firstMomentum);
    into.firstVelocity.set(near.firstVelocity);
    into.lastMomentum.set(far.lastMomentum);
    into.lastVelocity.set(far.lastVelocity);
    addInto(near.momentumSum, far.momentumSum, into.momentumSum);
    return !turns;
  }

  #buildPoint(end: Phase, sign: 1 | -1, into: Stretch): boolean {
    this.#step(end, sign * this.#stepSize);
    this.#steps += 1;
    const energy = this.#energyOf(end);
    const change = this.#energy - energy;
    if (!(change > -DIVERGENCE)) {
      this.#diverged = true;
      return false;
    }
    this.#acceptanceSum += Math.min(1, Math.exp(change));
    into.logWeight = change;
    into.takePoint(end);
    for (const target of [into.firstMomentum, into.lastMomentum, into.momentumSum]) target.set(end.momentum);
    for (const target of [into.firstVelocity, into.lastVelocity]) target.set(end.velocity);
    return true;
  }

  /** Whether the whole of two neighbours turned back, or either of them with the first point of the other. */
  #turns(near: Stretch, far: Stretch): boolean {
    const sum = this.#sum;
    addInto(near.momentumSum, far.momentumSum, sum);
    if (!goesOn(near.firstVelocity, far.lastVelocity, sum)) return true;
    addInto(near.momentumSum, far.firstMomentum, sum);
    if (!goesOn(near.firstVelocity, far.firstVelocity, sum)) return true;
    addInto(far.momentumSum, near.lastMomentum, sum);
    return !goesOn(near.lastVelocity, far.lastVelocity, sum);
  }

  /** As `#turns`, where the new stretch was built backward in time from the first end of the whole. */
  #turnsBackward(whole: Stretch, grown: Stretch): boolean {
    const sum = this.#sum;
    addInto(whole.momentumSum, grown.momentumSum, sum);
    if (!goesOn(whole.lastVelocity, grown.lastVelocity, sum)) return true;
    addInto(whole.momentumSum, grown.firstMomentum, sum);
    if (!goesOn(whole.lastVelocity, grown.firstVelocity, sum)) return true;
    addInto(grown.momentumSum, whole.firstMomentum, sum);
    return !goesOn(whole.firstVelocity, grown.lastVelocity, sum);
  }

  #joinEnds(whole: Stretch, grown: Stretch, isForward: boolean): void {
    whole.logWeight = logAddExp(whole.logWeight, grown.logWeight);
    addInto(whole.momentumSum, grown.momentumSum, whole.momentumSum);
    (isForward ? whole.lastMomentum : whole.firstMomentum).set(grown.lastMomentum);
    (isForward ? whole.lastVelocity : whole.firstVelocity).set(grown.lastVelocity);
  }

  /** A leapfrog step. */
  #step(at: Phase, size: number): void {
    const n = at.position.length;
    const { position, momentum, gradient, velocity } = at;
    for (let i = 0; i < n; i++) momentum[i] = momentum[i]! + 0.5 * size * gradient[i]!;
    this.#metric.velocity(momentum, velocity);
    for (let i = 0; i < n; i++) position[i] = position[i]! + size * velocity[i]!;
    at.logDensity = this.#model.logDensity(position, gradient);
    for (let i = 0; i < n; i++) momentum[i] = momentum[i]! + 0.5 * size * gradient[i]!;
  }

  /** Minus log density plus kinetic energy; sets the velocity. Infinite where the density is 0 or unknown. */
  #energyOf(at: Phase): number {
    this.#metric.velocity(at.momentum, at.velocity);
    let kinetic = 0;
    for (let i = 0; i < at.momentum.length; i++) kinetic += at.momentum[i]! * at.velocity[i]!;
    const energy = 0.5 * kinetic - at.logDensity;
    return Number.isFinite(energy) ? energy : Infinity;
  }
}

function goesOn(first: Float64Array, last: Float64Array, sum: Float64Array): boolean {
  let a = 0;
  let b = 0;
  for (let i = 0; i < sum.length; i++) {
    a += first[i]! * sum[i]!;
    b += last[i]! * sum[i]!;
  }
  return a > 0 && b > 0;
}

function addInto(a: Float64Array, b: Float64Array, out: Float64Array): void {
  for (let i = 0; i < out.length; i++) out[i] = a[i]! + b[i]!;
}

function logAddExp(a: number, b: number): number {
  const most = Math.max(a, b);
  return most === -Infinity ? -Infinity : most + Math.log(Math.exp(a - most) + Math.exp(b - most));
}
