/**
 * p values adjusted by Benjamini and Hochberg: calling those at or below q significant keeps the expected share of false
 * discoveries at q, for independent and for positively dependent tests.
 *
 * @param pValues - 0 to 1; NaN marks a test that was not made, which takes no part
 * @returns in the same order, NaN where p is
 * @see Benjamini & Hochberg 1995
 */
export function benjaminiHochberg(pValues: ArrayLike<number>): Float64Array {
  const order = Array.from(pValues, (p, i) => ({ p, i })).filter(({ p }) => !Number.isNaN(p));
  order.sort((a, b) => b.p - a.p);
  const out = new Float64Array(pValues.length).fill(NaN);
  let least = 1;
  order.forEach(({ p, i }, place) => {
    least = Math.min(least, (p * order.length) / (order.length - place));
    out[i] = least;
  });
  return out;
}
