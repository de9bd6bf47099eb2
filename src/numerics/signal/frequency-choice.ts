import { ProcessingError } from '../../errors.js';

interface Choice {
  readonly foi: readonly number[] | null;
  readonly foilim: readonly [number, number] | null;
}

/**
 * Which bins of a frequency axis are wanted: the nearest to each of `foi` (an exact tie goes to the higher one; duplicates
 * are removed, the order is kept), or all within `foilim`, both ends included, or all.
 *
 * @param frequencies - Hz, ascending
 * @returns indices into the axis
 * @throws ProcessingError INVALID_ARGUMENT for frequencies outside the axis, or no bin within the limits
 */
export function chooseFrequencies(frequencies: Float64Array, { foi, foilim }: Choice): Int32Array {
  if (frequencies.length === 0)
    throw unusable('there are no frequencies', 'give spectra of at least two bins');
  const highest = frequencies.at(-1)!;
  const outside = [...(foi ?? []), ...(foilim ?? [])].find((f) => !(f >= 0 && f <= highest));
  if (outside !== undefined) {
    throw unusable(
      `${outside} Hz is outside the spectrum, which ends at ${highest} Hz`,
      `ask for frequencies from 0 to ${highest} Hz`,
    );
  }
  if (foi !== null) return Int32Array.from(new Set(foi.map((f) => nearestBin(frequencies, f))));
  const [low, high] = foilim ?? [-Infinity, Infinity];
  const chosen = [...frequencies.keys()].filter((i) => frequencies[i]! >= low && frequencies[i]! <= high);
  if (chosen.length === 0) {
    throw unusable(`there is no frequency bin from ${low} to ${high} Hz`, 'give wider limits');
  }
  return Int32Array.from(chosen);
}

function nearestBin(frequencies: Float64Array, wanted: number): number {
  let best = 0;
  for (let i = 1; i < frequencies.length; i++) {
    if (Math.abs(frequencies[i]! - wanted) <= Math.abs(frequencies[best]! - wanted)) best = i;
  }
  return best;
}

function unusable(message: string, cure: string): ProcessingError {
  return new ProcessingError('INVALID_ARGUMENT', message, { where: 'foi', cure });
}
