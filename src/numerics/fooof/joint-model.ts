import type { LeastSquaresProblem } from '../optimise/bounded-trust-region.js';
import { GaussianSum } from './gaussian-sum.js';
import type { FittedGrid } from './prepare.js';
import type { AperiodicMode } from './settings.js';

/**
 * Aperiodic part and peaks in one least-squares problem. Parameters: (c, h, s) per peak, then offset, exponent and knee;
 * without a knee the last one stays 0.
 */
export class JointModel implements LeastSquaresProblem {
  readonly #grid: FittedGrid;
  readonly #values: Float64Array;
  readonly #hasKnee: boolean;
  readonly #target: Float64Array;
  readonly #gaussians: GaussianSum;
  readonly #byExponent: Float64Array;
  readonly #byKnee: Float64Array;
  readonly #ones: Float64Array;
  readonly #row = new Float64Array(3);
  #peakCount = 0;
  #exponent = 0;
  #knee = 0;
  #pendingExponent = 0;
  #pendingKnee = 0;

  /** @param values - (m), log10 power, read at each evaluation */
  constructor(grid: FittedGrid, values: Float64Array, mode: AperiodicMode) {
    const bins = values.length;
    this.#grid = grid;
    this.#values = values;
    this.#hasKnee = mode === 'knee';
    this.#target = new Float64Array(bins);
    this.#gaussians = new GaussianSum(grid, this.#target);
    this.#byExponent = grid.log10.map((value) => -value);
    this.#byKnee = new Float64Array(bins);
    this.#ones = new Float64Array(bins).fill(1);
  }

  reserve(peakCount: number): void {
    this.#peakCount = peakCount;
    this.#gaussians.reserve(peakCount, 3 * peakCount + 3);
  }

  evaluate(x: Float64Array): number {
    const at = 3 * this.#peakCount;
    const offset = x[at]!;
    const exponent = x[at + 1]!;
    const knee = x[at + 2]!;
    const target = this.#target;
    for (let i = 0; i < target.length; i++) {
      const level = this.#hasKnee
        ? Math.log(knee + Math.exp(exponent * this.#grid.ln[i]!)) * Math.LOG10E
        : exponent * this.#grid.log10[i]!;
      target[i] = this.#values[i]! - offset + level;
    }
    this.#pendingExponent = exponent;
    this.#pendingKnee = knee;
    return this.#gaussians.evaluate(x);
  }

  accept(): void {
    this.#exponent = this.#pendingExponent;
    this.#knee = this.#pendingKnee;
    this.#gaussians.accept();
  }

  /** Adds the peaks of the current point to `out`, (m). */
  addTo(out: Float64Array): void {
    this.#gaussians.addTo(out);
  }

  linearise(gradient: Float64Array, hessian: Float64Array, first: Int32Array): void {
    this.#gaussians.linearise(gradient, hessian, first);
    if (this.#hasKnee) this.#bendColumns();
    const columns = [this.#ones, this.#byExponent, this.#byKnee];
    const base = 3 * this.#peakCount;
    const order = base + 3;
    const { residual } = this.#gaussians;
    for (const [k, column] of columns.entries()) {
      const row = (base + k) * order;
      first[base + k] = 0;
      gradient[base + k] = dot(column, residual);
      for (let peak = 0; peak < this.#peakCount; peak++) {
        this.#gaussians.timesColumn(peak, column, this.#row, 0);
        hessian.set(this.#row, row + 3 * peak);
      }
      for (let other = 0; other <= k; other++) hessian[row + base + other] = dot(column, columns[other]!);
    }
    // Without a knee its column is zero: a unit pivot keeps the parameter where it is.
    if (!this.#hasKnee) hessian[(base + 2) * order + base + 2] = 1;
  }

  #bendColumns(): void {
    for (let i = 0; i < this.#byKnee.length; i++) {
      const ln = this.#grid.ln[i]!;
      const raised = Math.exp(this.#exponent * ln);
      const slope = -Math.LOG10E / (this.#knee + raised);
      this.#byKnee[i] = slope;
      this.#byExponent[i] = slope * raised * ln;
    }
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
