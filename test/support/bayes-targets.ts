/** Distributions with known moments, as models of a sampler. */
import type { BayesianModel } from '../../src/numerics/bayes/model.js';

/** Normal, independent, with these variances, seen through a reflection along `axis` where one is given. */
export function gaussian(variances: Float64Array, axis?: Float64Array): BayesianModel {
  const n = variances.length;
  const reflect = (x: Float64Array): Float64Array => {
    if (axis === undefined) return x.slice();
    let along = 0;
    for (let i = 0; i < n; i++) along += 2 * axis[i]! * x[i]!;
    return x.map((value, i) => value - along * axis[i]!);
  };
  return {
    name: 'gaussian',
    dimension: n,
    variables: [{ name: 'x', shape: [n] }],
    logDensity(q, gradient) {
      const y = reflect(q);
      let sum = 0;
      for (let i = 0; i < n; i++) sum -= (y[i]! * y[i]!) / variances[i]! / 2;
      gradient.set(reflect(y.map((value, i) => -value / variances[i]!)));
      return sum;
    },
  };
}

/** Variances of the coordinates of a reflected Gaussian. */
export function reflectedVariances(variances: Float64Array, axis: Float64Array): Float64Array {
  return variances.map((_, i) =>
    variances.reduce(
      (sum, variance, k) => sum + ((i === k ? 1 : 0) - 2 * axis[i]! * axis[k]!) ** 2 * variance,
      0,
    ),
  );
}

/** Neal's funnel in its standard-normal coordinates: v normal (0, 3), x_i normal (0, exp(v / 2)). */
export function funnel(dimension = 10): BayesianModel {
  return {
    name: 'funnel',
    dimension,
    variables: [
      { name: 'v', shape: [] },
      { name: 'log_spread', shape: [] },
      { name: 'x', shape: [dimension - 1] },
    ],
    logDensity(q, gradient) {
      let sum = 0;
      for (let i = 0; i < dimension; i++) {
        gradient[i] = -q[i]!;
        sum -= (q[i]! * q[i]!) / 2;
      }
      return sum;
    },
    values: (q) => [3 * q[0]!, 1.5 * q[0]!, ...q.subarray(1).map((z) => z * Math.exp(1.5 * q[0]!))],
  };
}

export function studentT(dimension: number, nu: number): BayesianModel {
  return {
    name: 'student_t',
    dimension,
    variables: [{ name: 'x', shape: [dimension] }],
    logDensity(q, gradient) {
      let sum = 0;
      for (let i = 0; i < dimension; i++) {
        sum -= ((nu + 1) / 2) * Math.log1p((q[i]! * q[i]!) / nu);
        gradient[i] = (-(nu + 1) * q[i]!) / (nu + q[i]! * q[i]!);
      }
      return sum;
    },
  };
}

const SCHOOLS = {
  y: [28, 8, -3, 7, -1, 1, 18, 12],
  sigma: [15, 10, 16, 11, 9, 11, 10, 18],
} as const;

/** Eight schools (Rubin 1981), non-centred: mu normal (0, 5), tau half-Cauchy (5). For threads too. */
export function createEightSchools(): BayesianModel {
  const { y, sigma } = SCHOOLS;
  return {
    name: 'eight_schools',
    dimension: 10,
    variables: [
      { name: 'mu', shape: [] },
      { name: 'tau', shape: [] },
      { name: 'theta', shape: [8] },
    ],
    logDensity(q, gradient) {
      const mu = q[0]!;
      const tau = Math.exp(q[1]!);
      const ratio = (tau / 5) ** 2;
      let sum = -0.5 * (mu / 5) ** 2 - Math.log1p(ratio) + q[1]!;
      gradient[0] = -mu / 25;
      gradient[1] = 1 - (2 * ratio) / (1 + ratio);
      for (let j = 0; j < 8; j++) {
        const z = q[2 + j]!;
        const residual = (y[j]! - mu - tau * z) / sigma[j]! ** 2;
        sum -= 0.5 * z * z + 0.5 * residual ** 2 * sigma[j]! ** 2;
        gradient[0] = gradient[0] + residual;
        gradient[1] = gradient[1] + residual * tau * z;
        gradient[2 + j] = residual * tau - z;
      }
      return sum;
    },
    values: (q) => [
      q[0]!,
      Math.exp(q[1]!),
      ...Array.from({ length: 8 }, (_, j) => q[0]! + Math.exp(q[1]!) * q[2 + j]!),
    ],
  };
}

/** Means and variances of mu and the thetas: given tau they are normal, over tau by quadrature. */
export function eightSchoolsMoments(): Record<string, { mean: number; variance: number }> {
  const { y, sigma } = SCHOOLS;
  const names = ['mu', ...y.map((_, j) => `theta[${j}]`)];
  const first = new Float64Array(names.length);
  const second = new Float64Array(names.length);
  let weight = 0;
  for (let log = -12; log < 8; log += 0.002) {
    const tau = Math.exp(log);
    // mu given tau and y: prior precision 1 / 25 and a normal for each school.
    let precision = 1 / 25;
    let pull = 0;
    let logWeight = log - Math.log1p((tau / 5) ** 2);
    for (let j = 0; j < 8; j++) {
      const variance = sigma[j]! ** 2 + tau * tau;
      precision += 1 / variance;
      pull += y[j]! / variance;
      logWeight -= 0.5 * (Math.log(variance) + y[j]! ** 2 / variance);
    }
    const mu = pull / precision;
    logWeight += 0.5 * (mu * mu * precision - Math.log(precision));
    const w = Math.exp(logWeight);
    weight += w;
    const add = (at: number, mean: number, variance: number): void => {
      first[at] = first[at]! + w * mean;
      second[at] = second[at]! + w * (variance + mean * mean);
    };
    add(0, mu, 1 / precision);
    for (let j = 0; j < 8; j++) {
      // theta given mu: between y and mu; then over mu.
      const share = (tau * tau) / (tau * tau + sigma[j]! ** 2);
      add(1 + j, share * y[j]! + (1 - share) * mu, share * sigma[j]! ** 2 + (1 - share) ** 2 / precision);
    }
  }
  return Object.fromEntries(
    names.map((name, i) => {
      const mean = first[i]! / weight;
      return [name, { mean, variance: second[i]! / weight - mean * mean }];
    }),
  );
}
