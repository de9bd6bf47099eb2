import { digamma, logGamma } from '../../special/gamma.js';
import { modelSource, type BayesianModel, type ModelSource } from '../model.js';
import { refused, standardise } from './standardised.js';

/** What a model of the difference of two groups is made of. */
export interface GroupDifferenceData {
  /** Values of two groups, at least 2 in each. */
  readonly values: readonly [ArrayLike<number>, ArrayLike<number>];
  /** Names of the groups; the difference is the first minus the second. */
  readonly names?: readonly [string, string];
}

// Standard deviations of the priors of a mean and of a logarithm of a scale, where the pooled data have mean 0 and sd 1.
const MEAN_SD = 2;
const LOG_SCALE_SD = 1;

// Mean of the exponential prior of nu - 1: as much weight on heavy tails as on nearly normal ones (Kruschke 2013).
const NU_MEAN = 29;

/**
 * Two groups with means and scales of their own and a common number of degrees of freedom, Student-t noise.
 *
 * Priors, in units of the pooled standard deviation s around the pooled mean: means normal (0, 2 s), scales log-normal
 * (ln s, 1), nu - 1 exponential (29). Quantities: `mean[group]`, `sigma[group]` (scale of the t distribution), `nu`,
 * `mean_difference`, `sigma_difference`, and `effect_size`, the difference of means over the root mean square of the scales.
 *
 * @see Kruschke 2013, "Bayesian estimation supersedes the t test"
 */
export function groupDifferenceModel(data: GroupDifferenceData): ModelSource {
  return modelSource(import.meta.url, 'createGroupDifference', data);
}

/**
 * Two groups with Student t noise, as a model to sample in this process; see `groupDifferenceModel`.
 *
 * @throws ProcessingError INVALID_ARGUMENT, NON_FINITE for data that cannot be compared
 */
export function createGroupDifference({ values, names = ['0', '1'] }: GroupDifferenceData): BayesianModel {
  for (const [g, { length }] of values.entries()) {
    if (length < 2)
      throw refused(`group ${names[g]} has ${length} values, at least 2 are needed`, 'give more');
  }
  const pooled = standardise([...Array.from(values[0]), ...Array.from(values[1])], 'the outcome');
  const counts = values.map(({ length }) => length);
  const groups = [pooled.values.subarray(0, counts[0]), pooled.values.subarray(counts[0])];
  const total = pooled.values.length;
  const labels = [[...names]];
  return {
    name: 'group_difference',
    dimension: 5,
    variables: [
      { name: 'mean', shape: [2], labels },
      { name: 'sigma', shape: [2], labels },
      { name: 'nu', shape: [] },
      { name: 'mean_difference', shape: [] },
      { name: 'sigma_difference', shape: [] },
      { name: 'effect_size', shape: [] },
    ],
    // mean 0, mean 1, ln sigma 0, ln sigma 1, ln (nu - 1)
    start: Float64Array.of(0, 0, 0, 0, Math.log(NU_MEAN)),
    logDensity(q, gradient) {
      gradient.fill(0);
      const excess = Math.exp(q[4]!);
      const nu = 1 + excess;
      let sum =
        total * (logGamma((nu + 1) / 2) - logGamma(nu / 2) - 0.5 * Math.log(nu * Math.PI)) +
        q[4]! -
        excess / NU_MEAN;
      let byNu = total * 0.5 * (digamma((nu + 1) / 2) - digamma(nu / 2) - 1 / nu);
      for (let g = 0; g < 2; g++) {
        const mean = q[g]!;
        const sigma = Math.exp(q[2 + g]!);
        let byMean = 0;
        let byLog = 0;
        const rows = groups[g]!;
        for (let i = 0; i < rows.length; i++) {
          const z = (rows[i]! - mean) / sigma;
          const square = z * z;
          const inner = Math.log1p(square / nu);
          const weight = (nu + 1) / (nu + square);
          sum -= 0.5 * (nu + 1) * inner;
          byMean += weight * z;
          byLog += weight * square;
          byNu += 0.5 * ((weight * square) / nu - inner);
        }
        sum -= rows.length * q[2 + g]! + 0.5 * (mean / MEAN_SD) ** 2 + 0.5 * (q[2 + g]! / LOG_SCALE_SD) ** 2;
        gradient[g] = byMean / sigma - mean / MEAN_SD ** 2;
        gradient[2 + g] = byLog - rows.length - q[2 + g]! / LOG_SCALE_SD ** 2;
      }
      gradient[4] = byNu * excess + 1 - excess / NU_MEAN;
      return sum;
    },
    values(q) {
      const means = [q[0]!, q[1]!].map((mean) => pooled.mean + pooled.sd * mean);
      const sigmas = [q[2]!, q[3]!].map((log) => pooled.sd * Math.exp(log));
      const difference = pooled.sd * (q[0]! - q[1]!);
      return [
        ...means,
        ...sigmas,
        1 + Math.exp(q[4]!),
        difference,
        sigmas[0]! - sigmas[1]!,
        difference / Math.sqrt((sigmas[0]! ** 2 + sigmas[1]! ** 2) / 2),
      ];
    },
  };
}
