import { expect, test } from 'vitest';

import { spectralData } from '../../../../src/nodes/spectrum/compute-spectra.js';
import { doubts, trialDoubts } from '../../../../src/nodes/spectrum/fit-spectra.js';
import { resolveSpectrumSettings } from '../../../../src/numerics/signal/settings.js';

const FREQ = Float64Array.from({ length: 89 }, (_, i) => 1 + 0.5 * i);

test.each([
  [[1, 8], null, []],
  [[1, 8], [1, 45], []],
  [[1, 8], [0, 45.4], []],
  [[1, 8], [1, 100], ['freq_range 1 to 100 Hz goes beyond the spectra, 1 to 45 Hz']],
  [[1, 8], [0.2, 40], ['freq_range 0.2 to 40 Hz goes beyond the spectra, 1 to 45 Hz']],
  [[0.5, 8], null, ['the lower limit of peak_width_limits, 0.5 Hz, is within 1.5 bins of 0.5 Hz']],
] as Array<[[number, number], [number, number] | null, string[]]>)(
  'width limits %j and range %j on bins of 0.5 Hz from 1 to 45 Hz: %j',
  (peak_width_limits, freq_range, expected) => {
    expect(doubts(FREQ, { peak_width_limits, freq_range })).toEqual(expected);
  },
);

test('trials of one window that are fitted one by one are told as rough', () => {
  const trial = {
    start: 0,
    offset: 0,
    channels: [Float64Array.from({ length: 100 }, (_, i) => Math.sin(i))],
  };
  const series = (trials: number) => ({
    ...({ kind: 'series', samplerate: 50, channel: ['Cz'], units: [''], notes: [] } as const),
    trials: Array.from({ length: trials }, () => trial),
  });
  const told = (trials: number, keepTrials: boolean, t_ftimwin = 2) =>
    trialDoubts(spectralData(series(trials), resolveSpectrumSettings({ t_ftimwin })).data, keepTrials);
  expect(told(2, true)).toEqual([
    'each trial is a spectrum of one window, which is rough: prefer a shorter t_ftimwin, a wider tapsmofrq, or keeptrials false',
  ]);
  expect(told(2, false)).toEqual([]);
  expect(told(2, true, 1)).toEqual([]);
  // Of one trial the front end says so.
  expect(told(1, true)).toEqual([]);
  expect(trialDoubts({ log: '', shape: [2, 1, 3, 1] }, true)).toEqual([]);
});

test('a bin of 0 Hz is left out of given spectra, and that is said', () => {
  const frequencies = Float64Array.of(0, 1, 2, 3);
  const trials = [[Float64Array.of(9, 4, 3, 2)]];
  const recording = { kind: 'spectra', frequencies, channel: ['Cz'], trials, notes: ['as read'] } as const;
  const { data, notes } = spectralData(recording, resolveSpectrumSettings({}));
  expect([...data.freq]).toEqual([1, 2, 3]);
  expect([...Array.from(data.data)]).toEqual([4, 3, 2]);
  expect(notes).toEqual(['as read', 'the bin of 0 Hz is left out: it has no logarithm']);
  const empty = { ...recording, frequencies: new Float64Array(0), trials: [[new Float64Array(0)]] };
  expect(() => spectralData(empty, resolveSpectrumSettings({}))).toThrow('there are no frequencies');
});
