/** When the warm-up learns a new inverse mass matrix, and from which draws. */
import { diagonalMetric, fisherScales, lowRankMetric, type Window } from './adapt-metric.js';
import { Metric } from './metric.js';

/** What the name of a sampler stands for. */
export type MassMatrixRule =
  /** Diagonal, from the variances of the draws of windows that double in length. */
  | 'diagonal'
  /** Draws and gradients: diagonal while few draws are there, then with directions. */
  | 'low_rank';

/** A moment of the warm-up at which the inverse mass matrix changes. */
export interface MetricUpdate {
  /** Draws made so far. */
  readonly at: number;
  /** The draws from this one on are looked at. */
  readonly from: number;
  readonly learn: (window: Window) => Metric;
}

/**
 * The updates of a warm-up, in order. Its beginning finds the typical set, its end adapts the step size alone.
 *
 * @param tune - draws of the warm-up
 */
export function metricUpdates(rule: MassMatrixRule, tune: number): MetricUpdate[] {
  return rule === 'diagonal' ? doublingWindows(tune) : slidingWindows(tune);
}

/** 75 draws, windows of 25, 50, 100 ... with the last one stretched, 50 draws; in proportion where that does not fit. */
function doublingWindows(tune: number): MetricUpdate[] {
  if (tune < 20) return [];
  const fits = tune >= 150;
  const begin = fits ? 75 : Math.floor(0.15 * tune);
  const end = tune - (fits ? 50 : Math.floor(0.1 * tune));
  const updates: MetricUpdate[] = [];
  let from = begin;
  for (let length = fits ? 25 : end - begin; from < end; length *= 2) {
    // A window whose successor would not fit takes the rest.
    const at = from + 3 * length > end ? end : from + length;
    updates.push({ at, from, learn: diagonalMetric });
    from = at;
  }
  return updates;
}

/** Every 10 draws from the last 20, during the first third; then every 80 draws from the later half of all. */
function slidingWindows(tune: number): MetricUpdate[] {
  const early = Math.floor(0.3 * tune);
  const end = Math.floor(0.85 * tune);
  const updates: MetricUpdate[] = [];
  for (let at = 10; at <= early; at += 10) {
    updates.push({ at, from: at - Math.min(at, 20), learn: (window) => new Metric(fisherScales(window)) });
  }
  const lowRank = (at: number): void => {
    updates.push({ at, from: Math.floor(at / 2), learn: lowRankMetric });
  };
  let last = early;
  for (let at = early + 80; at + 40 <= end; at += 80) lowRank((last = at));
  if (end - last >= 20) lowRank(end);
  return updates;
}
