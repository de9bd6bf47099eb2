/**
 * Mode bic: aperiodic part and peaks are fitted together, and the number of peaks is the one with the lowest Bayesian
 * information criterion m ln(SSE/m) + c p ln m for m bins and p parameters (Schwarz 1978; c is `bic_penalty`).
 */
import { APERIODIC_SIZE, aperiodicInto, AperiodicFitter } from './aperiodic.js';
import type { FitKernels } from './fit-kernels.js';
import { failedFit, type FooofFit, type Triple } from './fit-result.js';
import { finishFit } from './finish-fit.js';
import { jointFitter, type PeakFitter } from './peak-fitter.js';
import type { FittedGrid } from './prepare.js';
import type { ResolvedFitOptions } from './settings.js';

/** SD of the Gaussians with which residuals are searched, Hz; those outside the limits are left out. */
const SCAN_SD = [0.5, 0.8, 1.2, 1.8, 2.6, 3.6];
/** Reach of the search Gaussians in SD. */
const SCAN_REACH = 3;
/** How many places are tried for one more peak. */
const PLACES = 3;
/** Additions without gain after which the search ends. */
const PATIENCE = 2;
/** A pure tone behind a Hann window is as wide as a Gaussian of this SD, in bins of the unpadded spectrum. */
const MIN_SD_BINS = 0.85;
/** Stopping tolerance while peaks are tried, and of the result. */
const TRIAL_TOLERANCE = 1e-4;
const FINAL_TOLERANCE = 1e-8;
/** Mean squared residual below which a spectrum counts as exact: squares of differences of 1e-10. */
const EXACT = 1e-20;

/** A joint fit: (c, h, s) per peak, then offset, exponent, knee. */
interface Joint {
  readonly x: Float64Array;
  readonly sumOfSquares: number;
  readonly criterion: number;
}

interface Place {
  readonly peak: Triple;
  /** Reduction of the sum of squares by this Gaussian alone. */
  readonly gain: number;
}

/** Fits spectra of one grid with one set of options. */
export class BicFitter {
  readonly #grid: FittedGrid;
  readonly #options: ResolvedFitOptions;
  readonly #values: Float64Array;
  readonly #fitter: Pick<PeakFitter, 'fit'>;
  readonly #aperiodic: AperiodicFitter;
  readonly #sdLimits: readonly [number, number];
  readonly #scanSd: readonly number[];

  constructor(grid: FittedGrid, options: ResolvedFitOptions, kernels: FitKernels) {
    this.#grid = grid;
    this.#options = options;
    this.#values = new Float64Array(grid.frequencies.length);
    this.#fitter = jointFitter(grid, this.#values, options.aperiodic_mode, kernels);
    this.#aperiodic = new AperiodicFitter(
      grid,
      options.aperiodic_mode,
      options.expert.max_evaluations,
      kernels,
    );
    const [narrowest, widest] = options.peak_width_limits;
    const low = Math.max(narrowest / 2, MIN_SD_BINS * grid.resolution);
    this.#sdLimits = [low, Math.max(widest / 2, 1.01 * low)];
    const inside = SCAN_SD.filter((sd) => sd >= low && sd <= this.#sdLimits[1]);
    this.#scanSd = inside.length > 0 ? inside : [Math.sqrt(low * this.#sdLimits[1])];
  }

  /** @param values - (m), log10 power of the fitted bins, finite */
  fit(values: Float64Array): FooofFit {
    this.#values.set(values);
    const size = APERIODIC_SIZE[this.#options.aperiodic_mode];
    if (values.length < size) return failedFit('too_few_points', size, this.#grid.frequencies);
    const plain = this.#fitPlain();
    if (plain === null) return failedFit('max_evaluations', size, this.#grid.frequencies);
    const start = this.#joint(plain, FINAL_TOLERANCE);
    const best = this.#prune(this.#grow(start, this.#robust(plain)));
    const refined = this.#joint(best.x, FINAL_TOLERANCE);
    const peaks = peaksOf(refined.x).sort((a, b) => a[0] - b[0]);
    const [offset, exponent, knee] = refined.x.slice(-3) as unknown as [number, number, number];
    const aperiodic = size === 2 ? [offset, exponent] : [offset, knee, exponent];
    return finishFit(values, {
      aperiodic,
      peaks,
      grid: this.#grid,
      metric: this.#options.expert.error_metric,
    });
  }

  /** Least squares without peaks, as joint parameters. */
  #fitPlain(bins?: Int32Array, from?: Float64Array): Float64Array | null {
    const { log10 } = this.#grid;
    const slope = (this.#values.at(-1)! - this.#values[0]!) / (log10.at(-1)! - log10[0]!);
    const start =
      from === undefined ? [this.#values[0]!, 0, Math.abs(slope)] : [from[0]!, from[2]!, from[1]!];
    const fit = this.#aperiodic.fit(this.#values, start, bins);
    if (fit === null) return null;
    return fit.length === 2
      ? Float64Array.of(fit[0]!, fit[1]!, 0)
      : Float64Array.of(fit[0]!, fit[2]!, fit[1]!);
  }

  /** Fit to the bins on or below the plain one: where the first peak is looked for. */
  #robust(plain: Float64Array): Float64Array {
    const residual = this.#residual(plain);
    const below = Int32Array.from(residual.keys()).filter((i) => residual[i]! <= 0);
    const fit = below.length < 4 ? null : this.#fitPlain(below, plain);
    return fit ?? plain;
  }

  /** One peak more at a time until that has not helped twice; the best on the way. */
  #grow(start: Joint, robust: Float64Array): Joint {
    let best = start;
    let base = robust;
    const limit = Math.min(
      this.#options.max_n_peaks ?? Infinity,
      Math.floor((this.#values.length - APERIODIC_SIZE[this.#options.aperiodic_mode] - 1) / 3),
    );
    for (let count = 1, fails = 0; count <= limit && fails < PATIENCE; count++) {
      let next: Joint | null = null;
      for (const { peak } of this.#places(base)) {
        const trial = this.#joint(
          Float64Array.of(...base.slice(0, -3), ...peak, ...base.slice(-3)),
          TRIAL_TOLERANCE,
        );
        if (next === null || trial.sumOfSquares < next.sumOfSquares) next = trial;
      }
      if (next === null) break;
      base = next.x;
      if (next.criterion < best.criterion) {
        best = next;
        fails = 0;
      } else fails++;
    }
    return best;
  }

  /** Takes peaks out again while that lowers the criterion. */
  #prune(joint: Joint): Joint {
    let best = joint;
    for (;;) {
      let better: Joint | null = null;
      for (let peak = 0; 3 * peak + 3 < best.x.length; peak++) {
        const rest = best.x.filter((_, i) => i < 3 * peak || i >= 3 * peak + 3);
        const trial = this.#joint(rest, TRIAL_TOLERANCE);
        if (trial.criterion < (better ?? best).criterion) better = trial;
      }
      if (better === null) return best;
      best = better;
    }
  }

  /** The places where one Gaussian takes most of the residual, apart from each other. */
  #places(x: Float64Array): Place[] {
    const residual = this.#residual(x);
    const found: Place[] = [];
    for (const sd of this.#scanSd) this.#scan(residual, sd, found);
    found.sort((a, b) => b.gain - a.gain);
    const chosen: Place[] = [];
    for (const place of found) {
      const isApart = chosen.every(({ peak }) => Math.abs(peak[0] - place.peak[0]) > Math.max(1, peak[2]));
      if (isApart) chosen.push(place);
      if (chosen.length === PLACES) break;
    }
    return chosen;
  }

  /** Matched filter of one width: height and gain at every bin. */
  #scan(residual: Float64Array, sd: number, found: Place[]): void {
    const { frequencies, resolution, isUniform } = this.#grid;
    const reach = SCAN_REACH * sd;
    const gaussian = (distance: number): number => Math.exp(-0.5 * (distance / sd) ** 2);
    const shape = frequencies.map((_, k) => gaussian(k * resolution));
    for (let bin = 0; bin < frequencies.length; bin++) {
      const center = frequencies[bin]!;
      let product = 0;
      let square = 0;
      let i = bin;
      while (i > 0 && center - frequencies[i - 1]! <= reach) i--;
      for (; i < frequencies.length && frequencies[i]! - center <= reach; i++) {
        const e = isUniform ? shape[Math.abs(i - bin)]! : gaussian(frequencies[i]! - center);
        product += e * residual[i]!;
        square += e * e;
      }
      const height = product / square;
      if (height > Math.max(0, this.#options.min_peak_height)) {
        found.push({ peak: [center, height, sd], gain: product * height });
      }
    }
  }

  /** Values minus model. */
  #residual(x: Float64Array): Float64Array {
    const residual = new Float64Array(this.#values.length);
    const [offset, exponent, knee] = x.slice(-3) as unknown as [number, number, number];
    const hasKnee = this.#options.aperiodic_mode === 'knee';
    aperiodicInto(hasKnee ? [offset, knee, exponent] : [offset, exponent], this.#grid, residual);
    const peaks = peaksOf(x);
    return residual.map((level, i) => {
      let model = level;
      for (const [center, height, sd] of peaks) {
        const u = (this.#grid.frequencies[i]! - center) / sd;
        model += height * Math.exp(-0.5 * u * u);
      }
      return this.#values[i]! - model;
    });
  }

  #joint(start: Float64Array, tolerance: number): Joint {
    const x = start.slice();
    const peakCount = x.length / 3 - 1;
    const lower = new Float64Array(x.length).fill(-Infinity);
    const upper = new Float64Array(x.length).fill(Infinity);
    const { frequencies } = this.#grid;
    for (let at = 0; at < 3 * peakCount; at += 3) {
      lower.set([frequencies[0]!, 0, this.#sdLimits[0]], at);
      upper.set([frequencies.at(-1)!, Infinity, this.#sdLimits[1]], at);
    }
    const maxEvaluations = this.#options.expert.max_evaluations;
    const { cost } = this.#fitter.fit(x, { lower, upper, tolerance, maxEvaluations });
    const bins = this.#values.length;
    const parameters = 3 * peakCount + APERIODIC_SIZE[this.#options.aperiodic_mode];
    const misfit = bins * Math.log(Math.max((2 * cost) / bins, EXACT));
    const criterion = misfit + this.#options.bic_penalty * parameters * Math.log(bins);
    return { x, sumOfSquares: 2 * cost, criterion };
  }
}

function peaksOf(x: Float64Array): Triple[] {
  return Array.from({ length: x.length / 3 - 1 }, (_, i): Triple => [
    x[3 * i]!,
    x[3 * i + 1]!,
    x[3 * i + 2]!,
  ]);
}
