import { describe, expect, test } from 'vitest';

import { kneeFrequency } from '../../../../src/numerics/fooof/aperiodic.js';
import { bandPeaks } from '../../../../src/numerics/fooof/bands.js';
import { fitSpectrum } from '../../../../src/numerics/fooof/fit-spectrum.js';
import { fitGroup, fitGroups } from '../../../../src/numerics/fooof/group.js';
import {
  adjustedRSquared,
  fitError,
  pointwiseErrors,
  rSquared,
} from '../../../../src/numerics/fooof/metrics.js';
import type { FitOptions } from '../../../../src/numerics/fooof/settings.js';
import { simulateSpectrum } from '../../../../src/numerics/fooof/simulate.js';

const QUIET = { min_peak_height: 0.05, peak_width_limits: [1, 8] as [number, number] };

function simulated(seed = 7) {
  return simulateSpectrum({
    seed,
    offset: 1,
    exponent: 1.2,
    peaks: [[10, 0.8, 1.5]],
    noise: { kind: 'log', level: 0.002 },
  });
}

describe('one spectrum', () => {
  test('a simulated peak on a power law comes back', () => {
    const { frequenciesHz, power } = simulated();
    const fit = fitSpectrum(frequenciesHz, power, QUIET);
    expect(fit).toMatchObject({ status: 'ok', n_peaks: 1 });
    expect(fit.aperiodic_params[0]).toBeCloseTo(1, 2);
    expect(fit.aperiodic_params[1]).toBeCloseTo(1.2, 2);
    expect(fit.gaussian_params[0]![0]).toBeCloseTo(10, 1);
    expect(fit.gaussian_params[0]![1]).toBeCloseTo(0.8, 1);
    expect(fit.peak_params[0]![2]).toBeCloseTo(2 * fit.gaussian_params[0]![2], 12);
    expect(fit.r_squared).toBeGreaterThan(0.999);
  });

  test('a knee comes back with its frequency', () => {
    const { frequenciesHz, power } = simulateSpectrum({
      seed: 1,
      grid: [1, 100, 0.5],
      offset: 2,
      exponent: 2,
      knee: 100,
    });
    const { aperiodic_params } = fitSpectrum(frequenciesHz, power, {
      aperiodic_mode: 'knee',
      max_n_peaks: 0,
    });
    expect(aperiodic_params[1]! / 100).toBeCloseTo(1, 4);
    expect(aperiodic_params[2]).toBeCloseTo(2, 4);
    expect(kneeFrequency(100, 2)).toBe(10);
    expect(kneeFrequency(-1, 2)).toBeNaN();
  });

  test('scaling the power moves the offset alone', () => {
    const { frequenciesHz, power } = simulated();
    const one = fitSpectrum(frequenciesHz, power, QUIET);
    const thousand = fitSpectrum(
      frequenciesHz,
      power.map((p) => 1000 * p),
      QUIET,
    );
    expect(thousand.aperiodic_params[0]! - one.aperiodic_params[0]!).toBeCloseTo(3, 8);
    expect(thousand.aperiodic_params[1]).toBeCloseTo(one.aperiodic_params[1]!, 8);
    expect(thousand.gaussian_params[0]![0]).toBeCloseTo(one.gaussian_params[0]![0], 6);
  });

  test('frequencies that were rounded to float32 give the same fit', () => {
    const { frequenciesHz, power } = simulated();
    const shifted = frequenciesHz.map((f) => f * 1.001);
    const fine = fitSpectrum(shifted, power, QUIET);
    const rounded = fitSpectrum(Float32Array.from(shifted), power, QUIET);
    expect(rounded.gaussian_params[0]![0]).toBeCloseTo(fine.gaussian_params[0]![0], 4);
  });

  test('debug makes a failed fit an error with its reason', () => {
    const power = [1, 2, NaN, 4];
    expect(fitSpectrum([1, 2, 3, 4], power, { check_data: false }).status).toBe('non_finite');
    expect(() => fitSpectrum([1, 2, 3, 4], power, { check_data: false, debug: true })).toThrow(
      'the fit failed: its power is zero, negative or missing in some bin',
    );
    const short = { aperiodic_mode: 'knee' as const, debug: true };
    expect(() => fitSpectrum([1, 2], [2, 1], short)).toThrow('fewer bins than aperiodic parameters are left');
    const few = { ...short, expert: { max_evaluations: 4 } };
    const { frequenciesHz, power: noisy } = simulated();
    expect(() => fitSpectrum(frequenciesHz, noisy, few)).toThrow('the optimiser ran out of evaluations');
  });

  test.each([
    ['unequal lengths', [1, 2, 3], [1, 2], '2 power values do not fit 3 frequencies'],
    [
      'zero power',
      [1, 2, 3],
      [1, 0, 1],
      'power 0 in bin 1 has no finite logarithm: power must be positive, linear, not in dB',
    ],
    [
      'descending frequencies',
      [3, 2, 1],
      [1, 1, 1],
      'frequency 2 in place 1 is not a positive number above the one before',
    ],
    [
      'negative frequency',
      [-1, 0, 1],
      [1, 1, 1],
      'frequency -1 in place 0 is not a positive number above the one before',
    ],
    [
      'uneven steps',
      [1, 2, 4],
      [1, 1, 1],
      'frequencies are not evenly spaced: 2 Hz before 4 Hz, 1 Hz at the start',
    ],
    ['nothing', [], [], '0 frequency bins are too few to fit; there are no frequencies'],
  ])('%s: a clear error', (_, frequencies, power, message) => {
    expect(() => fitSpectrum(frequencies, power)).toThrow(message);
  });

  test('a range outside the data says what there is', () => {
    expect(() => fitSpectrum([1, 2, 3], [1, 1, 1], { freq_range: [10, 20] })).toThrow(
      '0 frequency bins from 10 to 20 Hz are too few to fit; they reach from 1 to 3 Hz',
    );
  });

  test('wrong options name their key', () => {
    const wrong = { peak_width_limits: [8, 2], max_peaks: 3 } as never;
    expect(() => fitSpectrum([1, 2, 3], [1, 1, 1], wrong)).toThrow(
      /fooof.peak_width_limits: the first frequency must be below/,
    );
    expect(() => fitSpectrum([1, 2, 3], [1, 1, 1], { max_peaks: 3 } as never)).toThrow(/max_peaks/);
  });

  test('constants of the algorithm can be set: a narrow edge rule keeps a peak at the end', () => {
    const { frequenciesHz, power } = simulateSpectrum({
      seed: 3,
      offset: 0,
      exponent: 1,
      peaks: [[39, 0.6, 2]],
      noise: { kind: 'log', level: 0.01 },
    });
    const settings = { ...QUIET, max_n_peaks: 1 };
    expect(fitSpectrum(frequenciesHz, power, settings).n_peaks).toBe(0);
    expect(fitSpectrum(frequenciesHz, power, { ...settings, expert: { edge_factor: 0.2 } }).n_peaks).toBe(1);
  });
});

describe('bounds of the aperiodic parameters', () => {
  const frequencies = Float64Array.from({ length: 79 }, (_, i) => 1 + 0.5 * i);
  type Bounds = [Array<number | null>, Array<number | null>] | null;
  const bounded = (knee: number | null, exponent: number, aperiodic_bounds: Bounds) =>
    fitSpectrum(
      frequencies,
      frequencies.map((f) => {
        const aperiodic = knee === null ? 1 - 1.5 * Math.log10(f) : 2 - Math.log10(knee + f ** exponent);
        return 10 ** (aperiodic + (knee === null ? 0.05 : 0.02) * Math.sin(3 * f));
      }),
      { max_n_peaks: 0, aperiodic_mode: knee === null ? 'fixed' : 'knee', expert: { aperiodic_bounds } },
    );

  test('bounds far from the data, which hold the first fit below all bins: that fit is the result', () => {
    const power = frequencies.map((f) => 10 ** (3.9 - 2.1 * Math.log10(f) + 0.05 * Math.sin(3 * f)));
    const { status, aperiodic_params: found } = fitSpectrum(frequencies, power, {
      max_n_peaks: 0,
      expert: {
        aperiodic_bounds: [
          [null, 2.5],
          [2, null],
        ],
      },
    });
    expect(status).toBe('ok');
    expect(found[0]).toBeCloseTo(2, 6);
    expect(found[1]).toBeCloseTo(2.5, 6);
  });

  // scipy 1.10, curve_fit with the same bounds
  test.each<[number | null, number, Bounds, number[]]>([
    [null, 1.5, null, [0.99692116, 1.49776114]],
    [
      null,
      1.5,
      [
        [null, null],
        [null, 3],
      ],
      [0.99692116, 1.49776114],
    ],
    [
      null,
      1.5,
      [
        [null, null],
        [null, 1.25],
      ],
      [0.69875048, 1.25],
    ],
    [
      null,
      1.5,
      [
        [null, null],
        [0.9, null],
      ],
      [0.9, 1.42387463],
    ],
    [-0.5, 1.5, null, [1.99926416, -0.49812613, 1.49947642]],
    [
      -0.5,
      1.5,
      [
        [null, 0, null],
        [null, null, null],
      ],
      [2.09881412, 0, 1.57197095],
    ],
    [
      30,
      2,
      [
        [null, 0, null],
        [null, 20, null],
      ],
      [1.876137, 20, 1.91318754],
    ],
  ])('knee %j, exponent %j, bounds %j: %j', (knee, exponent, bounds, expected) => {
    const { status, aperiodic_params: found } = bounded(knee, exponent, bounds);
    expect(status).toBe('ok');
    // Within 5e-6: both fits end on a relative gain of 1e-8 or less, and stay inside of their bounds.
    expected.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 5));
    for (const [i, low] of (bounds?.[0] ?? []).entries())
      expect(found[i]).toBeGreaterThanOrEqual(low ?? -Infinity);
    for (const [i, high] of (bounds?.[1] ?? []).entries())
      expect(found[i]).toBeLessThanOrEqual(high ?? Infinity);
  });

  test('that do not fit the model are refused', () => {
    const refused = (options: FitOptions) => () => fitSpectrum([1, 2, 3], [3, 2, 1], options);
    expect(refused({ expert: { aperiodic_bounds: [[0], [null, 1]] } })).toThrow(
      'fooof.expert.aperiodic_bounds: 1 lower and 2 upper bounds for 2 parameters',
    );
    expect(
      refused({
        expert: {
          aperiodic_bounds: [
            [1, 0],
            [1, null],
          ],
        },
      }),
    ).toThrow('fooof.expert.aperiodic_bounds: each lower bound must be below the upper one');
    expect(
      refused({
        mode: 'bic',
        expert: {
          aperiodic_bounds: [
            [0, 0],
            [1, null],
          ],
        },
      }),
    ).toThrow('mode bic takes no bounds');
  });
});

test('every candidate says what became of it', () => {
  const frequencies = Float64Array.from({ length: 79 }, (_, i) => 1 + 0.5 * i);
  const peaks = [[1.5, 0.5, 1], [12, 1, 1], [14, 0.8, 1], [25, 0.4, 1.5]] as const; // prettier-ignore
  const power = frequencies.map((f) => {
    const sum = peaks.reduce((y, [c, h, s]) => y + h * Math.exp(-((f - c) ** 2) / (2 * s * s)), 0);
    return 10 ** (1 - Math.log10(f) + sum + 0.01 * Math.sin(40 * f));
  });
  const fitted = (more: FitOptions) =>
    fitSpectrum(frequencies, power, { peak_width_limits: [3, 8], min_peak_height: 0.1, ...more });
  const outcomes = (more: FitOptions) => {
    const fit = fitted(more);
    expect(fit.candidates.filter(({ outcome }) => outcome === 'fitted')).toHaveLength(fit.n_peaks);
    return fit.candidates.map(({ outcome }) => outcome);
  };
  const all = outcomes({ peak_threshold: 0.1 });
  expect(new Set(all)).toEqual(new Set(['fitted', 'edge', 'overlap', 'below_min_height']));
  expect(all.at(-1)).toBe('below_min_height');
  expect(outcomes({ peak_threshold: 1.5 }).at(-1)).toBe('below_threshold');
  // With a limit nothing further is looked at.
  expect(outcomes({ max_n_peaks: 2 })).toHaveLength(2);
  // Mode bic has no such search.
  expect(fitted({ mode: 'bic' }).candidates).toEqual([]);
});

describe('groups', () => {
  test('parameters are stacked with the spectrum; dropped fits become nulls in place', () => {
    const spectra = [1, 2, 3].map((seed) => simulated(seed));
    const group = fitGroup(
      spectra[0]!.frequenciesHz,
      spectra.map((s) => s.power),
      QUIET,
    );
    expect(group.stacked('gaussian_params').map((row) => row[3])).toEqual([0, 1, 2]);
    group.drop([1]);
    expect(group.nullIndices).toEqual([1]);
    expect(group.fits).toHaveLength(3);
    expect(group.aperiodicParams()[1]).toEqual([NaN, NaN]);
    expect(group.stacked('peak_params').map((row) => row[3])).toEqual([0, 2]);
    expect(group.bandPeaks([8, 12])[1]).toEqual([NaN, NaN, NaN]);
    expect(group.averageBand([8, 12])[0]).toBeCloseTo(10, 1);
    expect(group.averageBand([8, 12], 'median')[0]).toBeCloseTo(10, 1);
    expect(group.averageBand([20, 22])).toEqual([NaN, NaN, NaN]);
    expect(() => group.drop([9])).toThrow('there is no fit 9 among 3');
  });

  test('conditions are one group each', () => {
    const one = simulated();
    const groups = fitGroups(one.frequenciesHz, [[one.power], [one.power, one.power]], QUIET);
    expect(groups.map((group) => group.fits.length)).toEqual([1, 2]);
  });
});

test('bands: ends included, the strongest unless all, thresholds', () => {
  const peaks = [
    [8, 0.5, 2],
    [10, 0.9, 1],
    [13, 1, 4],
  ] as const;
  expect(bandPeaks(peaks, [8, 12])).toEqual([peaks[1]]);
  expect(bandPeaks(peaks, [8, 13], { all: true })).toEqual(peaks);
  expect(bandPeaks(peaks, [8, 13], { threshold: { of: 'bandwidth', above: 1.5 }, all: true })).toEqual([
    peaks[0],
    peaks[2],
  ]);
  expect(bandPeaks(peaks, [20, 30])).toEqual([[NaN, NaN, NaN]]);
});

test('errors of a fit by hand', () => {
  const [values, model] = [Float64Array.of(1, 2, 4), Float64Array.of(1, 3, 2)];
  expect([...pointwiseErrors(values, model)]).toEqual([0, 1, 2]);
  expect(fitError(values, model, 'MAE')).toBe(1);
  expect(fitError(values, model, 'MSE')).toBeCloseTo(5 / 3, 12);
  expect(fitError(values, model, 'RMSE')).toBeCloseTo(Math.sqrt(5 / 3), 12);
  expect(fitError(values, model, 'MDAE')).toBe(1);
  expect(rSquared(values, values)).toBe(1);
  expect(rSquared(values, new Float64Array(3))).toBeNaN();
  expect(adjustedRSquared(0.9, 11, 5)).toBeCloseTo(0.8, 12);
});
