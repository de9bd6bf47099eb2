import type { Triple } from './fit-result.js';

/** Options of choosing peaks by band. */
export interface BandOptions {
  /** True: every peak of the band; false (default): the one with the highest power. */
  readonly all?: boolean;
  /** Leave out peaks whose power or bandwidth does not exceed a value. */
  readonly threshold?: { readonly of: 'power' | 'bandwidth'; readonly above: number };
}

/**
 * The peaks of a frequency band, both ends included.
 *
 * @param peaks - [centre frequency, power, bandwidth] each
 * @returns one peak or all; without any a single [NaN, NaN, NaN]
 */
export function bandPeaks(
  peaks: readonly Triple[],
  [low, high]: readonly [number, number],
  { all = false, threshold }: BandOptions = {},
): Triple[] {
  const inside = peaks.filter(([center, power, bandwidth]) => {
    if (!(center >= low && center <= high)) return false;
    return threshold === undefined || (threshold.of === 'power' ? power : bandwidth) > threshold.above;
  });
  if (inside.length === 0) return [[NaN, NaN, NaN]];
  return all ? inside : [inside.reduce((best, peak) => (peak[1] > best[1] ? peak : best))];
}
