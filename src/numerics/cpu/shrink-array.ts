import { ProcessingError } from '../../errors.js';

/** An array in a smaller type, and what that cost. */
export interface ShrunkArray {
  readonly data: Float32Array | Int32Array | Float64Array | BigInt64Array;
  /** Largest |shrunk - given| / |given| over all numbers; 0 where nothing was lost. */
  readonly maxRelativeError: number;
  readonly bytesSaved: number;
}

/**
 * The same numbers in half the memory: float64 as float32, 64-bit whole numbers as 32-bit where all fit.
 *
 * Rounding to float32 loses digits, which the result states; what does not fit is refused or, for whole numbers, left as it is.
 *
 * @throws ProcessingError NON_FINITE when a finite number would become infinite as float32
 */
export function shrinkArray(data: Float64Array | BigInt64Array | Float32Array | Int32Array): ShrunkArray {
  if (data instanceof BigInt64Array) {
    const fits = data.every((value) => value >= -(2n ** 31n) && value < 2n ** 31n);
    if (!fits) return { data, maxRelativeError: 0, bytesSaved: 0 };
    return { data: Int32Array.from(data, Number), maxRelativeError: 0, bytesSaved: data.byteLength / 2 };
  }
  if (!(data instanceof Float64Array)) return { data, maxRelativeError: 0, bytesSaved: 0 };
  const shrunk = Float32Array.from(data);
  let worst = 0;
  for (let i = 0; i < data.length; i++) {
    const [given, kept] = [data[i]!, shrunk[i]!];
    if (!Number.isFinite(given) || given === kept) continue;
    if (!Number.isFinite(kept)) {
      throw new ProcessingError('NON_FINITE', `${given} at place ${i} does not fit float32`, {
        cure: 'keep float64, or scale the numbers first',
      });
    }
    worst = Math.max(worst, Math.abs((kept - given) / given));
  }
  return { data: shrunk, maxRelativeError: worst, bytesSaved: data.byteLength / 2 };
}
