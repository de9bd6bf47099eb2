import { ProcessingError } from '../../errors.js';

/** How a subject's counts become comparable between subjects. */
export const NORMALIZATION_METHODS = ['none', 'waytotal', 'max', 'sum', 'log'] as const;

/** How streamline counts become densities. */
export type NormalizationMethod = (typeof NORMALIZATION_METHODS)[number];

export interface NormalizedVolume {
  /** float32, same order as the input. */
  readonly data: Float32Array;
  /** What the input was divided by: the waytotal, the maximum, the sum, log1p of the maximum, or 1. */
  readonly constant: number;
}

/**
 * Normalises one tract density volume; float64 arithmetic, stored as float32.
 *
 * @param counts - not negative, finite, with positive sum
 * @param waytotal - number of accepted samples, needed by `waytotal` only
 * @throws ProcessingError WAYTOTAL when the method needs a waytotal and none above 0 is given
 * @see spec/learned_atlas.md 1.3
 */
export function normalizeDensity(
  counts: ArrayLike<number>,
  method: NormalizationMethod,
  waytotal: number | null = null,
): NormalizedVolume {
  if (method === 'log') {
    const constant = Math.log1p(largest(counts));
    return { data: Float32Array.from(counts, (x) => Math.log1p(x) / constant), constant };
  }
  const constant = divisor(counts, method, waytotal);
  return { data: Float32Array.from(counts, (x) => x / constant), constant };
}

function divisor(
  counts: ArrayLike<number>,
  method: Exclude<NormalizationMethod, 'log'>,
  waytotal: number | null,
): number {
  switch (method) {
    case 'none':
      return 1;
    case 'max':
      return largest(counts);
    case 'sum':
      return total(counts);
    case 'waytotal':
      if (waytotal !== null && waytotal > 0) return waytotal;
      throw new ProcessingError('WAYTOTAL', `normalisation needs a waytotal above 0, not ${waytotal}`, {
        cure: 'restore the waytotal file, or set atlas.normalization_method to max or sum',
      });
  }
}

function largest(values: ArrayLike<number>): number {
  let found = 0;
  for (let i = 0; i < values.length; i++) found = Math.max(found, values[i] ?? 0);
  return found;
}

function total(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  return sum;
}

/** Why a volume cannot enter an atlas, or null: the reasons of spec/learned_atlas.md 1.1. */
export function densityDefect(values: ArrayLike<number>): 'non_finite' | 'negative' | 'no_mass' | null {
  let negative = false;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const x = values[i] ?? NaN;
    if (!Number.isFinite(x)) return 'non_finite';
    if (x < 0) negative = true;
    sum += x;
  }
  if (negative) return 'negative';
  return sum > 0 ? null : 'no_mass';
}
