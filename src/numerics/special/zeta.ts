/** Bernoulli numbers B_2j / (2j)!. */
const CORRECTIONS = [1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160];
const TERMS = 12;

/**
 * Riemann's zeta function for s above 1, by Euler's and Maclaurin's summation, to rounding for s from 1.01 on.
 *
 * @see Edwards 1974, Riemann's Zeta Function, chapter 6
 */
export function riemannZeta(s: number): number {
  if (!(s > 1)) return NaN;
  let sum = 0;
  for (let n = 1; n < TERMS; n++) sum += n ** -s;
  sum += TERMS ** (1 - s) / (s - 1) + TERMS ** -s / 2;
  // s (s + 1) ... (s + 2 j - 2) N^(-s - 2 j + 1)
  let factor = s * TERMS ** (-s - 1);
  CORRECTIONS.forEach((correction, j) => {
    sum += correction * factor;
    factor *= ((s + 2 * j + 1) * (s + 2 * j + 2)) / TERMS ** 2;
  });
  return sum;
}
