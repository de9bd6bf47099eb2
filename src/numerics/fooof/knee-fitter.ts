import { fitFooofKnee } from '../../native/index.js';
import { Marquardt, type CurveProblem } from '../optimise/marquardt.js';
import { usesNative, type FitKernels } from './fit-kernels.js';

/** Relative cost and step at which the fit ends. */
const TOLERANCE = 1.49012e-8;

/** Least squares of offset - log10(knee + f^exponent). */
export interface KneeFitter {
  /**
   * @param ln - (n), ln f of the bins to use
   * @param values - (n), log10 power
   * @param x - offset, knee, exponent: the start; receives the result
   * @returns false when the start has no finite cost or the evaluations run out
   */
  fit(ln: Float64Array, values: Float64Array, x: Float64Array): boolean;
}

/** @param capacity - most bins of a fit */
export function kneeFitter(capacity: number, maxEvaluations: number, kernels: FitKernels): KneeFitter {
  const options = { tolerance: TOLERANCE, maxEvaluations };
  if (usesNative(kernels)) {
    return { fit: (ln, values, x) => fitFooofKnee({ ln, values, x, ...options }) };
  }
  const solver = new Marquardt(3);
  const curve = new KneeCurve(capacity);
  return {
    fit(ln, values, x) {
      curve.take(ln, values);
      return solver.solve(curve, x, options);
    },
  };
}

/** offset - log10(knee + f^exponent) against log10 power, parameters (offset, knee, exponent). */
class KneeCurve implements CurveProblem {
  #ln: Float64Array;
  #values: Float64Array;
  #residual: Float64Array;
  #pendingResidual: Float64Array;
  #power: Float64Array;
  #pendingPower: Float64Array;
  #knee = 0;
  #pendingKnee = 0;

  constructor(capacity: number) {
    const row = (): Float64Array => new Float64Array(capacity);
    this.#ln = this.#values = new Float64Array(0);
    [this.#residual, this.#pendingResidual, this.#power, this.#pendingPower] = [row(), row(), row(), row()];
  }

  take(ln: Float64Array, values: Float64Array): void {
    this.#ln = ln;
    this.#values = values;
  }

  evaluate(x: Float64Array): number {
    const offset = x[0]!;
    const knee = x[1]!;
    const exponent = x[2]!;
    const ln = this.#ln;
    const values = this.#values;
    const residual = this.#pendingResidual;
    const power = this.#pendingPower;
    this.#pendingKnee = knee;
    let sum = 0;
    for (let i = 0; i < ln.length; i++) {
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
    const ln = this.#ln;
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
    for (let i = 0; i < ln.length; i++) {
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
    hessian[0] = ln.length;
    hessian[3] = h1;
    hessian[4] = h11;
    hessian[6] = h2;
    hessian[7] = h12;
    hessian[8] = h22;
  }
}
