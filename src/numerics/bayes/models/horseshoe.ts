import { modelSource, type BayesianModel, type ModelSource } from '../model.js';
import { LeastSquaresForm } from './least-squares-form.js';
import { ownInformation, ScaledEffects } from './scaled-effects.js';
import { refused, standardise, standardiseTable, type Predictor } from './standardised.js';

/** What a sparse regression is made of; all arrays have a value per row. */
export interface HorseshoeData {
  readonly outcome: ArrayLike<number>;
  /** For example the descriptors of a shape. */
  readonly predictors: readonly Predictor[];
  /** How many slopes are thought to differ from 0; at least 1 and fewer than there are. Default: a fifth of them. */
  readonly expectedNonzero?: number;
}

// Slopes that differ from 0 are about this large, in standard deviations, with tails of this many degrees of freedom.
const SLAB_SCALE = 2;
const SLAB_DF = 4;

/**
 * Linear regression over many predictors of which few matter: regularised horseshoe.
 *
 * With outcome and predictors of mean 0 and standard deviation 1: slope j normal (0, tau l_j), l_j half-Cauchy (1) bounded by the
 * slab, tau half-Cauchy (t0 sigma) with t0 = m / ((p - m) sqrt(n)) for m expected slopes; slab^2 inverse gamma; intercept
 * normal (0, 1), noise half-normal (1). Quantities, in the units of the data: `intercept`, `slope[predictor]`, `noise_sd`,
 * `global_scale` (tau over sigma), and `shrinkage[predictor]` from 0 (kept) to 1 (shrunk to 0).
 *
 * @see Piironen & Vehtari 2017, "Sparsity information and regularization in the horseshoe and other shrinkage priors"
 */
export function horseshoeModel(data: HorseshoeData): ModelSource {
  return modelSource(import.meta.url, 'createHorseshoe', data);
}

/**
 * Regression with few slopes that differ from 0, as a model to sample in this process; see `horseshoeModel`.
 *
 * @throws ProcessingError INVALID_ARGUMENT, NON_FINITE, SHAPE_MISMATCH for data that cannot be fitted
 */
export function createHorseshoe({ outcome, predictors, expectedNonzero }: HorseshoeData): BayesianModel {
  const y = standardise(outcome, 'the outcome');
  const n = outcome.length;
  const p = predictors.length;
  if (p < 2) throw refused(`${p} predictors are too few to choose from`, 'give at least 2');
  const expected = expectedNonzero ?? Math.max(1, Math.round(p / 5));
  if (!(expected > 0 && expected < p)) {
    throw refused(`expectedNonzero ${expected} is not possible`, `give a number between 0 and ${p}`);
  }
  const table = standardiseTable(predictors, n);
  const logScale = Math.log(expected / (p - expected) / Math.sqrt(n));
  // intercept, coordinates of the slopes, ln l, ln tau over (t0 sigma), ln slab^2, ln sigma
  const [slopeAt, localAt, globalAt] = [1, 1 + p, 1 + 2 * p];
  const [slabAt, noiseAt] = [globalAt + 1, globalAt + 2];
  const [shape, rate] = [SLAB_DF / 2, (SLAB_DF / 2) * SLAB_SCALE ** 2];
  const slopes = new ScaledEffects(ownInformation(table.values, p));
  const shares = new Float64Array(p);
  const bySlope = new Float64Array(p);
  const form = new LeastSquaresForm(table.values, y.values);

  /** Sets the slopes, and what share of the bound of each comes from the slab. */
  const setSlopes = (q: Float64Array): void => {
    const logTau = logScale + q[noiseAt]! + q[globalAt]!;
    for (let j = 0; j < p; j++) {
      const logSpread = 2 * (logTau + q[localAt + j]!);
      // The bounded spread: the product of slab and spread over their sum, as squares.
      const share = 1 / (1 + Math.exp(q[slabAt]! - logSpread));
      shares[j] = share;
      slopes.set(j, q[slopeAt + j]!, 0.5 * (logSpread + Math.log1p(-share)), q[noiseAt]!);
    }
  };
  const labels = [predictors.map(({ name }) => name)];
  return {
    name: 'horseshoe',
    dimension: noiseAt + 1,
    variables: [
      { name: 'intercept', shape: [] },
      { name: 'slope', shape: [p], labels },
      { name: 'noise_sd', shape: [] },
      { name: 'global_scale', shape: [] },
      { name: 'shrinkage', shape: [p], labels },
    ],
    logDensity(q, gradient) {
      gradient.fill(0);
      setSlopes(q);
      const precision = Math.exp(-2 * q[noiseAt]!);
      // Columns and outcome have mean 0, so that the intercept stands alone.
      const squares = form.evaluate(slopes.effects, bySlope) + n * q[0]! ** 2;
      gradient[0] = -precision * n * q[0]!;
      let sum = -n * q[noiseAt]! - 0.5 * squares * precision - 0.5 * q[0]! ** 2;
      gradient[0] = gradient[0]! - q[0]!;
      gradient[noiseAt] = squares * precision - n;
      for (let j = 0; j < p; j++) {
        sum += slopes.differentiate(j, q[slopeAt + j]!, precision * bySlope[j]!);
        gradient[slopeAt + j] = slopes.byCoordinate[j]!;
        // The spread follows tau and l by what the slab leaves, and the slab by half of its share.
        const log = slopes.byLogSpread[j]!;
        const followed = log * (1 - shares[j]!);
        const [value, slope] = logHalfCauchy(q[localAt + j]!);
        sum += value;
        gradient[localAt + j] = followed + slope;
        gradient[globalAt] = gradient[globalAt]! + followed;
        gradient[noiseAt] = gradient[noiseAt]! + followed + slopes.byLogNoise[j]!;
        gradient[slabAt] = gradient[slabAt]! + 0.5 * log * shares[j]!;
      }
      const [value, slope] = logHalfCauchy(q[globalAt]!);
      sum += value;
      gradient[globalAt] = gradient[globalAt]! + slope;
      const inverseSlab = rate * Math.exp(-q[slabAt]!);
      sum -= shape * q[slabAt]! + inverseSlab;
      gradient[slabAt] = gradient[slabAt]! - shape + inverseSlab;
      const variance = 1 / precision;
      sum += q[noiseAt]! - 0.5 * variance;
      gradient[noiseAt] = gradient[noiseAt]! + 1 - variance;
      return sum;
    },
    values(q) {
      setSlopes(q);
      const given = table.columns.map(({ sd }, j) => (slopes.effects[j]! * y.sd) / sd);
      const shift = table.columns.reduce((all, { mean }, j) => all + given[j]! * mean, 0);
      const sigma = Math.exp(q[noiseAt]!);
      const shrinkage = Array.from({ length: p }, (_, j) => 1 / (1 + (n * scaleAt(q, j) ** 2) / sigma ** 2));
      return [
        y.mean + y.sd * q[0]! - shift,
        ...given,
        y.sd * sigma,
        Math.exp(logScale + q[globalAt]!),
        ...shrinkage,
      ];
    },
  };

  /** Prior standard deviation of a slope, after setSlopes. */
  function scaleAt(q: Float64Array, j: number): number {
    return Math.exp(logScale + q[noiseAt]! + q[globalAt]! + q[localAt + j]!) * Math.sqrt(1 - shares[j]!);
  }
}

/** Log density of ln x for a half-Cauchy x with scale 1, up to a constant, and its derivative. */
function logHalfCauchy(log: number): [value: number, slope: number] {
  // ln (1 + x^2), also where x^2 overflows.
  const upper = log > 0 ? 2 * log + Math.log1p(Math.exp(-2 * log)) : Math.log1p(Math.exp(2 * log));
  return [log - upper, 1 - 2 / (1 + Math.exp(-2 * log))];
}
