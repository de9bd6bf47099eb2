import { describe, expect, test } from 'vitest';
import { LinearModel } from '../../../../src/numerics/encoding/linear-models.js';
import { GaussianPRF } from '../../../../src/numerics/encoding/models.js';
import { ResidualFitter } from '../../../../src/numerics/encoding/residual-fitter.js';
import {
  residualCovariance,
  residualLogLikelihood,
  tuningSimilarity,
} from '../../../../src/numerics/encoding/residual-model.js';
import { matrix, type Matrix } from '../../../../src/numerics/linalg/matrix.js';

const VOXELS = 6;
const FRAMES = 800;
const parameters = {
  mu: [-2, -1, 0, 1, 2, 3],
  sd: [1, 0.7, 1.2, 0.9, 1, 0.8],
  amplitude: [1, 2, 1.5, 1, 2, 1],
  baseline: [0, 1, 0, 0.5, 0, 0],
};
const stimuli = Float64Array.from({ length: 41 }, (_, i) => -4 + 0.2 * i);
const paradigm = Float64Array.from({ length: FRAMES }, (_, t) => 3 * Math.sin(t));
const model = new GaussianPRF({ paradigm, parameters });
const tau = Float64Array.of(1, 0.6, 0.8, 1.2, 0.9, 0.7);

function simulated(omega: Matrix, dof?: number, scale = 1): Matrix {
  const data = model.simulate({ noise: omega, seed: 3, ...(dof !== undefined && { dof }) });
  const clean = model.predict();
  const values = data.values.map((value, at) => clean.values[at]! + scale * (value - clean.values[at]!));
  return matrix(data.rows, data.columns, values);
}

const total = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);

/** Distances among six voxels, those of voxels 0 and 1 as given. */
function apart(given: number): Float64Array {
  const out = Float64Array.from({ length: 36 }, (_, at) => (at % 7 === 0 ? 0 : 1));
  [out[1], out[6]] = [given, given];
  return out;
}

const shared = residualCovariance({ rho: 0.3, tau, sigma2: 0 });

describe('residual covariance by maximum likelihood', () => {
  test('finds shared correlation and own noise, in whatever unit', () => {
    const fitter = new ResidualFitter(model, simulated(shared));
    const fit = fitter.fit();
    // 800 time points: the standard error of a correlation is below 0.035, of a deviation 2.5 %.
    expect(Math.abs(fit.rho - 0.3)).toBeLessThan(0.1);
    fit.tau.forEach((value, v) => expect(Math.abs(value / tau[v]! - 1)).toBeLessThan(0.08));
    expect(fit).toMatchObject({ isConverged: true, dof: null, sigma2: null, alpha: null, beta: null });
    const truth = total(residualLogLikelihood(fitter.residuals, shared));
    expect(fit.logLikelihood).toBeGreaterThan(truth);
    expect(fit.logLikelihood).toBeCloseTo(total(residualLogLikelihood(fitter.residuals, fit.omega)), 6);
    const large = new ResidualFitter(model, simulated(shared, undefined, 1000)).fit();
    expect(large.rho).toBeCloseTo(fit.rho, 8);
    expect(large.tau[2]! / fit.tau[2]!).toBeCloseTo(1000, 5);
    expect(large.iterations).toBe(fit.iterations);
  });

  test('ends where no parameter can be moved for the better', () => {
    const distances = matrix(
      VOXELS,
      VOXELS,
      Float64Array.from({ length: 36 }, (_, at) => Math.abs((at % 6) - Math.floor(at / 6))),
    );
    const omega = residualCovariance({
      ...{ rho: 0.5, tau, sigma2: 0 },
      distance: { alpha: 0.8, beta: 0.7, distances },
    });
    const fitter = new ResidualFitter(model, simulated(omega, 5));
    const fit = fitter.fit({ noise: 't', distances, maxNIterations: 2000, rtol: 1e-9 });
    const at = (changed: { rho?: number; alpha?: number; beta?: number; dof?: number; tau?: Float64Array }) =>
      total(
        residualLogLikelihood(
          fitter.residuals,
          residualCovariance({
            ...{ rho: changed.rho ?? fit.rho, tau: changed.tau ?? fit.tau, sigma2: 0 },
            distance: { alpha: changed.alpha ?? fit.alpha!, beta: changed.beta ?? fit.beta!, distances },
          }),
          changed.dof ?? fit.dof!,
        ),
      );
    expect(at({})).toBeCloseTo(fit.logLikelihood, 6);
    const moved = [0.97, 1.03].flatMap((factor) => [
      at({ rho: fit.rho * factor }),
      at({ alpha: fit.alpha! * factor }),
      at({ beta: fit.beta! * factor }),
      at({ dof: fit.dof! * factor }),
      at({ tau: fit.tau.map((value, v) => (v === 3 ? value * factor : value)) }),
    ]);
    // Shared correlation and its fall with distance make up for each other: a valley that Adam goes along slowly.
    moved.forEach((value, k) => expect(value, `move ${k}`).toBeLessThan(fit.logLikelihood + 0.15));
    expect(Math.abs(fit.dof! - 5)).toBeLessThan(1);
    expect(fit.logLikelihood).toBeGreaterThan(fitter.fit().logLikelihood);
  });

  test('tuning similarity from stimuli, or from weights', () => {
    const similarity = tuningSimilarity(model.basis(stimuli));
    const omega = residualCovariance({ rho: 0.1, tau, sigma2: 0.4, similarity });
    const similar = new ResidualFitter(model, simulated(omega)).fit({ stimuli });
    expect(Math.abs(similar.sigma2! / 0.4 - 1)).toBeLessThan(0.2);
    expect(new ResidualFitter(model, simulated(shared)).fit({ stimuli }).sigma2).toBeLessThan(0.02);
    const design = matrix(
      40,
      2,
      Float64Array.from({ length: 80 }, (_, i) => Math.cos(i * i)),
    );
    const weights = matrix(2, 3, Float64Array.of(1, 0.5, 0, -1, 0.2, 2));
    const linear = new LinearModel({ paradigm: design, weights });
    const fit = new ResidualFitter(linear, linear.simulate({ noise: 0.5, seed: 1 })).fit();
    expect(fit.sigma2).not.toBeNull();
    fit.tau.forEach((value) => expect(Math.abs(value - 0.5)).toBeLessThan(0.2));
  });

  test('distances of no points are told as that where no covariance is to start from', () => {
    const many = 60;
    const distances = matrix(many, many);
    distances.values.forEach((_, at) => {
      const [i, j] = [Math.floor(at / many), at % many];
      distances.values[at] = i !== j && i % 2 === j % 2 ? 10 : 0;
    });
    const linear = new LinearModel({
      paradigm: matrix(80, 1, new Float64Array(80).fill(1)),
      weights: matrix(1, many, new Float64Array(many).fill(1)),
    });
    const fitter = new ResidualFitter(linear, linear.simulate({ noise: 1, seed: 2 }));
    expect(() => fitter.fit({ distances })).toThrow(
      /^the covariance of the residuals, the tuning similarity and the distances .* is not positive definite$/,
    );
  });

  test('steps that lead out of what is a covariance are no convergence', () => {
    const fitter = new ResidualFitter(model, simulated(shared));
    const fit = fitter.fit({ learningRate: 1000, maxNIterations: 150 });
    expect(fit).toMatchObject({ isConverged: false, iterations: 150 });
    expect(fit.logLikelihood).toBeCloseTo(total(residualLogLikelihood(fitter.residuals, fit.omega)), 6);
  });

  test('all of the empirical covariance leaves the degrees of freedom', () => {
    const fitter = new ResidualFitter(model, simulated(shared, 4));
    const fit = fitter.fit({ noise: 't', shrinkage: 1 });
    const at = (dof: number): number => total(residualLogLikelihood(fitter.residuals, fit.omega, dof));
    expect(at(fit.dof!)).toBeGreaterThanOrEqual(Math.max(at(fit.dof! * 1.01), at(fit.dof! / 1.01)));
    const variance =
      fitter.residuals.values.reduce((sum, r, i) => sum + (i % VOXELS === 0 ? r * r : 0), 0) / FRAMES;
    expect(fit.omega.values[0]! / variance).toBeCloseTo(1, 4);
    const half = fitter.fit({ shrinkage: 0.5 });
    expect(half.omega.values[1]).not.toBeCloseTo(fit.omega.values[1]!, 6);
  });

  test.each([
    [
      'other voxels',
      () => new ResidualFitter(model, matrix(FRAMES, 2)),
      'the data are 800 x 2, the predictions 800 x 6',
    ],
    [
      'a voxel without a fit',
      () => new ResidualFitter(model, matrix(FRAMES, 6, new Float64Array(FRAMES * 6).fill(NaN))),
      'the residual of voxel 0 at time point 0 is NaN',
    ],
    ['perfect data', () => new ResidualFitter(model, model.predict()).fit(), 'voxel 0 has no residuals'],
    [
      'a share above 1',
      () => new ResidualFitter(model, simulated(shared)).fit({ shrinkage: 2 }),
      'shrinkage is 2',
    ],
    [
      'distances of others',
      () => new ResidualFitter(model, simulated(shared)).fit({ distances: matrix(2, 2) }),
      'distances is 2 x 2, there are 6 voxels',
    ],
    [
      'a distance of NaN',
      () => new ResidualFitter(model, simulated(shared)).fit({ distances: matrix(6, 6, apart(NaN)) }),
      'the distance from voxel 0 to 1 is NaN, that from 1 to 0 is NaN',
    ],
    [
      'a negative distance',
      () => new ResidualFitter(model, simulated(shared)).fit({ distances: matrix(6, 6, apart(-1)) }),
      'the distance from voxel 0 to 1 is -1',
    ],
    [
      'distances that differ by direction',
      () =>
        new ResidualFitter(model, simulated(shared)).fit({
          distances: matrix(6, 6, apart(1).fill(2, 1, 2)),
        }),
      'the distance from voxel 0 to 1 is 2, that from 1 to 0 is 1',
    ],
    [
      'no iteration',
      () => new ResidualFitter(model, simulated(shared)).fit({ maxNIterations: 0 }),
      'maxNIterations is 0',
    ],
    [
      'a lag of half a step',
      () => new ResidualFitter(model, simulated(shared)).fit({ lag: 0.5 }),
      'lag is 0.5',
    ],
    [
      'weights that cancel',
      () => tuningSimilarity(matrix(1, 2, Float64Array.of(1, -1))),
      'the mean of the tuning similarity is 0',
    ],
  ])('refuses %s', (_, act, message) => {
    expect(act).toThrow(message);
  });
});
