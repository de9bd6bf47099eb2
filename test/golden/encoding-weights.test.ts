import { describe, expect, test } from 'vitest';
import { LinearModel } from '../../src/numerics/encoding/linear-models.js';
import { GaussianPRF } from '../../src/numerics/encoding/models.js';
import {
  residualCovariance,
  residualLogLikelihood,
  stimulusLogLikelihood,
  stimulusPosterior,
  tuningSimilarity,
} from '../../src/numerics/encoding/residual-model.js';
import { WeightFitter } from '../../src/numerics/encoding/weight-fitter.js';
import { multiply } from '../../src/numerics/linalg/matrix.js';
import { goldenArray, goldenColumns, goldenMatrix, relativeError } from '../support/golden-encoding.js';
import { ResidualFitter } from '../../src/numerics/encoding/residual-fitter.js';
import { hasReference } from '../support/reference.js';

describe.skipIf(!hasReference)('golden ridge weights', () => {
  test.each(['compat', 'exact'] as const)(
    '%s, one alpha at a time and all from one decomposition',
    (mode) => {
      const { values: golden, shape } = goldenArray(
        mode === 'compat' ? 'wf_weights_compat' : 'wf_weights_intercept',
      );
      const design = goldenMatrix('wf_X');
      const fitter = new WeightFitter(new LinearModel(), undefined, goldenMatrix('wf_Y'), design, { mode });
      const alphas = [...goldenArray('wf_alphas').values];
      const together = fitter.fitAll(alphas);
      const size = shape[1]! * shape[2]!;
      alphas.forEach((alpha, i) => {
        const expected = golden.subarray(i * size, (i + 1) * size);
        for (const { weights } of [fitter.fit(alpha), together[i]!]) {
          if (alpha > 0) expect(relativeError(weights.values, expected), `alpha ${alpha}`).toBeLessThan(1e-9);
          const predicted = (values: Float64Array): Float64Array =>
            multiply(design, { rows: shape[1]!, columns: shape[2]!, values }).values;
          expect(
            relativeError(predicted(weights.values), predicted(expected)),
            `alpha ${alpha}`,
          ).toBeLessThan(1e-9);
        }
        if (mode === 'exact') {
          const intercepts = goldenMatrix('wf_intercepts').values.subarray(
            i * shape[2]!,
            (i + 1) * shape[2]!,
          );
          expect(relativeError(together[i]!.intercepts, intercepts)).toBeLessThan(1e-9);
        }
      });
    },
  );
});

describe.skipIf(!hasReference)('golden decoding', () => {
  const range = () => goldenArray('dec_range').values;
  const predictions = () =>
    new GaussianPRF().predict(range(), goldenColumns('dec_params', ['mu', 'sd', 'amplitude', 'baseline']));

  test('omega from tuning similarity, shared noise and own noise', () => {
    const similarity = tuningSimilarity(predictions(), { isNormalised: false });
    expect(relativeError(similarity.values, goldenMatrix('dec_wwt').values)).toBeLessThan(1e-9);
    const omega = residualCovariance({
      rho: 0.15,
      tau: goldenArray('dec_tau').values,
      sigma2: 0.02,
      similarity: tuningSimilarity(predictions()),
    });
    expect(relativeError(omega.values, goldenMatrix('dec_omega').values)).toBeLessThan(1e-9);
  });

  test.each([
    ['gauss', undefined],
    ['t6', 6],
  ] as const)('likelihood and posterior, %s', (name, dof) => {
    const likelihood = stimulusLogLikelihood(
      goldenMatrix('dec_data'),
      predictions(),
      goldenMatrix('dec_omega'),
      dof,
    );
    expect(relativeError(likelihood.values, goldenMatrix(`dec_loglik_${name}`).values)).toBeLessThan(1e-9);
    const { density } = stimulusPosterior(likelihood, range());
    expect(relativeError(density.values, goldenMatrix(`dec_posterior_${name}`).values)).toBeLessThan(1e-9);
  });

  test('omega of simulated residuals comes out near the golden one', () => {
    const parameters = goldenColumns('dec_params', ['mu', 'sd', 'amplitude', 'baseline']);
    const stimuli = range();
    const model = new GaussianPRF({ paradigm: stimuli, parameters });
    const golden = goldenMatrix('dec_omega');
    const fitter = new ResidualFitter(model, model.simulate({ noise: golden, seed: 4 }));
    const fit = fitter.fit({ stimuli });
    const total = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);
    expect(fit.logLikelihood).toBeGreaterThan(total(residualLogLikelihood(fitter.residuals, golden)));
    // Golden: rho 0.15, sigma2 0.02; of 161 time points and 24 voxels.
    expect(Math.abs(fit.rho - 0.15)).toBeLessThan(0.08);
    const difference = fit.omega.values.map((value, at) => (value - golden.values[at]!) ** 2);
    const size = golden.values.map((value) => value ** 2);
    expect(Math.sqrt(total(difference) / total(size))).toBeLessThan(0.15);
  });
});
