/** The classic algorithm (Donoghue et al. 2020, "Parameterizing neural power spectra"), step by step as FOOOF 1.1 does it. */
import { APERIODIC_SIZE, aperiodicInto, AperiodicFitter } from './aperiodic.js';
import {
  candidateSearch,
  dropAtEdges,
  dropOverlaps,
  judgeCandidates,
  type Candidate,
  type CandidateSearch,
  type JudgedCandidate,
} from './candidates.js';
import { failedFit, type FitFailure, type FitTrace, type FooofFit, type Triple } from './fit-result.js';
import { finishFit } from './finish-fit.js';
import type { FitKernels } from './fit-kernels.js';
import { peakFitter, type PeakFitter } from './peak-fitter.js';
import type { FittedGrid } from './prepare.js';
import type { ResolvedFitOptions } from './settings.js';

/** Rounding of a residual, relative to the log10 power. */
const ROUNDING = 8 * Number.EPSILON;

interface FittedPeaks {
  /** (c, h, s) per candidate. */
  readonly x: Float64Array;
  /** The same, ascending. */
  readonly gaussians: readonly Triple[];
  readonly sumOfSquares: number;
}

/** Fits spectra of one grid with one set of options; keeps its work arrays from one to the next. */
export class ClassicFitter {
  readonly #grid: FittedGrid;
  readonly #options: ResolvedFitOptions;
  readonly #aperiodic: AperiodicFitter;
  readonly #flat: Float64Array;
  readonly #work: Float64Array;
  readonly #bins: Int32Array;
  readonly #peaks: PeakFitter;
  readonly #search: (flat: Float64Array) => CandidateSearch;

  constructor(grid: FittedGrid, options: ResolvedFitOptions, kernels: FitKernels) {
    const bins = grid.frequencies.length;
    this.#grid = grid;
    this.#options = options;
    this.#aperiodic = new AperiodicFitter(
      grid,
      options.aperiodic_mode,
      options.expert.max_evaluations,
      kernels,
      options.expert.aperiodic_bounds,
    );
    this.#flat = new Float64Array(bins);
    this.#work = new Float64Array(bins);
    this.#bins = new Int32Array(bins);
    this.#peaks = peakFitter(grid, this.#flat, kernels);
    this.#search = candidateSearch(grid, options, kernels);
  }

  /**
   * @param values - (m), log10 power of the fitted bins, finite
   * @param trace - receives every intermediate
   */
  fit(values: Float64Array, trace?: (intermediates: FitTrace) => void): FooofFit {
    const bins = values.length;
    const guess = this.#aperiodicGuess(values);
    if (bins < guess.length) return this.#failed('too_few_points');
    const simple = this.#aperiodic.fit(values, guess);
    if (simple === null) return this.#failed('max_evaluations');
    const { mask, threshold } = this.#onOrBelow(values, simple);
    const isEnough = mask.length >= guess.length;
    const isBounded = this.#options.expert.aperiodic_bounds !== null;
    if (!isEnough && !isBounded) return this.#failed('too_few_points');
    // Bounds can hold the first fit below nearly all bins: then it is kept.
    const robust = isEnough ? this.#aperiodic.fit(values, simple, mask) : simple;
    if (robust === null) return this.#failed('max_evaluations');
    const flat = this.#flat;
    aperiodicInto(robust, this.#grid, flat);
    for (let i = 0; i < bins; i++) flat[i] = values[i]! - flat[i]!;
    this.#work.set(flat);
    const search = this.#search(this.#work);
    const inside = dropAtEdges(search.found, this.#grid, this.#options.expert.edge_factor);
    const kept = dropOverlaps(inside, this.#options.expert.overlap_factor);
    const peaks = this.#fitPeaks(kept);
    if (peaks === null) return this.#failed('max_evaluations');
    trace?.({
      simple_params: simple,
      robust_threshold: threshold,
      robust_mask_indices: [...mask],
      robust_params: robust,
      flat: flat.slice(),
      guess_all: search.found,
      guess_after_edge: inside,
      guess_after_overlap: kept,
      peak_sse: peaks.sumOfSquares,
    });
    return this.#finish(values, guess, peaks, judgeCandidates(search, inside, kept));
  }

  #failed(status: FitFailure): FooofFit {
    return failedFit(status, APERIODIC_SIZE[this.#options.aperiodic_mode], this.#grid.frequencies);
  }

  /** First value, no knee, slope from end to end. */
  #aperiodicGuess(values: Float64Array): number[] {
    const { log10 } = this.#grid;
    const slope = (values.at(-1)! - values[0]!) / (log10.at(-1)! - log10[0]!);
    const guess =
      this.#options.aperiodic_mode === 'fixed'
        ? [values[0]!, Math.abs(slope)]
        : [values[0]!, 0, Math.abs(slope)];
    const given = this.#options.expert.aperiodic_guess;
    return given === null ? guess : guess.map((value, i) => given[i] ?? value);
  }

  /** The bins whose clipped residual is within the lowest percentile: nearly always those on or below the first fit. */
  #onOrBelow(values: Float64Array, simple: readonly number[]): { mask: Int32Array; threshold: number } {
    const residual = this.#work;
    aperiodicInto(simple, this.#grid, residual);
    for (let i = 0; i < values.length; i++) {
      const above = values[i]! - residual[i]!;
      residual[i] = above < 0 ? 0 : above;
    }
    const threshold = percentile(residual, this.#options.expert.percentile_threshold);
    let count = this.#binsUpTo(threshold, residual);
    if (count < simple.length && values.length > simple.length) {
      // An exact power law has only residuals of rounding size: all of them are on the fit.
      count = this.#binsUpTo(threshold + ROUNDING * largestMagnitude(values), residual);
    }
    return { mask: this.#bins.subarray(0, count), threshold };
  }

  #binsUpTo(highest: number, residual: Float64Array): number {
    let count = 0;
    for (let i = 0; i < residual.length; i++) if (residual[i]! <= highest) this.#bins[count++] = i;
    return count;
  }

  /** All candidates together against the flattened spectrum; null when the evaluations run out. */
  #fitPeaks(candidates: readonly Candidate[]): FittedPeaks | null {
    const size = 3 * candidates.length;
    const x = new Float64Array(size);
    if (size === 0) return { x, gaussians: [], sumOfSquares: sumOfSquares(this.#flat) };
    const { peak_width_limits: widths } = this.#options;
    const { frequencies } = this.#grid;
    const reach = 2 * this.#options.expert.center_frequency_bound;
    const lower = new Float64Array(size);
    const upper = new Float64Array(size);
    const lowest = frequencies[0]!;
    const highest = frequencies.at(-1)!;
    for (let i = 0; i < candidates.length; i++) {
      const { center, height, sd } = candidates[i]!;
      const at = 3 * i;
      x[at] = center;
      x[at + 1] = height;
      x[at + 2] = sd;
      // Heights are 0 or more.
      lower[at] = Math.max(center - reach * sd, lowest);
      lower[at + 2] = widths[0] / 2;
      upper[at] = Math.min(center + reach * sd, highest);
      upper[at + 1] = Infinity;
      upper[at + 2] = widths[1] / 2;
    }
    const { tolerance, max_evaluations: maxEvaluations } = this.#options.expert;
    const fit = this.#peaks.fit(x, { lower, upper, tolerance, maxEvaluations });
    if (!fit.converged) return null;
    const gaussians = candidates.map((_, i): Triple => [x[3 * i]!, x[3 * i + 1]!, x[3 * i + 2]!]);
    gaussians.sort((a, b) => a[0] - b[0]);
    return { x, gaussians, sumOfSquares: 2 * fit.cost };
  }

  /** The aperiodic part once more, without the peaks, and how good the whole is. */
  #finish(
    values: Float64Array,
    guess: readonly number[],
    { x, gaussians }: FittedPeaks,
    candidates: readonly JudgedCandidate[],
  ): FooofFit {
    const bins = values.length;
    const model = new Float64Array(bins);
    if (x.length > 0) this.#peaks.addTo(model, x);
    const removed = this.#work;
    for (let i = 0; i < bins; i++) removed[i] = values[i]! - model[i]!;
    const start = [...guess];
    if (this.#options.expert.aperiodic_guess?.[0] == null) start[0] = removed[0]!;
    const parameters = this.#aperiodic.fit(removed, start);
    if (parameters === null) return this.#failed('max_evaluations');
    return finishFit(values, {
      aperiodic: parameters,
      peaks: gaussians,
      sum: model,
      candidates,
      grid: this.#grid,
      metric: this.#options.expert.error_metric,
    });
  }
}

/** Percentile with linear interpolation; up to 4001 bins the default needs the two lowest values only. */
function percentile(values: Float64Array, percent: number): number {
  const place = (percent / 100) * (values.length - 1);
  if (place >= 1) {
    const sorted = values.toSorted();
    const low = Math.floor(place);
    const next = sorted[Math.min(low + 1, sorted.length - 1)]!;
    return sorted[low]! + (place - low) * (next - sorted[low]!);
  }
  let lowest = Infinity;
  let second = Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < lowest) {
      second = lowest;
      lowest = value;
    } else if (value < second) second = value;
  }
  return second === Infinity ? lowest : lowest + place * (second - lowest);
}

function largestMagnitude(values: Float64Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!));
  return largest;
}

function sumOfSquares(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return sum;
}
