import { ProcessingError } from '../../errors.js';
import type { NumberList } from './prepare.js';

/** Bins on either side of a range that say how high the power is there. */
const NEIGHBOURS = 3;

/**
 * Power with the bins of ranges, such as 49 to 51 Hz, replaced by a line in log-log space: from the median of the bins below a range to
 * the median of those above it. For peaks of line noise, which are no peaks of the brain.
 *
 * @param frequencies - (m), Hz, ascending, above 0 in and beside the ranges
 * @param power - (m), linear; it stays as it is
 * @param ranges - [from, to] each, Hz, both included; bins of one range are no neighbours for another
 * @param options - `buffer`: how many bins on either side are taken, fewer where fewer are there (3)
 * @returns (m), linear power
 * @throws ProcessingError SHAPE_MISMATCH; INVALID_ARGUMENT when a range holds no bin or reaches an end of the spectrum
 * @see FOOOF 1.x `interpolate_spectrum`, which takes the last bin of the range for one beside it; here it is not
 */
export function interpolateLineNoise(
  frequencies: NumberList,
  power: NumberList,
  ranges: ReadonlyArray<readonly [number, number]>,
  { buffer = NEIGHBOURS }: { buffer?: number } = {},
): Float64Array {
  const bins = frequencies.length;
  if (power.length !== bins) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${power.length} power values do not fit ${bins} frequencies`,
      {
        cure: 'give one power value per frequency',
      },
    );
  }
  if (!(Number.isInteger(buffer) && buffer > 0)) {
    throw unusable(`buffer ${buffer} is no number of bins`, 'give a whole number from 1 on');
  }
  const isNoise = (i: number): boolean =>
    ranges.some(([from, to]) => frequencies[i]! >= from && frequencies[i]! <= to);
  const clean = Float64Array.from(power);
  for (const [from, to] of ranges) {
    const inside = [...clean.keys()].filter((i) => frequencies[i]! >= from && frequencies[i]! <= to);
    const ends = `the spectrum reaches from ${frequencies[0]} to ${frequencies[bins - 1]} Hz`;
    if (inside.length === 0) {
      throw unusable(`no bin lies between ${from} and ${to} Hz; ${ends}`, 'give a range inside the spectrum');
    }
    const below: number[] = [];
    for (let i = inside[0]! - 1; i >= 0 && below.length < buffer; i--) if (!isNoise(i)) below.push(i);
    const above: number[] = [];
    for (let i = inside.at(-1)! + 1; i < bins && above.length < buffer; i++) if (!isNoise(i)) above.push(i);
    if (below.length === 0 || above.length === 0) {
      throw unusable(
        `no bin lies ${below.length === 0 ? 'below' : 'above'} the range from ${from} to ${to} Hz; ${ends}`,
        'give a range with bins on both sides, or leave those bins out with freq_range',
      );
    }
    const [x0, x1] = [below, above].map((side) => medianLog(side, frequencies)) as [number, number];
    const [y0, y1] = [below, above].map((side) => medianLog(side, power)) as [number, number];
    for (const i of inside) {
      clean[i] = 10 ** (y0 + ((y1 - y0) * (Math.log10(frequencies[i]!) - x0)) / (x1 - x0));
    }
  }
  return clean;
}

function medianLog(bins: readonly number[], values: NumberList): number {
  const logs = bins.map((i) => Math.log10(values[i]!)).toSorted((a, b) => a - b);
  const middle = (logs.length - 1) / 2;
  return (logs[Math.floor(middle)]! + logs[Math.ceil(middle)]!) / 2;
}

function unusable(message: string, cure: string): ProcessingError {
  return new ProcessingError('INVALID_ARGUMENT', message, { cure });
}
