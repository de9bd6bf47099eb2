/** Values from -1 to 1 of a small multiplicative generator (Park and Miller 1988): the same everywhere. */
export function randomValues(size: number, seed: number): Float32Array {
  let state = seed * 7919 + 1;
  return Float32Array.from({ length: size }, () => {
    state = (state * 48271) % 2147483647;
    return (2 * state) / 2147483647 - 1;
  });
}
