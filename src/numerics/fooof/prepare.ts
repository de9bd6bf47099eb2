import { ProcessingError } from '../../errors.js';
import type { FrequencyGrid } from './gaussian-sum.js';

/** Numbers in a row, of any type of array. */
export type NumberList = ArrayLike<number>;

/** Relative and absolute difference of two steps that still count as equal (as numpy.allclose). */
const STEP_TOLERANCE = { relative: 1e-5, absolute: 1e-8 };
/** Deviation from equal steps, in steps, up to which the fast evaluation is exact enough. */
const UNIFORM_TOLERANCE = 1e-9;

/** The bins of a grid that a fit uses. */
export interface FittedGrid extends FrequencyGrid {
  /** Index of the first fitted bin in the grid that was given. */
  readonly start: number;
  /** log10 f and ln f, (m) each. */
  readonly log10: Float64Array;
  readonly ln: Float64Array;
}

interface GridChoice {
  readonly freq_range: readonly [number, number] | null;
  readonly check_freqs: boolean;
}

/**
 * The bins within `freq_range` (both ends included) without a first bin of 0 Hz.
 *
 * @param frequencies - Hz, ascending
 * @throws ProcessingError INVALID_ARGUMENT for no bins, frequencies that are not finite or negative, uneven spacing
 */
export function fittedGrid(
  frequencies: NumberList,
  { freq_range: range, check_freqs }: GridChoice,
): FittedGrid {
  const all = Float64Array.from(frequencies);
  let [start, end] = [0, all.length];
  if (range !== null) {
    while (start < end && !(all[start]! >= range[0])) start++;
    while (end > start && !(all[end - 1]! <= range[1])) end--;
  }
  if (all[start] === 0) start++;
  const chosen = all.slice(start, end);
  if (chosen.length < 2) throw tooFewBins(all, range, chosen.length);
  const resolution = chosen[1]! - chosen[0]!;
  for (let i = 0; i < chosen.length; i++) {
    const isAscending = i === 0 ? chosen[0]! > 0 : chosen[i]! > chosen[i - 1]!;
    if (!isAscending || !Number.isFinite(chosen[i])) {
      throw unusable(
        `frequency ${chosen[i]} in place ${start + i} is not a positive number above the one before`,
        'give the frequencies in Hz, ascending',
      );
    }
  }
  if (check_freqs) checkSpacing(chosen, resolution);
  return {
    frequencies: chosen,
    resolution,
    isUniform: isUniform(chosen),
    start,
    log10: chosen.map(Math.log10),
    ln: chosen.map(Math.log),
  };
}

/**
 * log10 of the power of the fitted bins.
 *
 * @param out - (m), receives it
 * @returns number of the first bin, counted in the grid that was given, without a finite logarithm, or -1
 * @throws ProcessingError SHAPE_MISMATCH when power and frequencies differ in length
 */
export function logPower(power: NumberList, grid: FittedGrid, out: Float64Array): number {
  let bad = -1;
  for (let i = 0; i < out.length; i++) {
    const value = Math.log10(power[grid.start + i]!);
    out[i] = value;
    if (bad < 0 && !Number.isFinite(value)) bad = grid.start + i;
  }
  return bad;
}

/**
 * @throws ProcessingError SHAPE_MISMATCH when the lengths differ or the values are no plain numbers
 */
export function checkSpectrum(frequencies: NumberList, power: NumberList): void {
  if (typeof power[0] === 'object') {
    throw new ProcessingError('SHAPE_MISMATCH', 'power must be one row of real numbers', {
      cure: 'give one spectrum, or all of them to fitGroup; of complex values give the squared magnitude',
    });
  }
  if (frequencies.length === power.length) return;
  throw new ProcessingError(
    'SHAPE_MISMATCH',
    `${power.length} power values do not fit ${frequencies.length} frequencies`,
    { cure: 'give one power value per frequency' },
  );
}

/** The error for power without a logarithm, for those who do not want it as a failed fit. */
export function powerError(power: NumberList, bin: number, where = ''): ProcessingError {
  return new ProcessingError(
    'NON_FINITE',
    `power ${power[bin]} in bin ${bin}${where} has no finite logarithm: power must be positive, linear, not in dB`,
    { cure: 'leave that spectrum out, or set check_data to false: its fit then fails and others go on' },
  );
}

function checkSpacing(frequencies: Float64Array, resolution: number): void {
  const { absolute, relative } = STEP_TOLERANCE;
  for (let i = 1; i < frequencies.length; i++) {
    const step = frequencies[i]! - frequencies[i - 1]!;
    if (Math.abs(step - resolution) <= absolute + relative * Math.abs(resolution)) continue;
    throw unusable(
      `frequencies are not evenly spaced: ${short(step)} Hz before ${short(frequencies[i]!)} Hz, ${short(resolution)} Hz at the start`,
      'give a spectrum on a linear frequency axis; logarithmic axes are not fitted',
    );
  }
}

/** For messages. */
function short(value: number): number {
  return Number(value.toPrecision(6));
}

function isUniform(frequencies: Float64Array): boolean {
  const first = frequencies[0]!;
  const step = frequencies[1]! - first;
  return frequencies.every((f, i) => Math.abs(f - first - i * step) <= UNIFORM_TOLERANCE * step);
}

function tooFewBins(
  all: Float64Array,
  range: readonly [number, number] | null,
  count: number,
): ProcessingError {
  const given =
    all.length === 0 ? 'there are no frequencies' : `they reach from ${all[0]} to ${all.at(-1)} Hz`;
  const within = range === null ? '' : ` from ${range[0]} to ${range[1]} Hz`;
  return unusable(
    `${count} frequency bins${within} are too few to fit; ${given}`,
    'give a range inside the data and a finer frequency resolution',
  );
}

function unusable(message: string, cure: string): ProcessingError {
  return new ProcessingError('INVALID_ARGUMENT', message, { cure });
}
