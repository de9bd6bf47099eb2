import { describe, expect, test } from 'vitest';
import { EncodingModel } from '../../../../src/numerics/encoding/encoding-model.js';
import { GridDrive, stimulusDrive } from '../../../../src/numerics/encoding/image-drive.js';
import {
  css2d,
  dog2d,
  gaussian2d,
  gaussian2dAngle,
  type RfNorm,
} from '../../../../src/numerics/encoding/image-responses.js';
import {
  CompressiveSpatialSummationPRF2D,
  GaussianPRF,
  GaussianPRF2D,
  GaussianPRF2DWithHRF,
  GaussianPRFWithHRF,
  LogGaussianPRF,
  VonMisesPRF,
} from '../../../../src/numerics/encoding/models.js';
import { SPMHRFModel } from '../../../../src/numerics/encoding/hrf-model.js';
import {
  LinearModel,
  LinearModelWithBaseline,
  LinearModelWithBaselineHRF,
} from '../../../../src/numerics/encoding/linear-models.js';
import { cleanParadigm, defaultCoordinates } from '../../../../src/numerics/encoding/paradigm.js';
import { numericalSlopes, type ResponseDefinition } from '../../../../src/numerics/encoding/response.js';
import { ScatteredDrive } from '../../../../src/numerics/encoding/scattered-drive.js';
import { matrix, type Matrix } from '../../../../src/numerics/linalg/matrix.js';
import { seededRandom } from '../../../../src/numerics/random.js';
import { besselI0Scaled, digamma, logGamma } from '../../../../src/numerics/special/gamma.js';

const NX = 9;
const NY = 7;

/** Bars, empty frames, repeated frames and one of noise. */
function bars(): { readonly shape: readonly [number, number, number]; readonly values: Float64Array } {
  const random = seededRandom(11, 'bars');
  const frames = 24;
  const values = new Float64Array(frames * NX * NY);
  for (let t = 0; t < frames; t++) {
    for (let i = 0; i < NX; i++) {
      for (let j = 0; j < NY; j++) {
        const isOn = t === 20 || (t % 5 !== 4 && Math.abs(i - (t % 9)) <= 1 && j !== t % 7);
        values[(t * NX + i) * NY + j] = isOn ? (t === 20 ? random.uniform() : 1) : 0;
      }
    }
  }
  return { shape: [frames, NX, NY], values };
}

const stimulus = (): Matrix => matrix(24, NX * NY, bars().values);

test('special functions at known places', () => {
  expect(logGamma(5)).toBeCloseTo(Math.log(24), 13);
  expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 13);
  expect(digamma(1)).toBeCloseTo(-0.5772156649015329, 13);
  expect(besselI0Scaled(0)).toBe(1);
  expect(besselI0Scaled(1)).toBeCloseTo(1.2660658777520082 / Math.E, 14);
  expect(besselI0Scaled(30.0001) / besselI0Scaled(29.9999)).toBeCloseTo(1, 5);
});

describe('stimulus under a Gaussian', () => {
  test('runs of columns give the sum over all pixels, and so do pixels without a grid', () => {
    const coordinates = defaultCoordinates(NX, NY);
    const shifted = matrix(
      NX * NY,
      2,
      coordinates.values.map((value, at) => value + (at === 1 ? 1e-9 : 0)),
    );
    const grid = stimulusDrive(stimulus(), coordinates);
    const scattered = stimulusDrive(stimulus(), shifted);
    expect(grid).toBeInstanceOf(GridDrive);
    expect(scattered).toBeInstanceOf(ScatteredDrive);
    const [a, b] = [new Float64Array(24), new Float64Array(24)];
    const [da, db] = [new Float64Array(72), new Float64Array(72)];
    grid.evaluate(0.2, -0.3, 0.4, a, da);
    scattered.evaluate(0.2, -0.3, 0.4, b, db);
    a.forEach((value, t) => expect(value).toBeCloseTo(b[t]!, 7));
    da.forEach((value, t) => expect(value).toBeCloseTo(db[t]!, 6));
    // By hand, first frame.
    let sum = 0;
    for (let p = 0; p < NX * NY; p++) {
      const [x, y] = [coordinates.values[2 * p]!, coordinates.values[2 * p + 1]!];
      sum += stimulus().values[p]! * Math.exp(-((x - 0.2) ** 2 + (y + 0.3) ** 2) / (2 * 0.16));
    }
    expect(a[0]).toBeCloseTo(sum, 13);
    grid.evaluate(0.2, -0.3, 0.4, b, null);
    expect([...b]).toEqual([...a]);
  });

  test('a dark screen drives nothing', () => {
    const drive = stimulusDrive(matrix(3, NX * NY), defaultCoordinates(NX, NY));
    const out = new Float64Array(3);
    drive.evaluate(0, 0, 1, out, null);
    expect([...out]).toEqual([0, 0, 0]);
  });
});

const NORMS: readonly RfNorm[] = ['peer', 'volume', 'peak'];
const DEFINITIONS: readonly (readonly [string, ResponseDefinition, readonly number[]])[] = [
  ...NORMS.map((rfNorm) => [`gaussian2d ${rfNorm}`, gaussian2d({ rfNorm }), [0.2, -0.3, 0.4]] as const),
  ...NORMS.map((rfNorm) => [`dog2d ${rfNorm}`, dog2d({ rfNorm }), [0.2, -0.3, 0.3, 0.6, 2.5]] as const),
  ['gaussian2d_angle', gaussian2dAngle(), [0.7, 0.5, 0.4]],
  ['css2d', css2d(), [0.2, -0.3, 0.4, 0.6]],
];

test.each(DEFINITIONS)('slopes of %s are those of its response', (_name, definition, shape) => {
  const bound = definition.bind(cleanParadigm(bars()));
  const slopes = new Float64Array(shape.length * bound.frames);
  const expected = new Float64Array(slopes.length);
  const p = Float64Array.from(shape);
  bound.evaluate(p, new Float64Array(bound.frames), slopes);
  numericalSlopes((at, out) => bound.evaluate(at, out, null), p, expected);
  const size = Math.max(...expected.map(Math.abs));
  slopes.forEach((slope, at) => expect(Math.abs(slope - expected[at]!) / size).toBeLessThan(1e-7));
});

describe('closed forms', () => {
  test('tuning curves: peak, half height, periodicity', () => {
    const gaussian = new GaussianPRF().predict([0, 1, 2], {
      mu: [1],
      sd: [0.5],
      amplitude: [3],
      baseline: [1],
    });
    expect(gaussian.values[1]).toBe(4);
    expect(gaussian.values[0]).toBeCloseTo(1 + 3 * Math.exp(-2), 14);
    const mode = new LogGaussianPRF({ parameterisation: 'mode_fwhm' });
    const peak = mode.predict([1.999, 2, 2.001], { mode: [2], fwhm: [1], amplitude: [1], baseline: [0] });
    expect(peak.values[1]).toBeCloseTo(1, 14);
    expect(peak.values[0]).toBeLessThan(1);
    expect(peak.values[2]).toBeLessThan(1);
    const angle = new VonMisesPRF().predict([0.3, 0.3 + 2 * Math.PI], {
      mu: [1],
      kappa: [40],
      amplitude: [1],
      baseline: [0],
    });
    expect(angle.values[0]).toBeCloseTo(angle.values[1]!, 12);
  });

  test('a unit-volume field under a full screen responds 1; its amplitude scales, its baseline adds', () => {
    const n = 81;
    const full = { shape: [1, n, n] as const, values: new Float64Array(n * n).fill(1) };
    const model = new GaussianPRF2D({ rfNorm: 'volume' });
    const response = model.predict(full, {
      x: [0, 0],
      y: [0, 0],
      sd: [0.1, 0.1],
      baseline: [0, 5],
      amplitude: [1, 2],
    });
    expect(response.values[0]).toBeCloseTo(1, 10);
    expect(response.values[1]).toBeCloseTo(7, 10);
  });

  test('an exponent of 1 is plain summation', () => {
    const shared = { x: [0.1], y: [0.2], sd: [0.5], baseline: [0.3], amplitude: [2] };
    const css = new CompressiveSpatialSummationPRF2D().predict(bars(), { ...shared, n: [1] });
    const plain = new GaussianPRF2D().predict(bars(), shared);
    css.values.forEach((value, t) => expect(value).toBeCloseTo(plain.values[t]!, 12));
  });

  test('the HRF leaves a constant drive as it is, and a fixed HRF equals a flexible one at its values', () => {
    const hrfModel = new SPMHRFModel({ tr: 1.5 });
    const steady = new GaussianPRFWithHRF({ hrfModel }).predict(new Array(30).fill(1), {
      mu: [1],
      sd: [1],
      amplitude: [2],
      baseline: [0.5],
    });
    steady.values.forEach((value) => expect(value).toBeCloseTo(2.5, 12));
    const parameters = {
      x: [0],
      y: [0],
      sd: [0.4],
      baseline: [0],
      amplitude: [1],
      hrf_delay: [6],
      hrf_dispersion: [1],
    };
    const fixed = new GaussianPRF2DWithHRF({ hrfModel }).predict(bars(), parameters);
    const flexible = new GaussianPRF2DWithHRF({ hrfModel, flexibleHrfParameters: true }).predict(
      bars(),
      parameters,
    );
    expect([...flexible.values]).toEqual([...fixed.values]);
  });

  test('the first gamma of the HRF peaks at the delay whatever the dispersion', () => {
    for (const dispersion of [0.5, 1, 1.7]) {
      const kernel = new SPMHRFModel({ tr: 0.05, delay: 5, dispersion, ratio: 1e-9 }).kernel();
      expect(kernel.indexOf(Math.max(...kernel)) * 0.05).toBeCloseTo(5, 10);
    }
  });

  test('slopes of the HRF kernel', () => {
    const hrf = new SPMHRFModel({ tr: 1.3 });
    const { delay, dispersion } = hrf.kernelDerivatives(5, 0.9);
    const step = 1e-5;
    hrf
      .kernel(5 + step, 0.9)
      .forEach((high, k) =>
        expect(delay[k]).toBeCloseTo((high - hrf.kernel(5 - step, 0.9)[k]!) / (2 * step), 8),
      );
    hrf
      .kernel(5, 0.9 + step)
      .forEach((high, k) =>
        expect(dispersion[k]).toBeCloseTo((high - hrf.kernel(5, 0.9 - step)[k]!) / (2 * step), 8),
      );
  });
});

describe('linear models', () => {
  const features = [
    [1, 0],
    [0, 1],
    [2, 2],
  ];

  test('y = s W + baseline; without weights one feature per voxel', () => {
    expect([
      ...new LinearModel({
        weights: [
          [1, 2],
          [3, 4],
        ],
      }).predict(features).values,
    ]).toEqual([1, 2, 3, 4, 8, 12]);
    const model = new LinearModelWithBaseline({ paradigm: features });
    expect([...model.predict(undefined, { baseline: [10, 20] }).values]).toEqual([11, 20, 10, 21, 12, 22]);
    expect(() => model.predict(undefined, { baseline: [1, 2, 3] })).toThrow(
      /3 baselines do not fit 2 voxels/,
    );
  });

  test('an HRF that is a single sample changes nothing', () => {
    // At such a repetition time all of the response but its first samples is over.
    const hrfModel = new SPMHRFModel({ tr: 15, delay: 5, ratio: 1e-12 });
    const model = new LinearModelWithBaselineHRF({
      hrfModel,
      paradigm: features,
      parameters: { baseline: [1, 2] },
    });
    const [first] = hrfModel.kernel();
    expect(first).toBe(0);
    expect(model.predict().values[0]).toBeCloseTo(2, 12);
  });
});

describe('simulation', () => {
  const model = new EncodingModel(gaussian2d(), {
    paradigm: bars(),
    parameters: { x: [0, 0.3], y: [0, 0], sd: [0.4, 0.2], baseline: [0, 0], amplitude: [1, 1] },
  });

  test('same seed, same numbers; no noise is the prediction, repeat by repeat', () => {
    expect([...model.simulate({ seed: 3 }).values]).toEqual([...model.simulate({ seed: 3 }).values]);
    expect([...model.simulate({ seed: 3 }).values]).not.toEqual([...model.simulate({ seed: 4 }).values]);
    const quiet = model.simulate({ seed: 1, noise: 0, nRepeats: 2 });
    expect([...quiet.values.subarray(0, 48)]).toEqual([...model.predict().values]);
    expect([...quiet.values.subarray(48)]).toEqual([...model.predict().values]);
  });

  test.each([
    ['independent', 2, undefined, [4, 0, 4]],
    ['Student-t', 2, 8, [(4 * 8) / 6, 0, (4 * 8) / 6]],
    [
      'covariance',
      [
        [2, 0.6],
        [0.6, 1],
      ],
      undefined,
      [2, 0.6, 1],
    ],
    [
      'multivariate t',
      [
        [2, 0.6],
        [0.6, 1],
      ],
      8,
      [(2 * 8) / 6, (0.6 * 8) / 6, 8 / 6],
    ],
  ] as const)('%s noise has the moments it should', (_name, noise, dof, expected) => {
    const repeats = 2000;
    const noisy = model.simulate({
      seed: 5,
      noise: noise as number,
      nRepeats: repeats,
      ...(dof === undefined ? {} : { dof }),
    });
    const clean = model.predict();
    const moments = [0, 0, 0];
    for (let at = 0; at < noisy.rows; at++) {
      const [a, b] = [0, 1].map((v) => noisy.values[2 * at + v]! - clean.values[2 * (at % 24) + v]!) as [
        number,
        number,
      ];
      moments[0]! += a * a;
      moments[1]! += a * b;
      moments[2]! += b * b;
    }
    moments.forEach((moment, i) => expect(moment / noisy.rows).toBeCloseTo(expected[i]!, 0.5));
  });
});

describe('bad input', () => {
  test.each([
    [
      'a grid of another size',
      () => new GaussianPRF2D({ gridCoordinates: defaultCoordinates(3, 3) }).predict(bars(), fieldRow()),
      /9 x 2 grid coordinates do not fit/,
    ],
    [
      'points where images are needed',
      () => new GaussianPRF2D().predict([1, 2], fieldRow()),
      /gaussian2d needs images/,
    ],
    [
      'too many columns',
      () => new GaussianPRF().predict([[1, 2, 3]], { mu: [0], sd: [1], amplitude: [1], baseline: [0] }),
      /needs 1 stimulus column/,
    ],
    [
      'a missing parameter',
      () => new GaussianPRF().predict([1], { mu: [0], sd: [1] }),
      /parameters without amplitude, baseline/,
    ],
    [
      'no paradigm at all',
      () => new GaussianPRF().predict(undefined, { mu: [0], sd: [1], amplitude: [1], baseline: [0] }),
      /no paradigm is given/,
    ],
    [
      'stimuli that are not positive',
      () => new LogGaussianPRF().predict([0, 1], { mu: [1], sd: [1], amplitude: [1], baseline: [0] }),
      /needs positive stimuli; time point 0/,
    ],
    [
      'a stimulus that is no number',
      () => new GaussianPRF().predict([1, NaN], { mu: [0], sd: [1], amplitude: [1], baseline: [0] }),
      /NaN at time point 1/,
    ],
    [
      'an HRF shorter than two samples',
      () => new SPMHRFModel({ tr: 20 }),
      /too short for a repetition time of 20 s/,
    ],
    ['a repetition time of 0', () => new SPMHRFModel({ tr: 0 }), /positive number of seconds/],
    [
      'flexible parameters without an HRF',
      () => new EncodingModel(gaussian2d(), { flexibleHrfParameters: true }),
      /need an HRF/,
    ],
  ])('%s', (_name, act, message) => {
    expect(act).toThrow(message);
  });
});

function fieldRow(): Record<string, number[]> {
  return { x: [0], y: [0], sd: [1], baseline: [0], amplitude: [1] };
}
