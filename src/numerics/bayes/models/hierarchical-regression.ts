import { ProcessingError } from '../../../errors.js';
import { modelSource, type BayesianModel, type ModelSource } from '../model.js';
import { LeastSquaresForm } from './least-squares-form.js';
import { refused, standardise, standardiseTable, type Predictor } from './standardised.js';

export interface HierarchicalRegressionData {
  readonly outcome: ArrayLike<number>;
  readonly predictors: readonly Predictor[];
  /** Site of each row. */
  readonly site: readonly string[];
}

/**
 * Linear regression in which every site shifts the outcome by an effect of its own, with normal noise.
 *
 * Priors, where outcome and predictors have mean 0 and standard deviation 1: intercept and slopes normal (0, 1), spread of the
 * sites and noise half-normal (1); effects of sites are normal with that spread, and are sampled in units of it. Quantities, in
 * the units of the data: `intercept`, `slope[predictor]`, `site_sd`, `site_effect[site]`, `noise_sd`.
 */
export function hierarchicalRegressionModel(data: HierarchicalRegressionData): ModelSource {
  return modelSource(import.meta.url, 'createHierarchicalRegression', data);
}

/** @throws ProcessingError INVALID_ARGUMENT, NON_FINITE, SHAPE_MISMATCH for data that cannot be fitted */
export function createHierarchicalRegression({
  outcome,
  predictors,
  site,
}: HierarchicalRegressionData): BayesianModel {
  const y = standardise(outcome, 'the outcome');
  const n = outcome.length;
  if (site.length !== n) {
    throw new ProcessingError('SHAPE_MISMATCH', `${site.length} sites for ${n} rows`, {
      cure: 'give one for each row',
    });
  }
  const sites = [...new Set(site)].sort();
  if (sites.length < 2) throw refused('there is one site only', 'leave the sites out, or give more of them');
  const table = standardiseTable(predictors, n);
  const p = predictors.length;
  // intercept, slopes, effects of sites in units of their spread, ln spread, ln noise
  const [slopeAt, siteAt, spreadAt] = [1, 1 + p, 1 + p + sites.length];
  const noiseAt = spreadAt + 1;
  const design = new Float64Array(n * spreadAt);
  for (let i = 0; i < n; i++) {
    design[i * spreadAt] = 1;
    design.set(table.values.subarray(i * p, (i + 1) * p), i * spreadAt + slopeAt);
    design[i * spreadAt + siteAt + sites.indexOf(site[i]!)] = 1;
  }
  const form = new LeastSquaresForm(design, y.values);
  const coefficients = new Float64Array(spreadAt);
  const pull = new Float64Array(spreadAt);
  return {
    name: 'hierarchical_regression',
    dimension: noiseAt + 1,
    variables: [
      { name: 'intercept', shape: [] },
      { name: 'slope', shape: [p], labels: [predictors.map(({ name }) => name)] },
      { name: 'site_sd', shape: [] },
      { name: 'site_effect', shape: [sites.length], labels: [sites] },
      { name: 'noise_sd', shape: [] },
    ],
    logDensity(q, gradient) {
      const spread = Math.exp(q[spreadAt]!);
      const noise = Math.exp(q[noiseAt]!);
      const precision = 1 / (noise * noise);
      for (let i = 0; i < siteAt; i++) coefficients[i] = q[i]!;
      for (let i = siteAt; i < spreadAt; i++) coefficients[i] = spread * q[i]!;
      const squares = form.evaluate(coefficients, pull);
      for (let i = 0; i < siteAt; i++) gradient[i] = precision * pull[i]!;
      gradient[spreadAt] = 0;
      for (let i = siteAt; i < spreadAt; i++) {
        gradient[i] = precision * pull[i]! * spread;
        gradient[spreadAt] = gradient[spreadAt]! + precision * pull[i]! * coefficients[i]!;
      }
      let sum = -n * q[noiseAt]! - 0.5 * squares * precision;
      gradient[noiseAt] = squares * precision - n;
      for (let i = 0; i < spreadAt; i++) {
        sum -= 0.5 * q[i]! ** 2;
        gradient[i] = gradient[i]! - q[i]!;
      }
      for (const [at, scale] of [
        [spreadAt, spread],
        [noiseAt, noise],
      ] as const) {
        sum += q[at]! - 0.5 * scale * scale;
        gradient[at] = gradient[at]! + 1 - scale * scale;
      }
      return sum;
    },
    values(q) {
      const slopes = table.columns.map(({ sd }, j) => (q[slopeAt + j]! * y.sd) / sd);
      const shift = table.columns.reduce((all, { mean }, j) => all + slopes[j]! * mean, 0);
      const spread = y.sd * Math.exp(q[spreadAt]!);
      const effects = sites.map((_, s) => spread * q[siteAt + s]!);
      return [y.mean + y.sd * q[0]! - shift, ...slopes, spread, ...effects, y.sd * Math.exp(q[noiseAt]!)];
    },
  };
}
