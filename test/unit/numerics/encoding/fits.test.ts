import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fieldsOnDevice } from '../../../../src/numerics/encoding/device-fields.js';
import { SPMHRFModel } from '../../../../src/numerics/encoding/hrf-model.js';
import { LinearModel, LinearModelWithBaselineHRF } from '../../../../src/numerics/encoding/linear-models.js';
import {
  DifferenceOfGaussiansPRF2D,
  GaussianPRF,
  GaussianPRF2DWithHRF,
  LogGaussianPRF,
} from '../../../../src/numerics/encoding/models.js';
import { PortableMoments } from '../../../../src/numerics/encoding/moment-source.js';
import { momentSource } from '../../../../src/numerics/encoding/native-moments.js';
import { ParameterFitter } from '../../../../src/numerics/encoding/parameter-fitter.js';
import {
  residualCovariance,
  residualLogLikelihood,
  stimulusPosterior,
} from '../../../../src/numerics/encoding/residual-model.js';
import { PixelScan } from '../../../../src/numerics/encoding/pixel-scan.js';
import { ProjectedResponse } from '../../../../src/numerics/encoding/projected-response.js';
import { linspace } from '../../../../src/numerics/encoding/response.js';
import { parameterColumn } from '../../../../src/numerics/encoding/tables.js';
import { WeightFitter } from '../../../../src/numerics/encoding/weight-fitter.js';
import { matrix, type Matrix } from '../../../../src/numerics/linalg/matrix.js';
import { seededRandom } from '../../../../src/numerics/random.js';
import { tf } from '../../../../src/tensor/tfjs.js';
import { testedIsas } from '../../../support/native.js';

/** A bar that sweeps in four directions over 16 x 12 pixels, with blanks between. */
function sweep() {
  const [nx, ny, frames] = [16, 12, 64];
  const values = new Float64Array(frames * nx * ny);
  for (let t = 0; t < frames; t++) {
    const step = t % 16;
    for (let i = 0; i < nx; i++) {
      for (let j = 0; j < ny; j++) {
        const place = [i - step, j - step, nx - 1 - i - step, (i + j) / 2 - step][Math.floor(t / 16)]!;
        if (step < 13 && Math.abs(place) <= 1) values[(t * nx + i) * ny + j] = 1;
      }
    }
  }
  return { shape: [frames, nx, ny] as const, values };
}

const hrfModel = new SPMHRFModel({ tr: 1.5 });
const truth = {
  x: [-0.4, 0.2, 0.5],
  y: [0.3, -0.2, 0.1],
  sd: [0.25, 0.4, 0.15],
  baseline: [1, 0, -2],
  amplitude: [2, -1, 3],
};
const model = new GaussianPRF2DWithHRF({ hrfModel, paradigm: sweep() });

const sources = testedIsas().length > 0 ? (['native', 'portable'] as const) : (['portable'] as const);

describe.each([...sources, 'general'] as const)('scan of the pixels, %s', (kernel) => {
  const response = new ProjectedResponse(model, model.getParadigm());
  // The general code scores one voxel after the other, as all do where the images are too many to be kept.
  const source = kernel === 'general' ? new PortableMoments(response) : momentSource(response, kernel);
  const [scan, upwardScan] = [true, false].map(
    (allowNegative) => new PixelScan(response, source, response.gaussianField!, 2, allowNegative),
  ) as [PixelScan, PixelScan];
  const frames = response.frames;

  test.each([
    [3, 5],
    [10, 2],
    [15, 11],
  ])('the time course of pixel %d, %d leads to its centre, whatever its sign', (i, j) => {
    const { values } = sweep();
    const course = Float64Array.from({ length: frames }, (_, t) => values[(t * 16 + i) * 12 + j]!);
    const series = hrfModel.convolve(course).map((value) => 4 - 3 * value);
    response.project(series);
    const [first] = scan.starts(series, 0);
    expect(first![0]).toBeCloseTo(-1 + (2 * i) / 15, 12);
    expect(first![1]).toBeCloseTo(-1 + (2 * j) / 11, 12);
    // Only what rises with the stimulus counts where amplitudes must be positive.
    const upwards = upwardScan.starts(series, 0)[0];
    expect(upwards === undefined || upwards[0] !== first![0] || upwards[1] !== first![1]).toBe(true);
  });

  test('data without anything of the images have no start', () => {
    expect(scan.starts(new Float64Array(frames), 0)).toEqual([]);
  });
});

describe('exact solver', () => {
  const clean = model.predict(undefined, truth);

  test('finds the parameters of noiseless data, whatever the sign of the amplitude', () => {
    const fit = new ParameterFitter(model, clean).fit();
    for (const [name, values] of Object.entries(truth)) {
      parameterColumn(fit.parameters, name).forEach((value, v) =>
        expect(value, `${name} ${v}`).toBeCloseTo(values[v]!, 4),
      );
    }
    fit.r2.forEach((r2) => expect(r2).toBeGreaterThan(1 - 1e-9));
    expect(fit.status).toEqual(['converged', 'converged', 'converged']);
  });

  test('positive amplitudes only: a negative response is not explained by a negative amplitude', () => {
    const positive = new GaussianPRF2DWithHRF({
      hrfModel,
      paradigm: sweep(),
      allowNegativeAmplitudes: false,
    });
    const fit = new ParameterFitter(positive, clean).fit();
    parameterColumn(fit.parameters, 'amplitude').forEach((amplitude) =>
      expect(amplitude).toBeGreaterThanOrEqual(0),
    );
    expect(fit.r2[0]).toBeGreaterThan(1 - 1e-9);
    expect(fit.r2[1]).toBeLessThan(0.9);
  });

  test('order and company of voxels change no bit; constant and broken ones are flagged and harm nobody', () => {
    const noisy = model.simulate({ parameters: truth, seed: 2, noise: 0.1 });
    const column = (v: number): number[] =>
      Array.from({ length: noisy.rows }, (_, t) => noisy.values[t * 3 + v]!);
    const columns = [
      column(2),
      new Array<number>(64).fill(7),
      column(0),
      new Array<number>(64).fill(NaN),
      column(1),
    ];
    const mixed = matrix(
      64,
      5,
      Array.from({ length: 64 }, (_, t) => columns.map((series) => series[t]!)).flat(),
    );
    const together = new ParameterFitter(model, noisy).fit();
    const apart = new ParameterFitter(model, mixed).fit();
    [2, -1, 0, -1, 1].forEach((from, to) => {
      if (from < 0) return;
      expect([...rowOf(apart.parameters.values, to)]).toEqual([...rowOf(together.parameters.values, from)]);
      expect(apart.r2[to]).toBe(together.r2[from]);
    });
    expect(apart.status[1]).toBe('constant');
    expect(apart.status[3]).toBe('not_finite');
    for (const v of [1, 3]) {
      expect(apart.r2[v]).toBeNaN();
      expect(rowOf(apart.parameters.values, v).every(Number.isNaN)).toBe(true);
    }
  });

  test('a bound that holds an optimum is flagged', () => {
    const fit = new ParameterFitter(model, clean).fit({ bounds: { sd: [0.3, 2] } });
    expect(fit.status[0]).toBe('at_bound');
    expect(parameterColumn(fit.parameters, 'sd')[0]).toBeCloseTo(0.3, 12);
  });

  test('fixed parameters stay, amplitude and baseline too', () => {
    const initPars = {
      ...truth,
      x: [-0.4, 0.2, 0.5],
      sd: [0.3, 0.3, 0.3],
      amplitude: [2, -1, 3],
      baseline: [1, 0, -2],
    };
    const fit = new ParameterFitter(model, clean).fit({ initPars, fixedPars: ['sd'] });
    expect([...parameterColumn(fit.parameters, 'sd')].every((sd) => Math.abs(sd - 0.3) < 1e-14)).toBe(true);
    const linear = new ParameterFitter(model, clean).fit({
      initPars: { ...initPars, sd: [0.2, 0.3, 0.2] },
      fixedPars: ['amplitude', 'baseline'],
    });
    expect([...parameterColumn(linear.parameters, 'amplitude')]).toEqual([2, -1, 3]);
    expect([...parameterColumn(linear.parameters, 'baseline')]).toEqual([1, 0, -2]);
    linear.r2.forEach((r2) => expect(r2).toBeGreaterThan(1 - 1e-9));
  });

  test('a parameter that is held at no number is refused, unless its voxel is not fitted', () => {
    const initPars = { ...truth, amplitude: [2, NaN, 3] };
    expect(() => new ParameterFitter(model, clean).fit({ initPars, fixedPars: ['amplitude'] })).toThrow(
      'amplitude of voxel 1 is held at NaN',
    );
    expect(() =>
      new ParameterFitter(model, clean).fit({ solver: 'adam', initPars, fixedPars: ['amplitude'] }),
    ).toThrow('amplitude of voxel 1 cannot start at NaN');
    const values = clean.values.map((value, at) => (at % 3 === 1 ? 7 : value));
    const fit = new ParameterFitter(model, matrix(64, 3, values)).fit({ initPars, fixedPars: ['amplitude'] });
    expect(fit.status[1]).toBe('constant');
  });

  test.each(sources)('a stimulus that is dark all the time has no best place, %s', (kernel) => {
    const dark = { shape: sweep().shape, values: new Float64Array(sweep().values.length) };
    const blind = new GaussianPRF2DWithHRF({ hrfModel, paradigm: dark });
    const fit = new ParameterFitter(blind, clean).fit({ kernel });
    fit.r2.forEach((r2) => expect(r2).toBe(0));
  });

  test('confounds are taken out of data and predictions', () => {
    const random = seededRandom(9, 'confounds');
    const confounds = matrix(
      64,
      2,
      Float64Array.from({ length: 128 }, (_, at) => (at % 2 === 0 ? at / 64 : random.normal())),
    );
    const values = clean.values.map(
      (value, at) =>
        value + 3 * confounds.values[2 * Math.floor(at / 3)]! - confounds.values[2 * Math.floor(at / 3) + 1]!,
    );
    const fit = new ParameterFitter(model, matrix(64, 3, values)).fit({ confounds });
    fit.r2.forEach((r2) => expect(r2).toBeGreaterThan(1 - 1e-9));
    parameterColumn(fit.parameters, 'x').forEach((x, v) => expect(x).toBeCloseTo(truth.x[v]!, 4));
  });

  test('an HRF per voxel is found', () => {
    const flexible = new GaussianPRF2DWithHRF({ hrfModel, paradigm: sweep(), flexibleHrfParameters: true });
    const parameters = { ...truth, hrf_delay: [5, 6.5, 4.2], hrf_dispersion: [0.8, 1.3, 1] };
    const fit = new ParameterFitter(flexible, flexible.predict(undefined, parameters)).fit();
    parameterColumn(fit.parameters, 'hrf_delay').forEach((delay, v) =>
      expect(delay).toBeCloseTo(parameters.hrf_delay[v]!, 3),
    );
    fit.r2.forEach((r2) => expect(r2).toBeGreaterThan(1 - 1e-9));
  });

  test('tuning curves and differences of Gaussians', () => {
    const points = linspace(0.5, 9, 60);
    for (const [curve, parameters] of [
      [
        new GaussianPRF({ paradigm: points }),
        { mu: [3, 6], sd: [1, 2], amplitude: [2, 1], baseline: [0.5, 0] },
      ],
      [
        new LogGaussianPRF({ paradigm: points }),
        { mu: [3, 6], sd: [1, 2], amplitude: [2, 1], baseline: [0.5, 0] },
      ],
      [
        new LogGaussianPRF({ paradigm: points, parameterisation: 'mode_fwhm' }),
        { mode: [3, 6], fwhm: [2, 4], amplitude: [2, 1], baseline: [0.5, 0] },
      ],
    ] as const) {
      const fit = new ParameterFitter(curve, curve.predict(undefined, parameters)).fit();
      fit.r2.forEach((r2) => expect(r2).toBeGreaterThan(1 - 1e-9));
      for (const [name, values] of Object.entries(parameters)) {
        parameterColumn(fit.parameters, name).forEach((value, v) => expect(value).toBeCloseTo(values[v]!, 3));
      }
    }
    const dog = new DifferenceOfGaussiansPRF2D({ paradigm: sweep() });
    const fields = {
      x: [-0.3],
      y: [0.2],
      sd: [0.2],
      baseline: [1],
      amplitude: [2],
      srf_amplitude: [0.5],
      srf_size: [3],
    };
    expect(new ParameterFitter(dog, dog.predict(undefined, fields)).fit().r2[0]).toBeGreaterThan(1 - 1e-6);
  });
});

describe('Adam', () => {
  const start = {
    x: [-0.3, 0.3, 0.4],
    y: [0.2, -0.1, 0.2],
    sd: [0.3, 0.3, 0.2],
    baseline: [0.9, 0.1, -1.9],
    amplitude: [1.8, -0.9, 2.5],
  };
  const data = model.simulate({ parameters: truth, seed: 4, noise: 0.05 });

  test('descends, keeps the best, and logs every iteration', () => {
    const logDir = mkdtempSync(join(tmpdir(), 'neuroloom-fit-'));
    try {
      const fitter = new ParameterFitter(model, data, undefined, { logDir });
      const fit = fitter.fit({ solver: 'adam', initPars: start, maxNIterations: 150, learningRate: 0.02 });
      const lines = readFileSync(join(logDir, 'fit-001.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, number>);
      expect(lines[0]).toMatchObject({ model: 'gaussian2d', solver: 'adam', voxels: 3, time_points: 64 });
      expect(lines).toHaveLength(151);
      expect(lines.at(-1)!['best_mean_r2']).toBeGreaterThan(lines[1]!['best_mean_r2']!);
      expect(Object.keys(lines[1]!)).toEqual(['iteration', 'cost', 'mean_r2', 'best_mean_r2', 'seconds']);
      const optimum = new ParameterFitter(model, data).fit();
      fit.r2.forEach((r2, v) => expect(r2).toBeLessThanOrEqual(optimum.r2[v]! + 1e-9));
      fit.r2.forEach((r2) => expect(r2).toBeGreaterThan(0.9));
      expect([...fitter.estimatedSigma2]).toEqual([...fit.sigma2]);
    } finally {
      rmSync(logDir, { recursive: true });
    }
  });

  test('gradients are those of the cost', () => {
    const seen: { q: Float32Array; g: Float64Array; cost: number }[] = [];
    const moves = [0, 1e-2, -2e-2];
    for (const noiseModel of ['ssq', 'gaussian'] as const) {
      for (let parameter = 0; parameter < 5; parameter++) {
        seen.length = 0;
        const costs: number[] = [];
        const logDir = mkdtempSync(join(tmpdir(), 'neuroloom-fit-'));
        const fitter = new ParameterFitter(model, data, undefined, { logDir });
        let call = 0;
        const gradients: number[] = [];
        fitter.fit({
          solver: 'adam',
          noiseModel,
          initPars: start,
          maxNIterations: 3,
          optimizer: {
            step(parameters, gradient) {
              gradients.push(gradient[parameter]!);
              call += 1;
              parameters[parameter] = parameters[parameter]! + moves[call]!;
            },
          },
        });
        for (const line of readFileSync(join(logDir, 'fit-001.jsonl'), 'utf8').trim().split('\n').slice(1)) {
          costs.push((JSON.parse(line) as { cost: number }).cost);
        }
        rmSync(logDir, { recursive: true });
        const central = (costs[1]! - costs[2]!) / 2e-2;
        expect(Math.abs(central - gradients[0]!) / Math.max(Math.abs(central), 1)).toBeLessThan(2e-2);
      }
    }
  });

  test('shared parameters have one value, fixed ones stay', () => {
    const fit = new ParameterFitter(model, data).fit({
      solver: 'adam',
      initPars: start,
      sharedPars: ['sd'],
      fixedPars: ['x'],
      maxNIterations: 20,
    });
    const sd = parameterColumn(fit.parameters, 'sd');
    expect(new Set(sd).size).toBe(1);
    parameterColumn(fit.parameters, 'x').forEach((x, v) => expect(x).toBeCloseTo(start.x[v]!, 6));
  });
});

describe('refused by name', () => {
  const data = model.predict(undefined, truth);
  const fitter = new ParameterFitter(model, data);
  test.each([
    [
      'shared parameters of the exact solver',
      () => fitter.fit({ sharedPars: ['sd'] }),
      /the exact solver does not know sharedPars/,
    ],
    [
      'bounds of the adam solver',
      () => fitter.fit({ solver: 'adam', bounds: {} }),
      /the adam solver does not know bounds/,
    ],
    ['adam without start values', () => fitter.fit({ solver: 'adam' }), /needs start values/],
    ['fixed without values', () => fitter.fit({ fixedPars: ['sd'] }), /need values to stay at/],
    ['an unknown parameter', () => fitter.fit({ fixedPars: ['size'], initPars: truth }), /no parameter size/],
    [
      'a grid that leaves a parameter out',
      () => fitter.fitGrid({ x: [0], y: [0], size: [1], baseline: [0], amplitude: [1] }),
      /size is no parameter; sd is missing/,
    ],
    [
      'another number of start rows',
      () => fitter.fit({ initPars: { x: [0], y: [0], sd: [1], baseline: [0], amplitude: [1] } }),
      /1 rows of start values for 3 voxels/,
    ],
    [
      'data of another length',
      () => new ParameterFitter(model, matrix(10, 1)),
      /paradigm has 64 time points, the data have 10/,
    ],
    [
      'more than fits in memory',
      () =>
        new ParameterFitter(model, data, undefined, { memoryLimit: 100 }).fit({
          solver: 'adam',
          initPars: truth,
          storeIntermediateParameters: true,
        }),
      /the limit is 100/,
    ],
    [
      'confounds of another length',
      () => fitter.fit({ confounds: matrix(3, 1, [1, 2, 3]) }),
      /confounds have 3 time points/,
    ],
    ['sigma2 before a fit', () => new ParameterFitter(model, data).estimatedSigma2, /no fit yet/],
  ])('%s', (_name, act, message) => {
    expect(act).toThrow(message);
  });
});

describe('weights and decoding', () => {
  test('exact weights behind an HRF with an intercept that is not penalised', () => {
    const random = seededRandom(1, 'features');
    const paradigm = matrix(
      80,
      3,
      Float64Array.from({ length: 240 }, () => random.normal()),
    );
    const weights = matrix(3, 2, [1, -2, 0.5, 0, 3, 1]);
    const linear = new LinearModelWithBaselineHRF({
      hrfModel,
      paradigm,
      weights,
      parameters: { baseline: [100, -5] },
    });
    const fitted = new WeightFitter(linear, undefined, linear.predict()).fit(0);
    fitted.weights.values.forEach((value, at) => expect(value).toBeCloseTo(weights.values[at]!, 9));
    expect([...fitted.intercepts].map(Math.round)).toEqual([100, -5]);
    const shrunk = new WeightFitter(linear, undefined, linear.predict()).fit(1e12);
    expect(Math.max(...shrunk.weights.values.map(Math.abs))).toBeLessThan(1e-8);
    expect(() => new WeightFitter(new LinearModel(), undefined, matrix(3, 1), paradigm)).toThrow(
      /80 time points, the data have 3/,
    );
  });

  test('likelihood of independent residuals, the t tends to the normal, a posterior integrates to 1', () => {
    const residuals = matrix(2, 2, [0, 0, 1, 2]);
    const omega = residualCovariance({ rho: 0, tau: Float64Array.of(1, 2), sigma2: 0 });
    const normal = residualLogLikelihood(residuals, omega);
    expect(normal[0]).toBeCloseTo(-Math.log(2 * Math.PI) - Math.log(2), 13);
    expect(normal[1]! - normal[0]!).toBeCloseTo(-0.5 * (1 + 1), 13);
    expect(residualLogLikelihood(residuals, omega, 1e7)[1]).toBeCloseTo(normal[1]!, 5);
    expect(() => residualLogLikelihood(residuals, matrix(2, 2, [1, 2, 2, 1]))).toThrow(/positive definite/);
    const grid = Float64Array.from(linspace(-5, 5, 101));
    const { density, mean, sd } = stimulusPosterior(
      matrix(
        1,
        101,
        grid.map((x) => -0.5 * (x - 1) ** 2),
      ),
      grid,
    );
    expect(density.values.reduce((sum, p) => sum + p * 0.1, 0)).toBeCloseTo(1, 4);
    expect(mean[0]).toBeCloseTo(1, 3);
    expect(sd[0]).toBeCloseTo(1, 2);
  });
});

function rowOf({ columns, values }: Matrix, row: number): Float64Array {
  return values.subarray(row * columns, (row + 1) * columns);
}

test('receptive fields on a device: no array is larger than asked, also none of the stimulus and the data', async () => {
  const response = new ProjectedResponse(model, model.getParadigm());
  const [frames, voxels, points] = [response.frames, 12, 9];
  const random = seededRandom(3, 'test');
  const values = (count: number) => Float32Array.from({ length: count }, () => random.uniform() - 0.5);
  const series = values(voxels * frames);
  const fields = values(3 * Math.max(voxels, points)).map((value, i) => (i % 3 === 2 ? 0.6 + value : value));
  const line = values(2 * voxels);
  const run = async (most?: number) => {
    const compute = { device: 'cpu', threads: 1 };
    const device = await fieldsOnDevice(model, model.getParadigm(), response, series, compute, most);
    let largest = 0;
    const profiled = async <T>(call: () => Promise<T>): Promise<T> => {
      let result: T | null = null;
      const profile = (await tf.profile(async () => {
        result = await call();
        return [];
      })) as unknown as { kernels: Record<'inputShapes' | 'outputShapes', (number[] | null)[]>[] };
      for (const { inputShapes, outputShapes } of profile.kernels)
        for (const shape of [...inputShapes, ...outputShapes])
          largest = Math.max(largest, tf.util.sizeFromShape(shape ?? []));
      return result!;
    };
    const sums = await profiled(() => device.sums(fields.slice(0, 3 * voxels), line));
    const best = await profiled(() => device.best(fields.slice(0, 3 * points), true));
    device.dispose();
    return { sums, best, largest };
  };
  const whole = await run();
  // Of all arrays the stimulus is the largest: now it comes in parts.
  expect(whole.largest).toBe(192 * frames);
  const parts = await run(800);
  expect(parts.largest).toBeLessThanOrEqual(800);
  expect(parts.best).toEqual(whole.best);
  parts.sums.forEach((value, i) => expect(value).toBeCloseTo(whole.sums[i]!, 3));
});
