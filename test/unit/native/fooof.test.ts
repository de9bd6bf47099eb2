import { afterAll, describe, expect, test } from 'vitest';

import { addFooofPeaks, fitFooofKnee, fitFooofPeaks, ISAS, searchFooofPeaks, selectIsa } from '../../../src/native/index.js';
import { candidateSearch } from '../../../src/numerics/fooof/candidates.js';
import { SpectrumFitter } from '../../../src/numerics/fooof/fit-spectrum.js';
import type { FitOptions } from '../../../src/numerics/fooof/settings.js';
import { simulateSpectrum } from '../../../src/numerics/fooof/simulate.js';
import { testedIsas } from '../../support/native.js';

const isas = testedIsas();
afterAll(() => {
  const best = ISAS.find((isa) => isas.includes(isa));
  if (best !== undefined) selectIsa(best);
});

/** Fixed and knee, 30 to 801 bins, up to 12 peaks. */
const SPECTRA = (['fixed', 'knee'] as const).flatMap((mode) =>
  Array.from({ length: 12 }, (_, i) => {
    const grid = ([[1, 40, 0.5], [2, 31, 1], [1, 100, 0.5], [1, 41, 0.05]] as const)[i % 4]!; // prettier-ignore
    const layout = (['isolated', 'random', 'overlap'] as const)[i % 3]!;
    const noise = { kind: 'log', level: 0.03 } as const;
    const options: FitOptions = { aperiodic_mode: mode, peak_width_limits: [1, 8], max_n_peaks: i % 5 === 0 ? 12 : 6 };
    return { ...simulateSpectrum({ seed: 40 + i, mode, nPeaks: i % 7, grid, layout, noise }), options };
  }),
);

describe.each(isas)('fits of the addon on %s', (isa) => {
  test('are those of the TypeScript kernels, to rounding that an optimiser may amplify up to its tolerance', () => {
    selectIsa(isa);
    for (const { frequenciesHz, power, options } of SPECTRA) {
      const [own, other] = (['native', 'typescript'] as const).map((kernels) =>
        new SpectrumFitter(frequenciesHz, options, kernels).fit(power),
      );
      expect(own!.n_peaks).toBe(other!.n_peaks);
      own!.model!.forEach((value, i) => expect(Math.abs(value - other!.model![i]!)).toBeLessThan(1e-6));
      expect(own!.aperiodic_params[0]).toBeCloseTo(other!.aperiodic_params[0]!, 5);
    }
  });

  test('of peaks and aperiodic part together are those of the TypeScript kernels', () => {
    selectIsa(isa);
    for (const { frequenciesHz, power, options } of SPECTRA.filter((_, i) => i % 4 < 2)) {
      const [own, other] = (['native', 'typescript'] as const).map((kernels) =>
        new SpectrumFitter(frequenciesHz, { ...options, mode: 'bic' }, kernels).fit(power),
      );
      expect(own!.n_peaks).toBe(other!.n_peaks);
      own!.model!.forEach((value, i) => expect(Math.abs(value - other!.model![i]!)).toBeLessThan(1e-6));
    }
  });

  test('do not need equal steps of the frequencies, and repeat bit for bit', () => {
    selectIsa(isa);
    const { frequenciesHz, power, options } = SPECTRA[3]!;
    const uneven = frequenciesHz.map((f, i) => f + (i % 2 === 0 ? 1e-7 : 0));
    const [even, again, jittered] = [frequenciesHz, frequenciesHz, uneven].map((grid) =>
      new SpectrumFitter(grid, options, 'native').fit(power),
    );
    expect(even!.n_peaks).toBeGreaterThan(1);
    expect(again).toEqual(even);
    jittered!.model!.forEach((value, i) => expect(Math.abs(value - even!.model![i]!)).toBeLessThan(1e-4));
  });

  test('find a single exact peak, stay within bounds, and say when evaluations run out', () => {
    selectIsa(isa);
    const frequencies = Float64Array.from({ length: 21 }, (_, i) => 5 + 0.5 * i);
    const target = new Float64Array(21);
    const truth = Float64Array.of(10.2, 0.7, 1.1);
    addFooofPeaks({ frequencies, resolution: 0.5, x: truth, sum: target });
    frequencies.forEach((f, i) => expect(target[i]).toBeCloseTo(0.7 * Math.exp(-((f - 10.2) ** 2) / 2.42), 14));
    const bounds = { lower: Float64Array.of(5, 0, 0.5), upper: Float64Array.of(15, Infinity, 4) };
    const fit = (more = {}) => {
      const [x, result] = [Float64Array.of(9, 0.5, 0.5), new Float64Array(3)];
      const options = { tolerance: 1e-8, maxEvaluations: 5000, ...bounds, ...more };
      fitFooofPeaks({ frequencies, resolution: 0.5, target, base: null, x, result, ...options });
      return { x, converged: result[0], cost: result[1]!, evaluations: result[2]! };
    };
    const free = fit();
    expect(free.converged).toBe(1);
    truth.forEach((value, i) => expect(free.x[i]).toBeCloseTo(value, 6));
    expect(free.cost).toBeLessThan(1e-12);
    const narrow = fit({ upper: Float64Array.of(15, Infinity, 0.8) });
    expect(narrow.x[2]).toBeLessThan(0.8);
    expect(narrow.x[2]).toBeCloseTo(0.8, 3);
    expect(fit({ maxEvaluations: 2 })).toMatchObject({ converged: 0, evaluations: 2 });
  });

  test('of a knee recover an exact curve; a start without a curve is no fit', () => {
    selectIsa(isa);
    const ln = Float64Array.from({ length: 77 }, (_, i) => Math.log(1 + 0.5 * i));
    const values = ln.map((value) => 2 - Math.log10(30 + Math.exp(1.7 * value)));
    const options = { tolerance: 1.49012e-8, maxEvaluations: 5000 };
    const x = Float64Array.of(values[0]!, 0, 1);
    expect(fitFooofKnee({ ln, values, x, ...options })).toBe(true);
    [2, 30, 1.7].forEach((value, i) => expect(x[i]! / value).toBeCloseTo(1, 6));
    expect(fitFooofKnee({ ln, values, x: Float64Array.of(0, -5, 1), ...options })).toBe(false);
    expect(fitFooofKnee({ ln, values, x: Float64Array.of(0, 0, 1), ...options, maxEvaluations: 3 })).toBe(false);
  });

  test('search as the TypeScript does, also beyond the candidates that one call holds', () => {
    selectIsa(isa);
    const frequencies = Float64Array.from({ length: 803 }, (_, i) => 1 + 0.25 * i);
    const uneven = frequencies.map((f, i) => f + (i % 2 === 0 ? 1e-7 : 0));
    const rules = { peak_width_limits: [0.5, 2], max_n_peaks: null, min_peak_height: 0.1, peak_threshold: 0.5 } as const; // prettier-ignore
    const flat = frequencies.map((f, i) => (i % 20 === 7 ? 1 + 0.01 * (i % 17) : 0.02 * Math.sin(f)));
    for (const [grid, isUniform] of [[frequencies, true], [uneven, false]] as const) {
      for (const changed of [{}, { max_n_peaks: 32 }, { max_n_peaks: 3 }, { max_n_peaks: 0 }, { peak_threshold: 4 }]) {
        const axis = { frequencies: grid, resolution: 0.25, isUniform };
        const [own, other] = (['native', 'typescript'] as const).map((kernels) =>
          candidateSearch(axis, { ...rules, ...changed }, kernels)(flat.slice()),
        );
        expect(own!.found).toHaveLength(other!.found.length);
        own!.found.forEach(({ center, height, sd }, i) => {
          expect(center).toBe(other!.found[i]!.center);
          expect(height).toBeCloseTo(other!.found[i]!.height, 13);
          expect(sd).toBeCloseTo(other!.found[i]!.sd, 13);
        });
        expect(own!.rejected?.outcome).toBe(other!.rejected?.outcome);
        if (!('max_n_peaks' in changed)) expect(own!.rejected).not.toBeNull();
        if (changed.max_n_peaks === undefined) expect(own!.found.length).toBeGreaterThan(32);
      }
    }
  });

  test('refuse arrays that do not fit each other', () => {
    const three = new Float64Array(3);
    const wrong = { ln: three, values: new Float64Array(2), tolerance: 1, maxEvaluations: 1, x: three };
    expect(() => fitFooofKnee(wrong)).toThrow('values has 2 elements, not 3');
    const peaks = { frequencies: three, resolution: 1, x: new Float64Array(4), sum: three };
    expect(() => addFooofPeaks(peaks)).toThrow('number of peaks is 1.33');
    const search = { frequencies: three, resolution: 1, widths: [1, 2], minHeight: 0, threshold: 2 } as const;
    expect(() => searchFooofPeaks({ ...search, flat: new Float64Array(4), found: new Float64Array(6) })).toThrow(
      'flat has 4 elements, not 3',
    );
    expect(() => searchFooofPeaks({ ...search, flat: new Float64Array(3), found: three })).toThrow(
      'most candidates is 0',
    );
  });
});
