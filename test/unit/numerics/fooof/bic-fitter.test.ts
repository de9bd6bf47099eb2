import { describe, expect, test } from 'vitest';

import type { FooofFit } from '../../../../src/numerics/fooof/fit-result.js';
import { fitSpectrum } from '../../../../src/numerics/fooof/fit-spectrum.js';
import { simulateSpectrum, type SimulatedSpectrum } from '../../../../src/numerics/fooof/simulate.js';

const GRIDS = [
  [1, 40, 0.5],
  [1, 40, 0.25],
  [2, 50, 0.5],
  [1, 100, 0.5],
  [3, 40, 1],
  [1, 45, 0.5],
] as const;
const LAYOUTS = ['isolated', 'random', 'overlap'] as const;
const LEVELS = [0.005, 0.01, 0.025, 0.05, 0.1];

function spectrum(i: number): SimulatedSpectrum {
  const kind = Math.floor(i / 7) % 7;
  return simulateSpectrum({
    seed: 700_000 + i,
    nPeaks: i % 7,
    layout: LAYOUTS[i % 3]!,
    grid: GRIDS[i % 6]!,
    noise:
      kind < 5 ? { kind: 'log', level: LEVELS[kind]! } : { kind: 'welch', segments: kind === 5 ? 20 : 60 },
  });
}

/** True peaks with a found one within max(1 Hz, 0.75 SD), each found one used once. */
function hits({ truth }: SimulatedSpectrum, { gaussian_params: found }: FooofFit): number {
  const free = new Set(found.keys());
  const byHeight = truth.gaussian_params.toSorted((a, b) => b[1] - a[1]);
  return byHeight.filter(([center, , sd]) => {
    const distance = (i: number) => Math.abs(found[i]![0] - center);
    const near = [...free].filter((i) => distance(i) <= Math.max(1, 0.75 * sd));
    const [nearest] = near.sort((a, b) => distance(a) - distance(b));
    return nearest !== undefined && free.delete(nearest);
  }).length;
}

describe('mode bic', () => {
  test('finds 87 % of the peaks of 700 simulations with a quarter of a false one each and the exponent within 0.010', () => {
    let [hit, all, found] = [0, 0, 0];
    const errors: number[] = [];
    for (let i = 0; i < 700; i++) {
      const simulated = spectrum(i);
      const fit = fitSpectrum(simulated.frequenciesHz, simulated.power, { mode: 'bic' });
      hit += hits(simulated, fit);
      all += simulated.truth.gaussian_params.length;
      found += fit.n_peaks;
      errors.push(Math.abs(fit.aperiodic_params[1]! - simulated.truth.aperiodic_params[1]!));
    }
    expect(hit / all).toBeGreaterThanOrEqual(0.87);
    expect((found - hit) / 700).toBeLessThanOrEqual(0.25);
    expect(errors.sort((a, b) => a - b)[350]!).toBeLessThanOrEqual(0.01);
  });

  test('a power law without noise has no peaks', () => {
    const { frequenciesHz, power } = simulateSpectrum({ seed: 1, offset: 1, exponent: 1.5 });
    const fit = fitSpectrum(frequenciesHz, power, { mode: 'bic' });
    expect(fit).toMatchObject({ status: 'ok', n_peaks: 0 });
    expect(fit.aperiodic_params[1]).toBeCloseTo(1.5, 8);
  });

  test('with a knee all parameters come back together', () => {
    const { frequenciesHz, power } = simulateSpectrum({
      seed: 5,
      grid: [1, 100, 0.5],
      offset: 2,
      exponent: 2,
      knee: 200,
      peaks: [
        [10, 0.7, 1.5],
        [35, 0.5, 3],
      ],
      noise: { kind: 'log', level: 0.005 },
    });
    const fit = fitSpectrum(frequenciesHz, power, { mode: 'bic', aperiodic_mode: 'knee', bic_penalty: 1.7 });
    expect(fit.n_peaks).toBe(2);
    expect(fit.aperiodic_params[1]! / 200).toBeCloseTo(1, 1);
    expect(fit.aperiodic_params[2]).toBeCloseTo(2, 2);
    expect(fit.peak_params.map(([center]) => Math.round(center))).toEqual([10, 35]);
  });

  test('scaling the power moves the offset alone; limits and heights are kept', () => {
    const { frequenciesHz, power } = spectrum(4);
    const one = fitSpectrum(frequenciesHz, power, { mode: 'bic' });
    const scaled = fitSpectrum(
      frequenciesHz,
      power.map((p) => 100 * p),
      { mode: 'bic' },
    );
    expect(scaled.aperiodic_params[0]! - one.aperiodic_params[0]!).toBeCloseTo(2, 4);
    expect(scaled.n_peaks).toBe(one.n_peaks);
    const limited = fitSpectrum(frequenciesHz, power, {
      mode: 'bic',
      max_n_peaks: 1,
      peak_width_limits: [2, 5],
    });
    expect(limited.n_peaks).toBe(1);
    expect(limited.peak_params[0]![2]).toBeGreaterThanOrEqual(2);
    expect(limited.peak_params[0]![2]).toBeLessThanOrEqual(5);
    expect(fitSpectrum(frequenciesHz, power, { mode: 'bic', min_peak_height: 5 }).n_peaks).toBe(0);
  });

  test('too few bins fail softly', () => {
    const fit = fitSpectrum([1, 2], [2, 1], { mode: 'bic', aperiodic_mode: 'knee' });
    expect(fit).toMatchObject({ status: 'too_few_points', n_peaks: 0, model: null });
  });
});
