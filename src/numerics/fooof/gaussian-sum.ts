import type { LeastSquaresProblem } from '../optimise/bounded-trust-region.js';

/** Beyond this many standard deviations a Gaussian is below 1e-16 of its height. */
const REACH_SD = 8.6;
/** Beyond this many the product of two Gaussians, and its share in J'J, is below 1e-13. */
const REACH_PRODUCT_SD = 7.8;

/** The bins of a spectrum as the peak model needs them. */
export interface FrequencyGrid {
  /** (m), Hz, ascending. */
  readonly frequencies: Float64Array;
  /** Hz between the first two bins. */
  readonly resolution: number;
  /** True when all steps are equal, which the fast evaluation uses. */
  readonly isUniform: boolean;
}

/**
 * The joint peak model: sum over peaks of h exp(-(f - c)^2 / (2 s^2)) minus a target spectrum, parameters (c, h, s) per peak.
 *
 * Everything about one peak happens within its reach, so a narrow peak costs few bins. On a uniform grid the exponentials
 * follow from a recurrence (two products per bin), and J'J of a pair of peaks from five moments of the product of the two.
 */
export class GaussianSum implements LeastSquaresProblem {
  readonly #grid: FrequencyGrid;
  readonly #target: Float64Array;
  #peakCount = 0;
  #order = 0;
  #residual: Float64Array;
  #pendingResidual: Float64Array;
  #shape: Float64Array;
  #pendingShape: Float64Array;
  #from: Int32Array;
  #to: Int32Array;
  #pendingFrom: Int32Array;
  #pendingTo: Int32Array;
  #x: Float64Array;
  #pendingX: Float64Array;

  /** @param target - (m), read at each evaluation, so it may be refilled between fits */
  constructor(grid: FrequencyGrid, target: Float64Array) {
    const bins = grid.frequencies.length;
    this.#grid = grid;
    this.#target = target;
    this.#residual = new Float64Array(bins);
    this.#pendingResidual = new Float64Array(bins);
    this.#shape = this.#pendingShape = new Float64Array(0);
    this.#from = this.#to = this.#pendingFrom = this.#pendingTo = new Int32Array(0);
    this.#x = this.#pendingX = new Float64Array(0);
  }

  /**
   * Makes room for a number of peaks; call before a fit.
   *
   * @param order - parameters of the whole system when these peaks are its first rows and others follow
   */
  reserve(peakCount: number, order = 3 * peakCount): void {
    this.#peakCount = peakCount;
    this.#order = order;
    if (3 * peakCount <= this.#x.length) return;
    const room = Math.max(8, 2 * peakCount);
    const bins = this.#target.length;
    this.#shape = new Float64Array(room * bins);
    this.#pendingShape = new Float64Array(room * bins);
    this.#from = new Int32Array(room);
    this.#to = new Int32Array(room);
    this.#pendingFrom = new Int32Array(room);
    this.#pendingTo = new Int32Array(room);
    this.#x = new Float64Array(3 * room);
    this.#pendingX = new Float64Array(3 * room);
  }

  /** Residuals of the current point, (m): model minus target. */
  get residual(): Float64Array {
    return this.#residual;
  }

  /**
   * Products of a further column of the Jacobian with the three of one peak.
   *
   * @param column - (m)
   * @param out - receives three numbers from `at` on
   */
  timesColumn(peak: number, column: Float64Array, out: Float64Array, at: number): void {
    const { frequencies } = this.#grid;
    const center = this.#x[3 * peak]!;
    const width = this.#x[3 * peak + 2]!;
    const offset = peak * frequencies.length;
    const shape = this.#shape;
    let m0 = 0;
    let m1 = 0;
    let m2 = 0;
    for (let i = this.#from[peak]!; i <= this.#to[peak]!; i++) {
      const u = frequencies[i]! - center;
      let w = shape[offset + i]! * column[i]!;
      m0 += w;
      w *= u;
      m1 += w;
      m2 += w * u;
    }
    const toCenter = this.#x[3 * peak + 1]! / (width * width);
    out[at] = toCenter * m1;
    out[at + 1] = m0;
    out[at + 2] = (toCenter / width) * m2;
  }

  /** Adds the model of the current point to `out`, (m). */
  addTo(out: Float64Array): void {
    const bins = out.length;
    for (let peak = 0; peak < this.#peakCount; peak++) {
      const height = this.#x[3 * peak + 1]!;
      const offset = peak * bins;
      for (let i = this.#from[peak]!; i <= this.#to[peak]!; i++) out[i]! += height * this.#shape[offset + i]!;
    }
  }

  evaluate(x: Float64Array): number {
    const target = this.#target;
    const bins = target.length;
    const residual = this.#pendingResidual;
    const shape = this.#pendingShape;
    for (let i = 0; i < bins; i++) residual[i] = -target[i]!;
    for (let peak = 0; peak < this.#peakCount; peak++) {
      const at = 3 * peak;
      const center = x[at]!;
      const height = x[at + 1]!;
      const width = x[at + 2]!;
      const offset = peak * bins;
      this.#fillShape(peak, center, width);
      const from = this.#pendingFrom[peak]!;
      const to = this.#pendingTo[peak]!;
      for (let i = from; i <= to; i++) residual[i]! += height * shape[offset + i]!;
      this.#pendingX[at] = center;
      this.#pendingX[at + 1] = height;
      this.#pendingX[at + 2] = width;
    }
    let sum = 0;
    for (let i = 0; i < bins; i++) sum += residual[i]! * residual[i]!;
    return 0.5 * sum;
  }

  accept(): void {
    [this.#residual, this.#pendingResidual] = [this.#pendingResidual, this.#residual];
    [this.#shape, this.#pendingShape] = [this.#pendingShape, this.#shape];
    [this.#from, this.#pendingFrom] = [this.#pendingFrom, this.#from];
    [this.#to, this.#pendingTo] = [this.#pendingTo, this.#to];
    [this.#x, this.#pendingX] = [this.#pendingX, this.#x];
  }

  linearise(gradient: Float64Array, hessian: Float64Array, first: Int32Array): void {
    for (let peak = 0; peak < this.#peakCount; peak++) {
      this.#lineariseOwn(peak, gradient, hessian);
      let start = 3 * peak;
      for (let other = 0; other < peak; other++) {
        const touches = this.#linearisePair(peak, other, hessian);
        if (touches && 3 * other < start) start = 3 * other;
      }
      first[3 * peak] = first[3 * peak + 1] = first[3 * peak + 2] = start;
    }
  }

  /** exp(-(f - center)^2 / (2 width^2)) within reach: the pending shape of one peak, its first and its last bin. */
  #fillShape(peak: number, center: number, width: number): void {
    const shape = this.#pendingShape;
    const offset = peak * this.#target.length;
    const { frequencies, resolution, isUniform } = this.#grid;
    const last = frequencies.length - 1;
    const precision = 1 / (width * width);
    if (!isUniform) {
      for (let i = 0; i <= last; i++) {
        const distance = frequencies[i]! - center;
        shape[offset + i] = Math.exp(-0.5 * distance * distance * precision);
      }
      this.#pendingFrom[peak] = 0;
      this.#pendingTo[peak] = last;
      return;
    }
    const start = frequencies[0]!;
    const place = (center - start) / resolution;
    const reach = (REACH_SD * width) / resolution;
    const from = Math.max(0, Math.ceil(place - reach));
    const to = Math.min(last, Math.floor(place + reach));
    const middle = Math.min(last, Math.max(0, Math.round(place)));
    const distance = frequencies[middle]! - center;
    const value = Math.exp(-0.5 * distance * distance * precision);
    // Ratio of neighbours, and the constant ratio of those ratios.
    const bend = Math.exp(-resolution * resolution * precision);
    const half = 0.5 * resolution * resolution;
    shape[offset + middle] = value;
    let run = value;
    let ratio = Math.exp(-(distance * resolution + half) * precision);
    for (let i = middle + 1; i <= to; i++) {
      run *= ratio;
      ratio *= bend;
      shape[offset + i] = run;
    }
    run = value;
    ratio = Math.exp((distance * resolution - half) * precision);
    for (let i = middle - 1; i >= from; i--) {
      run *= ratio;
      ratio *= bend;
      shape[offset + i] = run;
    }
    this.#pendingFrom[peak] = Math.min(from, middle);
    this.#pendingTo[peak] = Math.max(to, middle);
  }

  /** Gradient of one peak and its own 3 x 3 block of J'J. */
  #lineariseOwn(peak: number, gradient: Float64Array, hessian: Float64Array): void {
    const { frequencies } = this.#grid;
    const at = 3 * peak;
    const center = this.#x[at]!;
    const height = this.#x[at + 1]!;
    const width = this.#x[at + 2]!;
    const offset = peak * frequencies.length;
    const shape = this.#shape;
    const residual = this.#residual;
    let g0 = 0;
    let g1 = 0;
    let g2 = 0;
    let m0 = 0;
    let m1 = 0;
    let m2 = 0;
    let m3 = 0;
    let m4 = 0;
    const to = this.#to[peak]!;
    for (let i = this.#from[peak]!; i <= to; i++) {
      const u = frequencies[i]! - center;
      const e = shape[offset + i]!;
      let q = e * residual[i]!;
      g0 += q;
      q *= u;
      g1 += q;
      g2 += q * u;
      let w = e * e;
      m0 += w;
      w *= u;
      m1 += w;
      w *= u;
      m2 += w;
      w *= u;
      m3 += w;
      m4 += w * u;
    }
    const toCenter = height / (width * width);
    const toWidth = toCenter / width;
    gradient[at] = toCenter * g1;
    gradient[at + 1] = g0;
    gradient[at + 2] = toWidth * g2;
    const size = this.#order;
    const row = at * size + at;
    hessian[row] = toCenter * toCenter * m2;
    hessian[row + size] = toCenter * m1;
    hessian[row + size + 1] = m0;
    hessian[row + 2 * size] = toCenter * toWidth * m3;
    hessian[row + 2 * size + 1] = toWidth * m2;
    hessian[row + 2 * size + 2] = toWidth * toWidth * m4;
  }

  /** The 3 x 3 block of J'J of two peaks, rows of `peak`; false when they do not touch (the block is then zero). */
  #linearisePair(peak: number, other: number, hessian: Float64Array): boolean {
    const { frequencies } = this.#grid;
    const p = 3 * peak;
    const o = 3 * other;
    const size = this.#order;
    const center = this.#x[p]!;
    const width = this.#x[p + 2]!;
    const otherCenter = this.#x[o]!;
    const otherWidth = this.#x[o + 2]!;
    const shift = center - otherCenter;
    const both = Math.sqrt(width * width + otherWidth * otherWidth);
    let m0 = 0;
    let m1 = 0;
    let m2 = 0;
    let m3 = 0;
    let m4 = 0;
    const touches = Math.abs(shift) < REACH_PRODUCT_SD * both;
    if (touches) {
      let from = Math.max(this.#from[peak]!, this.#from[other]!);
      let to = Math.min(this.#to[peak]!, this.#to[other]!);
      if (this.#grid.isUniform) {
        // The product is a Gaussian as well, between the two and narrower than either.
        const { resolution } = this.#grid;
        const own = 1 / (width * width);
        const others = 1 / (otherWidth * otherWidth);
        const left = REACH_SD * REACH_SD - (shift * shift) / (both * both);
        const place = (center - (shift * others) / (own + others) - frequencies[0]!) / resolution;
        const reach = Math.sqrt(left / (own + others)) / resolution;
        from = Math.max(from, Math.ceil(place - reach));
        to = Math.min(to, Math.floor(place + reach));
      }
      const shape = this.#shape;
      const offset = peak * frequencies.length;
      const otherOffset = other * frequencies.length;
      for (let i = from; i <= to; i++) {
        const u = frequencies[i]! - center;
        let w = shape[offset + i]! * shape[otherOffset + i]!;
        m0 += w;
        w *= u;
        m1 += w;
        w *= u;
        m2 += w;
        w *= u;
        m3 += w;
        m4 += w * u;
      }
    }
    // Moments of u^a v^b with v = u + shift, the distance from the other centre.
    const uv = m2 + shift * m1;
    const v1 = m1 + shift * m0;
    const v2 = m2 + shift * (2 * m1 + shift * m0);
    const uv2 = m3 + shift * (2 * m2 + shift * m1);
    const u2v = m3 + shift * m2;
    const u2v2 = m4 + shift * (2 * m3 + shift * m2);
    const toCenter = this.#x[p + 1]! / (width * width);
    const toWidth = toCenter / width;
    const otherToCenter = this.#x[o + 1]! / (otherWidth * otherWidth);
    const otherToWidth = otherToCenter / otherWidth;
    const row = p * size + o;
    hessian[row] = toCenter * otherToCenter * uv;
    hessian[row + 1] = toCenter * m1;
    hessian[row + 2] = toCenter * otherToWidth * uv2;
    hessian[row + size] = otherToCenter * v1;
    hessian[row + size + 1] = m0;
    hessian[row + size + 2] = otherToWidth * v2;
    hessian[row + 2 * size] = toWidth * otherToCenter * u2v;
    hessian[row + 2 * size + 1] = toWidth * m2;
    hessian[row + 2 * size + 2] = toWidth * otherToWidth * u2v2;
    return touches;
  }
}
