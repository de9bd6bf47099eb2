import { expect, test } from 'vitest';

import { fitSpectrum } from '../../../../src/numerics/fooof/fit-spectrum.js';
import { simulateSpectrum } from '../../../../src/numerics/fooof/simulate.js';
import { fitEvents, fitSpectrogram } from '../../../../src/numerics/fooof/time-resolved.js';

const SETTINGS = { peak_width_limits: [1, 8] as [number, number], min_peak_height: 0.1 };
const BANDS = { alpha: [8, 12], beta: [15, 30] } as const;
const noise = { kind: 'log', level: 0.005 } as const;
const windows = [1, 1.5, 2].map((exponent, seed) =>
  simulateSpectrum({ seed, offset: 1, exponent, peaks: seed === 1 ? [] : [[10, 0.8, 1.5]], noise }),
);
const { frequenciesHz } = windows[0]!;
const spectrogram = [...frequenciesHz.keys()].map((bin) => windows.map(({ power }) => power[bin]!));

test('every window is fitted as it would be alone; bands without a peak are NaN', () => {
  const { group, overTime } = fitSpectrogram(frequenciesHz, spectrogram, BANDS, SETTINGS);
  const alone = windows.map(({ power }) => fitSpectrum(frequenciesHz, power, SETTINGS));
  expect([...overTime['exponent']!]).toEqual(alone.map((fit) => fit.aperiodic_params[1]));
  expect([...overTime['alpha_cf']!]).toEqual([
    alone[0]!.peak_params[0]![0],
    NaN,
    alone[2]!.peak_params[0]![0],
  ]);
  expect([...overTime['beta_pw']!]).toEqual([NaN, NaN, NaN]);
  expect([...overTime['n_peaks']!]).toEqual([1, 0, 1]);
  expect(Object.keys(overTime)).not.toContain('knee');
  expect(group.fits).toHaveLength(3);
  const knee = fitSpectrogram(frequenciesHz, spectrogram, {}, { ...SETTINGS, aperiodic_mode: 'knee' });
  expect(knee.overTime['knee']).toHaveLength(3);
});

test('a window without logarithm fails alone; events are one result each', () => {
  const broken = spectrogram.map((row, bin) => (bin === 7 ? [row[0]!, 0, row[2]!] : row));
  const [one, other] = fitEvents(frequenciesHz, [spectrogram, broken], BANDS, SETTINGS);
  expect(one!.group.nullIndices).toEqual([]);
  expect(other!.group.nullIndices).toEqual([1]);
  expect([...other!.overTime['n_peaks']!]).toEqual([1, NaN, 1]);
  expect(other!.overTime['offset']![2]).toBe(one!.overTime['offset']![2]);
});

test('rows that do not fit are refused', () => {
  expect(() => fitSpectrogram(frequenciesHz, spectrogram.slice(1))).toThrow(
    'spectrogram: 78 rows do not fit 79 frequencies',
  );
  const uneven = spectrogram.map((row, bin) => (bin === 4 ? row.slice(1) : row));
  expect(() => fitSpectrogram(frequenciesHz, uneven)).toThrow(
    'spectrogram: row 4 has 2 windows, row 0 has 3',
  );
});
