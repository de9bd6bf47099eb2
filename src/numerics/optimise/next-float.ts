const asFloat = new Float64Array(1);
const asBits = new BigInt64Array(asFloat.buffer);

/** The smallest number greater than a finite `value`. */
export function nextUp(value: number): number {
  if (value === 0) return Number.MIN_VALUE;
  asFloat[0] = value;
  asBits[0]! += value > 0 ? 1n : -1n;
  return asFloat[0];
}

/** The greatest number smaller than a finite `value`. */
export function nextDown(value: number): number {
  return -nextUp(-value);
}
