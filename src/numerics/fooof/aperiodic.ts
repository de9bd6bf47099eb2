import { Marquardt, type CurveProblem } from '../optimise/marquardt.js';
import type { FittedGrid } from './prepare.js';
import type { AperiodicMode } from './settings.js';

/** Relative cost and step at which the knee fit ends. */
const KNEE_TOLERANCE = 1.49012e-8;

/** Number of parameters: fixed [offset, exponent], knee [offset, knee, exponent]. */
export const APERIODIC_SIZE: Readonly<Record<AperiodicMode, number>> = { fixed: 2, knee: 3 };

/**
 * The aperiodic part in log10 power: offset - log10(knee + f^exponent), without knee offset - exponent log10 f.
 *
 * @param out - (m), receives it; NaN where knee + f^exponent is negative
 */
export function aperiodicInto(parameters: ArrayLike<number>, grid: FittedGrid, out: Float64Array): void {
  const offset = parameters[0]!;
  if (parameters.length === 2) {
    const exponent = parameters[1]!;
    for (let i = 0; i < out.length; i++) out[i] = offset - exponent * grid.log10[i]!;
    return;
  }
  const [knee, exponent] = [parameters[1]!, parameters[2]!];
  for (let i = 0; i < out.length; i++) out[i] = offset - Math.log10(knee + Math.exp(exponent * grid.ln[i]!));
}

/** Where the bend lies, Hz: knee^(1/exponent); NaN for a negative knee. */
export function kneeFrequency(knee: number, exponent: number): number {
  return knee < 0 ? NaN : knee ** (1 / exponent);
}

/** Least-squares fits of the aperiodic part to all bins or some of them. */
export class AperiodicFitter {
  readonly #grid: FittedGrid;
  readonly #mode: AperiodicMode;
  readonly #maxEvaluations: number;
  readonly #curve: KneeCurve;
  readonly #solver = new Marquardt(3);
  readonly #start = new Float64Array(3);

  constructor(grid: FittedGrid, mode: AperiodicMode, maxEvaluations: number) {
    this.#grid = grid;
    this.#mode = mode;
    this.#maxEvaluations = maxEvaluations;
    this.#curve = new KneeCurve(mode === 'knee' ? grid.frequencies.length : 0);
  }

  /**
   * Least-squares parameters, or null when the knee fit runs out of evaluations.
   *
   * @param values - (m), log10 power
   * @param bins - indices of the bins to use; absent: all
   * @param start - start of the knee fit; the fixed fit is linear and needs none
   */
  fit(values: Float64Array, start: readonly number[], bins?: Int32Array): number[] | null {
    if (this.#mode === 'fixed') return this.#fitLine(values, bins);
    if (bins === undefined) this.#curve.takeAll(values, this.#grid.ln);
    else this.#curve.take(values, this.#grid.ln, bins);
    this.#start.set(start);
    const options = { tolerance: KNEE_TOLERANCE, maxEvaluations: this.#maxEvaluations };
    return this.#solver.solve(this.#curve, this.#start, options) ? [...this.#start] : null;
  }

  #fitLine(values: Float64Array, bins?: Int32Array): number[] {
    const { log10 } = this.#grid;
    const count = bins?.length ?? values.length;
    let [sumX, sumY] = [0, 0];
    for (let i = 0; i < count; i++) {
      const bin = bins === undefined ? i : bins[i]!;
      sumX += log10[bin]!;
      sumY += values[bin]!;
    }
    const [meanX, meanY] = [sumX / count, sumY / count];
    let [squares, products] = [0, 0];
    for (let i = 0; i < count; i++) {
      const bin = bins === undefined ? i : bins[i]!;
      const x = log10[bin]! - meanX;
      squares += x * x;
      products += x * (values[bin]! - meanY);
    }
    const slope = products / squares;
    return [meanY - slope * meanX, -slope];
  }
}

/** offset - log10(knee + f^exponent) against log10 power, parameters (offset, knee, exponent). */
class KneeCurve implements CurveProblem {
  readonly #lnAll: Float64Array;
  readonly #valuesAll: Float64Array;
  #count = 0;
  #residual: Float64Array;
  #pendingResidual: Float64Array;
  #power: Float64Array;
  #pendingPower: Float64Array;
  #knee = 0;
  #pendingKnee = 0;

  constructor(capacity: number) {
    const row = (): Float64Array => new Float64Array(capacity);
    [this.#lnAll, this.#valuesAll, this.#residual] = [row(), row(), row()];
    [this.#pendingResidual, this.#power, this.#pendingPower] = [row(), row(), row()];
  }

  takeAll(values: Float64Array, ln: Float64Array): void {
    this.#count = values.length;
    this.#lnAll.set(ln);
    this.#valuesAll.set(values);
  }

  take(values: Float64Array, ln: Float64Array, bins: Int32Array): void {
    this.#count = bins.length;
    for (let i = 0; i < bins.length; i++) {
      this.#lnAll[i] = ln[bins[i]!]!;
      this.#valuesAll[i] = values[bins[i]!]!;
    }
  }

  evaluate(x: Float64Array): number {
    const offset = x[0]!;
    const knee = x[1]!;
    const exponent = x[2]!;
    const ln = this.#lnAll;
    const values = this.#valuesAll;
    const residual = this.#pendingResidual;
    const power = this.#pendingPower;
    this.#pendingKnee = knee;
    let sum = 0;
    for (let i = 0; i < this.#count; i++) {
      const raised = Math.exp(exponent * ln[i]!);
      power[i] = raised;
      const difference = offset - Math.log(knee + raised) * Math.LOG10E - values[i]!;
      residual[i] = difference;
      sum += difference * difference;
    }
    return sum;
  }

  accept(): void {
    [this.#residual, this.#pendingResidual] = [this.#pendingResidual, this.#residual];
    [this.#power, this.#pendingPower] = [this.#pendingPower, this.#power];
    this.#knee = this.#pendingKnee;
  }

  linearise(gradient: Float64Array, hessian: Float64Array): void {
    const ln = this.#lnAll;
    const residual = this.#residual;
    const power = this.#power;
    const knee = this.#knee;
    let g0 = 0;
    let g1 = 0;
    let g2 = 0;
    let h1 = 0;
    let h11 = 0;
    let h2 = 0;
    let h12 = 0;
    let h22 = 0;
    for (let i = 0; i < this.#count; i++) {
      const raised = power[i]!;
      const byKnee = -Math.LOG10E / (knee + raised);
      const byExponent = byKnee * raised * ln[i]!;
      const difference = residual[i]!;
      g0 += difference;
      g1 += byKnee * difference;
      g2 += byExponent * difference;
      h1 += byKnee;
      h11 += byKnee * byKnee;
      h2 += byExponent;
      h12 += byKnee * byExponent;
      h22 += byExponent * byExponent;
    }
    gradient[0] = g0;
    gradient[1] = g1;
    gradient[2] = g2;
    hessian[0] = this.#count;
    hessian[3] = h1;
    hessian[4] = h11;
    hessian[6] = h2;
    hessian[7] = h12;
    hessian[8] = h22;
  }
}
