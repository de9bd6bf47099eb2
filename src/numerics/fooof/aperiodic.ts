import type { FitKernels } from './fit-kernels.js';
import { kneeFitter, type KneeFitter } from './knee-fitter.js';
import type { FittedGrid } from './prepare.js';
import { BoundedAperiodicFitter, type AperiodicBounds } from './bounded-aperiodic.js';
import type { AperiodicMode } from './settings.js';

/** Number of parameters: fixed [offset, exponent], knee [offset, knee, exponent]. */
export const APERIODIC_SIZE: Readonly<Record<AperiodicMode, number>> = { fixed: 2, knee: 3 };

/**
 * The aperiodic part in log10 power: offset - log10(knee + f^exponent), without knee offset - exponent log10 f.
 *
 * @param out - (m), receives it; NaN where knee + f^exponent is negative
 */
export function aperiodicInto(
  parameters: ArrayLike<number>,
  grid: Pick<FittedGrid, 'log10' | 'ln'>,
  out: Float64Array,
): void {
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
  readonly #knee: KneeFitter | null;
  readonly #ln: Float64Array;
  readonly #values: Float64Array;
  readonly #start = new Float64Array(3);
  readonly #bounded: BoundedAperiodicFitter | null;

  /** @param bounds - lowest and highest values of the parameters; null: there are none */
  constructor(
    grid: FittedGrid,
    mode: AperiodicMode,
    maxEvaluations: number,
    kernels: FitKernels = 'auto',
    bounds: AperiodicBounds | null = null,
  ) {
    this.#bounded = bounds === null ? null : new BoundedAperiodicFitter(grid, bounds, maxEvaluations);
    const capacity = mode === 'knee' ? grid.frequencies.length : 0;
    this.#grid = grid;
    this.#ln = new Float64Array(capacity);
    this.#values = new Float64Array(capacity);
    this.#knee = mode === 'knee' ? kneeFitter(capacity, maxEvaluations, kernels) : null;
  }

  /**
   * Least-squares parameters, or null when the fit of a knee or within bounds runs out of evaluations.
   *
   * @param values - (m), log10 power
   * @param bins - indices of the bins to use; absent: all
   * @param start - start of the fit of a knee or within bounds; the fixed fit is linear and needs none
   */
  fit(values: Float64Array, start: readonly number[], bins?: Int32Array): number[] | null {
    if (this.#bounded !== null) return this.#bounded.fit(values, start, bins);
    if (this.#knee === null) return this.#fitLine(values, bins);
    this.#start.set(start);
    if (bins === undefined) {
      return this.#knee.fit(this.#grid.ln, values, this.#start) ? [...this.#start] : null;
    }
    const [ln, chosen] = [this.#ln.subarray(0, bins.length), this.#values.subarray(0, bins.length)];
    for (let i = 0; i < bins.length; i++) {
      ln[i] = this.#grid.ln[bins[i]!]!;
      chosen[i] = values[bins[i]!]!;
    }
    return this.#knee.fit(ln, chosen, this.#start) ? [...this.#start] : null;
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
