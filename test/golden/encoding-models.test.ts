import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  AlphaGaussianPRF,
  DifferenceOfGaussiansPRF2D,
  DifferenceOfGaussiansPRF2DWithHRF,
  DivisiveNormalizationGaussianPRF2D,
  GaussianMixturePRF2D,
  GaussianPointPRF2D,
  GaussianPRF,
  GaussianPRF2D,
  GaussianPRF2DAngle,
  GaussianPRF2DWithHRF,
  LogGaussianPRF,
  VonMisesPRF,
} from '../../src/numerics/encoding/models.js';
import { SPMHRFModel } from '../../src/numerics/encoding/hrf-model.js';
import { spmHrf } from '../../src/numerics/encoding/hrf.js';
import { convolveHeld } from '../../src/numerics/encoding/convolve.js';
import { LinearModelWithBaselineHRF } from '../../src/numerics/encoding/linear-models.js';
import type { EncodingModel } from '../../src/numerics/encoding/encoding-model.js';
import { goldenArray, goldenColumns, goldenMatrix, relativeError } from '../support/golden-encoding.js';
import { hasReference, reference } from '../support/reference.js';

const TR = 1.317025;

interface HrfGolden {
  readonly model: readonly {
    tr: number;
    delay: number;
    dispersion: number;
    compat: number[];
    exact: number[];
  }[];
  readonly spm_hrf: { times: number[]; defaults: number[]; a1_7: number[] };
  readonly convolution: {
    tr: number;
    impulse_in: number[];
    impulse_out: number[];
    series_in: number[];
    series_out: number[];
  };
}

describe.skipIf(!hasReference)('golden HRF', () => {
  const golden = (): HrfGolden =>
    JSON.parse(readFileSync(reference('encoding/hrf.json'), 'utf8')) as HrfGolden;

  test('kernels, exact to 1e-10 and compat to 1e-6 of the peak', () => {
    for (const { tr, delay, dispersion, compat, exact } of golden().model) {
      const ours = (mode: 'exact' | 'compat'): Float64Array =>
        new SPMHRFModel({ tr, delay, dispersion, mode }).kernel();
      expect(
        relativeError(ours('exact'), Float64Array.from(exact)),
        `exact ${tr} ${delay} ${dispersion}`,
      ).toBeLessThan(1e-10);
      expect(
        relativeError(ours('compat'), Float64Array.from(compat)),
        `compat ${tr} ${delay} ${dispersion}`,
      ).toBeLessThan(1e-6);
    }
  });

  test('the free-standing function', () => {
    const { times, defaults, a1_7 } = golden().spm_hrf;
    expect(relativeError(spmHrf(times), Float64Array.from(defaults))).toBeLessThan(1e-6);
    expect(relativeError(spmHrf(times, { a1: 7 }), Float64Array.from(a1_7))).toBeLessThan(1e-6);
  });

  test('convolution to 1e-12', () => {
    const { tr, impulse_in, impulse_out, series_in, series_out } = golden().convolution;
    const kernel = new SPMHRFModel({ tr, mode: 'compat' }).kernel();
    const convolved = (series: number[]): Float64Array =>
      convolveHeld(kernel, Float64Array.from(series), new Float64Array(series.length));
    expect(relativeError(convolved(impulse_in), Float64Array.from(impulse_out))).toBeLessThan(1e-12);
    expect(relativeError(convolved(series_in), Float64Array.from(series_out))).toBeLessThan(1e-12);
  });
});

interface Forward {
  readonly name: string;
  readonly paradigm: '1d' | '2d' | 'image';
  readonly make: () => EncodingModel;
}

const screen = () => ({ gridCoordinates: goldenMatrix('grid_coordinates') });
const hrf = (mode: 'exact' | 'compat') => ({ hrfModel: new SPMHRFModel({ tr: TR, mode }) });
const flexible = (mode: 'exact' | 'compat') => ({ ...screen(), ...hrf(mode), flexibleHrfParameters: true });

const FORWARD: readonly Forward[] = [
  { name: 'gauss1d', paradigm: '1d', make: () => new GaussianPRF() },
  { name: 'vonmises', paradigm: '1d', make: () => new VonMisesPRF() },
  { name: 'loggauss_mu_sd', paradigm: '1d', make: () => new LogGaussianPRF() },
  {
    name: 'loggauss_mode_fwhm',
    paradigm: '1d',
    make: () => new LogGaussianPRF({ parameterisation: 'mode_fwhm' }),
  },
  { name: 'alpha_gauss', paradigm: '1d', make: () => new AlphaGaussianPRF() },
  { name: 'point2d', paradigm: '2d', make: () => new GaussianPointPRF2D() },
  { name: 'point2d_rho', paradigm: '2d', make: () => new GaussianPointPRF2D({ correlated: true }) },
  { name: 'mixture2d', paradigm: '2d', make: () => new GaussianMixturePRF2D() },
  { name: 'gauss2d', paradigm: 'image', make: () => new GaussianPRF2D(screen()) },
  {
    name: 'gauss2d_hrf_compat',
    paradigm: 'image',
    make: () => new GaussianPRF2DWithHRF({ ...screen(), ...hrf('compat') }),
  },
  {
    name: 'gauss2d_hrf_exact',
    paradigm: 'image',
    make: () => new GaussianPRF2DWithHRF({ ...screen(), ...hrf('exact') }),
  },
  {
    name: 'gauss2d_flexhrf_compat',
    paradigm: 'image',
    make: () => new GaussianPRF2DWithHRF(flexible('compat')),
  },
  {
    name: 'gauss2d_flexhrf_exact',
    paradigm: 'image',
    make: () => new GaussianPRF2DWithHRF(flexible('exact')),
  },
  { name: 'angle2d', paradigm: 'image', make: () => new GaussianPRF2DAngle({ ...screen(), rfNorm: 'peak' }) },
  { name: 'dog2d', paradigm: 'image', make: () => new DifferenceOfGaussiansPRF2D(screen()) },
  {
    name: 'dog2d_hrf_compat',
    paradigm: 'image',
    make: () => new DifferenceOfGaussiansPRF2DWithHRF({ ...screen(), ...hrf('compat') }),
  },
  { name: 'dn2d', paradigm: 'image', make: () => new DivisiveNormalizationGaussianPRF2D(screen()) },
  {
    name: 'dn2d_hrf_compat',
    paradigm: 'image',
    make: () => new DivisiveNormalizationGaussianPRF2D({ ...screen(), ...hrf('compat') }),
  },
];

describe.skipIf(!hasReference)('golden predictions, 1e-9 of the largest value', () => {
  test.each(FORWARD)('$name', ({ name, paradigm, make }) => {
    const model = make();
    const parameters = goldenColumns(`fw_${name}_params`, model.getParameterLabels());
    const predicted = model.predict(paradigmOf(paradigm), parameters);

    expect(relativeError(predicted.values, goldenMatrix(`fw_${name}`).values)).toBeLessThan(1e-9);
  });

  test.each([
    ['after', 'fw_linear_hrf_compat_baseline_after'],
    ['compat', 'fw_linear_hrf_compat_baseline_before'],
  ] as const)('linear model with HRF, baseline %s', (baseline, name) => {
    const weights = goldenMatrix('wf_true_weights');
    const eight = Array.from({ length: weights.rows }, (_, f) =>
      Array.from({ length: 8 }, (_, v) => weights.values[f * weights.columns + v]!),
    );
    const model = new LinearModelWithBaselineHRF({ ...hrf('compat'), baseline, weights: eight });
    const predicted = model.predict(goldenMatrix('wf_X'), {
      baseline: goldenArray('wf_baseline').values.subarray(0, 8),
    });
    expect(relativeError(predicted.values, goldenMatrix(name).values)).toBeLessThan(1e-9);
  });
});

function paradigmOf(kind: Forward['paradigm']) {
  if (kind === '1d') return goldenMatrix('fw_stimulus_1d');
  if (kind === '2d') return goldenMatrix('fw_stimulus_2d');
  const { shape, values } = goldenArray('stimulus');
  return { shape: shape as [number, number, number], values };
}
