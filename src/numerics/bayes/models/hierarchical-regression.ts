import { ProcessingError } from '../../../errors.js';
import { modelSource, type BayesianModel, type ModelSource } from '../model.js';
import { LeastSquaresForm } from './least-squares-form.js';
import { ScaledEffects } from './scaled-effects.js';
import { refused, standardise, standardiseTable, type Predictor } from './standardised.js';

/** What a regression over sites is made of; all arrays have a value per row. */
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
 * sites and noise half-normal (1); effects of sites are normal with that spread. Quantities, in
 * the units of the data: `intercept`, `slope[predictor]`, `site_sd`, `site_effect[site]`, `noise_sd`.
 */
export function hierarchicalRegressionModel(data: HierarchicalRegressionData): ModelSource {
  return modelSource(import.meta.url, 'createHierarchicalRegression', data);
}

/**
 * Regression with effects of sites, as a model to sample in this process; see `hierarchicalRegressionModel`.
 *
 * @throws ProcessingError INVALID_ARGUMENT, NON_FINITE, SHAPE_MISMATCH for data that cannot be fitted
 */
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
  // intercept, slopes, coordinates of the effects of sites, ln spread, ln noise
  const [slopeAt, siteAt, spreadAt] = [1, 1 + p, 1 + p + sites.length];
  const noiseAt = spreadAt + 1;
  const design = new Float64Array(n * spreadAt);
  for (let i = 0; i < n; i++) {
    design[i * spreadAt] = 1;
    design.set(table.values.subarray(i * p, (i + 1) * p), i * spreadAt + slopeAt);
    design[i * spreadAt + siteAt + sites.indexOf(site[i]!)] = 1;
  }
  const form = new LeastSquaresForm(design, y.values);
  // The rows of a site say of its effect what is left of their mean after intercept and slopes.
  const counts = Float64Array.from(sites, (name) => site.filter((other) => other === name).length);
  const effects = new ScaledEffects(counts);
  const meanOutcome = new Float64Array(sites.length);
  const meanColumns = new Float64Array(sites.length * siteAt);
  for (let i = 0; i < n; i++) {
    const s = sites.indexOf(site[i]!);
    meanOutcome[s] = meanOutcome[s]! + y.values[i]! / counts[s]!;
    for (let a = 0; a < siteAt; a++)
      meanColumns[s * siteAt + a] = meanColumns[s * siteAt + a]! + design[i * spreadAt + a]! / counts[s]!;
  }
  const coefficients = new Float64Array(spreadAt);
  const pull = new Float64Array(spreadAt);
  const setEffects = (q: Float64Array): void => {
    for (let s = 0; s < sites.length; s++) {
      let centre = meanOutcome[s]!;
      for (let a = 0; a < siteAt; a++) centre -= meanColumns[s * siteAt + a]! * q[a]!;
      effects.set(s, q[siteAt + s]!, q[spreadAt]!, q[noiseAt]!, centre);
    }
  };
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
      setEffects(q);
      for (let i = 0; i < siteAt; i++) coefficients[i] = q[i]!;
      coefficients.set(effects.effects, siteAt);
      const squares = form.evaluate(coefficients, pull);
      let sum = -n * q[noiseAt]! - 0.5 * squares * precision;
      gradient[spreadAt] = 0;
      gradient[noiseAt] = squares * precision - n;
      for (let i = 0; i < siteAt; i++) {
        sum -= 0.5 * q[i]! ** 2;
        gradient[i] = precision * pull[i]! - q[i]!;
      }
      for (let s = 0; s < sites.length; s++) {
        sum += effects.differentiate(s, q[siteAt + s]!, precision * pull[siteAt + s]!);
        gradient[siteAt + s] = effects.byCoordinate[s]!;
        gradient[spreadAt] = gradient[spreadAt]! + effects.byLogSpread[s]!;
        gradient[noiseAt] = gradient[noiseAt]! + effects.byLogNoise[s]!;
        for (let a = 0; a < siteAt; a++)
          gradient[a] = gradient[a]! - effects.byCentre[s]! * meanColumns[s * siteAt + a]!;
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
      setEffects(q);
      const bySite = Array.from(effects.effects, (effect) => y.sd * effect);
      const [spread, noise] = [q[spreadAt]!, q[noiseAt]!].map((log) => y.sd * Math.exp(log));
      return [y.mean + y.sd * q[0]! - shift, ...slopes, spread!, ...bySite, noise!];
    },
  };
}
