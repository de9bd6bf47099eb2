/** Functions around the gamma function, for positive arguments. */

// Lanczos approximation with g = 7, n = 9; relative error below 1e-14 (coefficients as tabulated by Godfrey 2001).
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
] as const;

/** ln Gamma(x), x > 0. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const z = x - 1;
  let sum: number = LANCZOS[0];
  for (let i = 1; i < LANCZOS.length; i++) sum += LANCZOS[i]! / (z + i);
  const t = z + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}

// Coefficients B_2k / 2k of the asymptotic series (Abramowitz & Stegun 6.3.18).
const DIGAMMA_SERIES = [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12] as const;

/** Derivative of ln Gamma at x > 0. */
export function digamma(x: number): number {
  let shift = 0;
  let z = x;
  // From 10 on the series is exact to rounding.
  for (; z < 10; z++) shift -= 1 / z;
  const square = 1 / (z * z);
  let power = square;
  let series = 0;
  for (const coefficient of DIGAMMA_SERIES) {
    series += coefficient * power;
    power *= square;
  }
  return shift + Math.log(z) - 0.5 / z - series;
}

/** Modified Bessel function of the first kind, order 0, times exp(-x); x >= 0. Power series, else asymptotic. */
export function besselI0Scaled(x: number): number {
  let term = 1;
  let sum = 1;
  if (x <= 30) {
    for (let k = 1; term > 1e-17 * sum; k++) {
      term *= (x / (2 * k)) ** 2;
      sum += term;
    }
    return sum * Math.exp(-x);
  }
  for (let k = 1; Math.abs(term) > 1e-17 && k < 40; k++) {
    term *= (2 * k - 1) ** 2 / (8 * x * k);
    sum += term;
  }
  return sum / Math.sqrt(2 * Math.PI * x);
}
