import { describe, expect, test } from 'vitest';
import { convolveHeld, convolveHeldTransposed } from '../../../../src/numerics/encoding/convolve.js';
import { SPMHRFModel } from '../../../../src/numerics/encoding/hrf-model.js';
import { LinearModel, LinearModelWithBaselineHRF } from '../../../../src/numerics/encoding/linear-models.js';
import {
  CompressiveSpatialSummationPRF2D,
  GaussianPointPRF2D,
  GaussianPRF,
  GaussianPRF2D,
  GaussianPRF2DWithHRF,
  GaussianPRFWithHRF,
  LogGaussianPRF,
  VonMisesPRF,
} from '../../../../src/numerics/encoding/models.js';
import {
  residualCovariance,
  residualLogLikelihood,
} from '../../../../src/numerics/encoding/residual-model.js';
import { StimulusFitter } from '../../../../src/numerics/encoding/stimulus-fitter.js';
import { cholesky, solveCholesky } from '../../../../src/numerics/linalg/cholesky.js';
import { matrix, multiply, transpose, type Matrix } from '../../../../src/numerics/linalg/matrix.js';
import { seededRandom } from '../../../../src/numerics/random.js';

const random = seededRandom(5, 'stimuli');
const draws = (rows: number, columns: number): Matrix =>
  matrix(
    rows,
    columns,
    Float64Array.from({ length: rows * columns }, () => random.normal()),
  );
const omegaOf = (voxels: number): Matrix =>
  residualCovariance({
    rho: 0.3,
    tau: Float64Array.from({ length: voxels }, (_, v) => 0.5 + v / 10),
    sigma2: 0,
  });
const total = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);

describe('decoded stimuli', () => {
  test('features with a penalty of squares: the ridge solution in closed form', () => {
    const [weights, data] = [draws(3, 6), draws(4, 6)];
    const omega = omegaOf(6);
    const l2 = 0.7;
    const fitter = new StimulusFitter(new LinearModel({ weights, paradigm: draws(4, 3) }), data, { omega });
    const fit = fitter.fit({ l2, learningRate: 0.05, rtol: 1e-13, maxNIterations: 3000 });
    // s = (W omega^-1 W' + 2 l2 I)^-1 W omega^-1 y, per time point.
    const white = solveCholesky(cholesky(omega)!, transpose(weights));
    const normal = multiply(weights, white);
    for (let f = 0; f < 3; f++) normal.values[4 * f]! += 2 * l2;
    const expected = transpose(solveCholesky(cholesky(normal)!, transpose(multiply(data, white))));
    fit.stimulus.values.forEach((value, at) => expect(value).toBeCloseTo(expected.values[at]!, 5));
    expect(fit.isConverged).toBe(true);
    const penalty = l2 * fit.stimulus.values.reduce((a, s) => a + s * s, 0);
    expect(fit.cost).toBeCloseTo(penalty - total(fit.logLikelihood), 9);
  });

  const shown = [0.3, 1.7, 2.2, 3.9, 1.1];
  const tuned = {
    mu: [0.5, 1.5, 2.5, 3.5],
    sd: [1, 1, 1, 1],
    amplitude: [2, 1, 2, 1],
    baseline: [0, 1, 0, 0],
  };
  const grid = Array.from({ length: 9 }, (_, i) => 0.25 + i / 2);

  test('tuning curves without noise: from the nearest of a grid to the stimulus itself', () => {
    const model = new GaussianPRF({ parameters: tuned });
    const fitter = new StimulusFitter(model, model.predict(shown), { omega: omegaOf(4) });
    const rough = fitter.fitGrid(grid);
    shown.forEach((s, t) => expect(Math.abs(rough.values[t]! - s)).toBeLessThanOrEqual(0.25 + 1e-12));
    for (const dof of [undefined, 4]) {
      const own = new StimulusFitter(model, model.predict(shown), {
        omega: omegaOf(4),
        ...(dof !== undefined && { dof }),
      });
      const fit = own.fit({ grid, rtol: 0 });
      shown.forEach((s, t) => expect(fit.stimulus.values[t]).toBeCloseTo(s, 3));
      expect(fit).toMatchObject({ iterations: 1000, isConverged: false });
    }
  });

  test('positive stimuli stay positive, angles are told between -pi and pi, points have two coordinates', () => {
    const positive = new LogGaussianPRF({ parameters: { ...tuned } });
    const low = new StimulusFitter(positive, positive.predict([0.05, 2]), { omega: omegaOf(4) });
    const found = low.fit({ start: [1, 1], learningRate: 0.05 }).stimulus.values;
    expect(found[0]).toBeGreaterThan(0);
    expect(found[1]).toBeCloseTo(2, 2);
    const around = { mu: [-2, 0, 2], kappa: [1, 1, 1], amplitude: [1, 1, 1], baseline: [0, 0, 0] };
    const angles = new VonMisesPRF({ parameters: around });
    const circular = new StimulusFitter(angles, angles.predict([-3]), { omega: omegaOf(3) });
    expect(circular.fit({ start: [3.1] }).stimulus.values[0]).toBeCloseTo(-3, 2);
    const plane = new GaussianPointPRF2D({
      parameters: {
        ...{ mu_x: [0, 1, 0, 1], mu_y: [0, 0, 1, 1], sd_x: [1, 1, 1, 1], sd_y: [1, 1, 1, 1] },
        ...{ amplitude: [1, 1, 1, 1], baseline: [0, 0, 0, 0] },
      },
    });
    const place = new StimulusFitter(plane, plane.predict([[0.3, 0.8]]), { omega: omegaOf(4) });
    const spot = place.fit({
      grid: [
        [0, 0],
        [0, 1],
        [1, 0],
      ],
    }).stimulus.values;
    expect(spot[0]).toBeCloseTo(0.3, 2);
    expect(spot[1]).toBeCloseTo(0.8, 2);
  });

  test('images: pixels outside the mask stay dark, the others are those that were lit', () => {
    const parameters = {
      ...{ x: [-0.5, 0.5, -0.5, 0.5, 0], y: [-0.5, -0.5, 0.5, 0.5, 0], sd: [0.4, 0.4, 0.4, 0.4, 0.4] },
      ...{ baseline: [0, 0, 0, 1, 0], amplitude: [1, 1, 2, 1, 1] },
    };
    const values = Float64Array.of(1, 0, 0.5, 0, 0, 1, 0, 0, 0.2);
    const model = new GaussianPRF2D({ parameters, paradigm: { shape: [1, 3, 3], values } });
    const mask = Float64Array.from(values, (value) => (value > 0 ? 1 : 0));
    const fitter = new StimulusFitter(model, model.predict(), { omega: omegaOf(5) });
    const fit = fitter.fit({ mask, learningRate: 0.05, rtol: 0, maxNIterations: 2000 });
    fit.stimulus.values.forEach((value, p) => {
      if (mask[p] === 0) expect(value).toBe(0);
      else expect(value).toBeCloseTo(values[p]!, 2);
    });
    const dim = fitter.fit({ mask, l1: 50, learningRate: 0.05 });
    expect(total(dim.stimulus.values)).toBeLessThan(total(fit.stimulus.values) / 2);
  });
});

describe('slopes', () => {
  const hrfModel = new SPMHRFModel({ tr: 1.5 });
  const flexible = new SPMHRFModel({ tr: 1.5, uniqueHrfs: true });
  const tuned = { mu: [0, 1], sd: [1, 2], amplitude: [2, -1], baseline: [0, 1] };
  const fields = { x: [0, 0.3], y: [0.1, 0], sd: [0.5, 0.4], baseline: [0, 1], amplitude: [2, 3] };
  const points = draws(12, 1);
  const images = matrix(8, 6, draws(8, 6).values.map(Math.abs));
  const screen = { shape: [8, 2, 3] as const, values: images.values };
  const delays = { hrf_delay: [5, 6], hrf_dispersion: [1, 0.8] };
  test.each([
    ['points through an HRF', new GaussianPRFWithHRF({ hrfModel, parameters: tuned }), points],
    [
      'points with weights',
      new GaussianPRF({
        parameters: tuned,
        weights: [
          [1, 2, 0],
          [0.5, -1, 1],
        ],
      }),
      points,
    ],
    [
      'images through an HRF',
      new GaussianPRF2DWithHRF({ hrfModel, parameters: fields, paradigm: screen }),
      images,
    ],
    [
      'images, an HRF per voxel',
      new GaussianPRF2DWithHRF({
        hrfModel: flexible,
        parameters: { ...fields, ...delays },
        paradigm: screen,
      }),
      images,
    ],
    [
      'features through an HRF',
      new LinearModelWithBaselineHRF({ hrfModel, parameters: { baseline: [0, 2] }, weights: draws(2, 2) }),
      draws(9, 2),
    ],
  ] as const)('%s: a fit ends where the cost is level', (_, model, stimulus) => {
    const start = { values: stimulus, labels: null, image: model.paradigm?.image ?? null };
    const clean = model.predict(start);
    const voxels = clean.columns;
    const data = matrix(
      clean.rows,
      voxels,
      clean.values.map((value, at) => value + 0.2 * Math.sin(at * at)),
    );
    const omega = omegaOf(voxels);
    const fitter = new StimulusFitter(model, data, { omega });
    const fit = fitter.fit({ start, l2: 0.05, learningRate: 0.03, rtol: 0, maxNIterations: 600 });
    const costOf = (values: Float64Array): number => {
      const predicted = model.predict({ ...start, values: matrix(stimulus.rows, stimulus.columns, values) });
      const residuals = matrix(
        data.rows,
        voxels,
        data.values.map((value, at) => value - predicted.values[at]!),
      );
      return (
        values.reduce((sum, s) => sum + 0.05 * s * s, 0) - total(residualLogLikelihood(residuals, omega))
      );
    };
    const found = fit.stimulus.values;
    expect(costOf(found)).toBeCloseTo(fit.cost, 9);
    const slopeAt = (values: Float64Array, at: number): number => {
      const [high, low] = [1e-4, -1e-4].map((step) =>
        costOf(values.map((value, k) => (k === at ? value + step : value))),
      ) as [number, number];
      return (high - low) / 2e-4;
    };
    const steepest = Math.max(...found.map((_, at) => Math.abs(slopeAt(stimulus.values, at))));
    for (let at = 0; at < found.length; at++) {
      // Pixels that are as good as dark move slowly: so does what keeps them above 0.
      if (start.image !== null && found[at]! < 0.1) continue;
      // Adam levels images slowly: neighbouring pixels make up for each other.
      expect(Math.abs(slopeAt(found, at)) / steepest, `${at}`).toBeLessThan(0.05);
    }
  });

  test('the transpose of the convolution', () => {
    const kernel = hrfModel.kernel();
    const [x, g] = [draws(30, 1).values, draws(30, 1).values];
    const forward = convolveHeld(kernel, x, new Float64Array(30));
    const back = convolveHeldTransposed(kernel, g);
    const dot = (a: Float64Array, b: Float64Array): number => total(a.map((value, t) => value * b[t]!));
    expect(dot(forward, g)).toBeCloseTo(dot(x, back), 12);
  });
});

describe('what is refused', () => {
  const parameters = { mu: [0, 1], sd: [1, 1], amplitude: [1, 1], baseline: [0, 0] };
  const model = new GaussianPRF({ parameters });
  const data = model.predict([0, 1, 2]);
  const omega = omegaOf(2);
  const fitter = new StimulusFitter(model, data, { omega });
  const hrf = new GaussianPRFWithHRF({ hrfModel: new SPMHRFModel({ tr: 1 }), parameters });
  const css = new CompressiveSpatialSummationPRF2D({
    parameters: { x: [0, 0], y: [0, 0], sd: [1, 1], baseline: [0, 0], amplitude: [1, 1], n: [0.5, 0.5] },
    paradigm: { shape: [1, 2, 2], values: [1, 0, 0, 0] },
  });
  test.each([
    [
      'no omega',
      () => new StimulusFitter(model, data),
      /^no omega is given and none is stored in the model$/,
    ],
    [
      'omega of others',
      () => new StimulusFitter(model, data, { omega: omegaOf(3) }),
      /^omega must be a positive definite 2 x 2 matrix$/,
    ],
    [
      'data that are no numbers',
      () => new StimulusFitter(model, [[1, NaN]], { omega }),
      /^voxel 1 is NaN at time point 0$/,
    ],
    ['no degrees of freedom', () => new StimulusFitter(model, data, { omega, dof: 0 }), /^dof is 0$/],
    ['nothing to start from', () => fitter.fit(), /^there is nothing to start from$/],
    [
      'a start of another length',
      () => fitter.fit({ start: [1] }),
      /^the start has 1 time points, the data have 3$/,
    ],
    ['a mask of points', () => fitter.fit({ start: [0, 1, 2], mask: [1] }), /^gaussian1d has no pixels$/],
    ['a penalty below 0', () => fitter.fit({ start: [0, 1, 2], l1: -1 }), /^l1 is -1$/],
    [
      'a grid through an HRF',
      () => new StimulusFitter(hrf, data, { omega }).fitGrid([0, 1]),
      /overlap in time/,
    ],
    [
      'images that do not add up',
      () => new StimulusFitter(css, data, { omega }).fit(),
      /^css2d is not linear in its images/,
    ],
    [
      'parameters of other voxels',
      () =>
        new StimulusFitter(
          new GaussianPRF({ parameters: { mu: [0], sd: [1], amplitude: [1], baseline: [0] } }),
          data,
          { omega },
        ).fitGrid([0, 1]),
      /^the model predicts 1 voxels, the data have 2$/,
    ],
  ])('%s', (_, act, message) => {
    expect(act).toThrow(message);
  });
});
