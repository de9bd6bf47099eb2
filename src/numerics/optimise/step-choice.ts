import type { TrustRegionSubproblem } from './trust-region-subproblem.js';

export interface ChosenStep {
  /** In the problem's variables, and in the scaled ones. */
  readonly step: Float64Array;
  readonly scaledStep: Float64Array;
  /** Reduction of the cost that the quadratic model promises. */
  readonly predicted: number;
}

interface Surroundings {
  readonly x: Float64Array;
  readonly bounds: { readonly lower: Float64Array; readonly upper: Float64Array };
  readonly radius: number;
  /** Fraction of the way to a bound that may be used. */
  readonly theta: number;
}

/**
 * What is done with a step that leaves the bounds: the step cut short, its reflection at the bound, or steepest descent,
 * whichever has the lowest value of the quadratic model (Branch, Coleman & Li 1999, section 3).
 */
export class StepChoice {
  readonly #step: Float64Array;
  readonly #cut: Float64Array;
  readonly #reflected: Float64Array;
  readonly #descent: Float64Array;
  readonly #ray: Float64Array;
  readonly #onBound: Float64Array;

  constructor(capacity: number) {
    this.#step = new Float64Array(capacity);
    this.#cut = new Float64Array(capacity);
    this.#reflected = new Float64Array(capacity);
    this.#descent = new Float64Array(capacity);
    this.#ray = new Float64Array(capacity);
    this.#onBound = new Float64Array(capacity);
  }

  /** The arrays of the result are overwritten by the next call. */
  choose(subproblem: TrustRegionSubproblem, around: Surroundings): ChosenStep {
    const { size, scale } = subproblem;
    const { x, bounds, theta } = around;
    let isInside = true;
    for (let i = 0; i < size; i++) {
      const value = scale[i]! * subproblem.step[i]!;
      this.#step[i] = value;
      const target = x[i]! + value;
      if (target < bounds.lower[i]! || target > bounds.upper[i]!) isInside = false;
    }
    if (isInside) {
      const { a, b } = subproblem.alongLine(subproblem.step);
      return { step: this.#step, scaledStep: subproblem.step, predicted: -(a + b) };
    }
    const stride = strideToBound(x, this.#step, bounds, size);
    const reflectedValue = this.#reflect(subproblem, around, stride);
    for (let i = 0; i < size; i++) this.#cut[i] = theta * stride * subproblem.step[i]!;
    const cut = subproblem.alongLine(this.#cut);
    const cutValue = cut.a + cut.b;
    const descentValue = this.#descend(subproblem, around);
    let scaledStep = this.#descent;
    let value = descentValue;
    if (cutValue < reflectedValue && cutValue < descentValue) [scaledStep, value] = [this.#cut, cutValue];
    else if (reflectedValue < cutValue && reflectedValue < descentValue) {
      [scaledStep, value] = [this.#reflected, reflectedValue];
    }
    for (let i = 0; i < size; i++) this.#step[i] = scale[i]! * scaledStep[i]!;
    return { step: this.#step, scaledStep, predicted: -value };
  }

  /** The step that goes on from the bound with the components turned round that hit it; its model value. */
  #reflect(subproblem: TrustRegionSubproblem, around: Surroundings, stride: number): number {
    const { size, scale } = subproblem;
    const { x, bounds, radius, theta } = around;
    const toHit = this.#onBound;
    for (let i = 0; i < size; i++) toHit[i] = stride * subproblem.step[i]!;
    let a = 0;
    let b = 0;
    let c = -radius * radius;
    for (let i = 0; i < size; i++) {
      const move = this.#step[i]!;
      const hits = strideOf(x[i]!, move, bounds.lower[i]!, bounds.upper[i]!) === stride;
      const along = hits ? -subproblem.step[i]! : subproblem.step[i]!;
      this.#reflected[i] = along;
      a += along * along;
      b += toHit[i]! * along;
      c += toHit[i]! * toHit[i]!;
    }
    const root = Math.sqrt(Math.max(b * b - a * c, 0));
    const q = -(b + (b >= 0 ? root : -root));
    const toRadius = Math.max(q / a, c / q);
    for (let i = 0; i < size; i++) {
      this.#ray[i] = scale[i]! * this.#reflected[i]!;
      this.#cut[i] = x[i]! + scale[i]! * toHit[i]!;
    }
    const toBound = strideToBound(this.#cut, this.#ray, bounds, size);
    const longest = Math.min(toBound, toRadius);
    if (!(longest > 0)) return Infinity;
    const low = ((1 - theta) * stride) / longest;
    const high = longest === toBound ? theta * toBound : toRadius;
    if (!(low <= high)) return Infinity;
    const best = lowestOnSegment(subproblem.alongLine(this.#reflected, toHit), low, high);
    for (let i = 0; i < size; i++) this.#reflected[i] = best.at * this.#reflected[i]! + toHit[i]!;
    return best.value;
  }

  /** Steepest descent in the scaled variables; its model value. */
  #descend(subproblem: TrustRegionSubproblem, around: Surroundings): number {
    const { size, scale, gradient } = subproblem;
    let sum = 0;
    for (let i = 0; i < size; i++) {
      const down = -gradient[i]!;
      this.#descent[i] = down;
      this.#ray[i] = scale[i]! * down;
      sum += down * down;
    }
    const toRadius = around.radius / Math.sqrt(sum);
    const toBound = strideToBound(around.x, this.#ray, around.bounds, size);
    const high = toBound < toRadius ? around.theta * toBound : toRadius;
    const best = lowestOnSegment(subproblem.alongLine(this.#descent), 0, high);
    for (let i = 0; i < size; i++) this.#descent[i]! *= best.at;
    return best.value;
  }
}

/** How many times `move` fits between x and the bound it points to. */
function strideOf(x: number, move: number, lower: number, upper: number): number {
  return move === 0 ? Infinity : Math.max((lower - x) / move, (upper - x) / move);
}

function strideToBound(
  x: Float64Array,
  move: Float64Array,
  bounds: { readonly lower: Float64Array; readonly upper: Float64Array },
  size: number,
): number {
  let shortest = Infinity;
  for (let i = 0; i < size; i++) {
    const stride = strideOf(x[i]!, move[i]!, bounds.lower[i]!, bounds.upper[i]!);
    if (stride < shortest) shortest = stride;
  }
  return shortest;
}

/** Minimum of a t^2 + b t + c on [low, high]; on ties the earlier of low, high, vertex. */
function lowestOnSegment(
  { a, b, c }: { a: number; b: number; c: number },
  low: number,
  high: number,
): { at: number; value: number } {
  let at = low;
  let value = low * (a * low + b) + c;
  const atHigh = high * (a * high + b) + c;
  if (atHigh < value) [at, value] = [high, atHigh];
  const vertex = (-0.5 * b) / a;
  if (low < vertex && vertex < high) {
    const atVertex = vertex * (a * vertex + b) + c;
    if (atVertex < value) [at, value] = [vertex, atVertex];
  }
  return { at, value };
}
