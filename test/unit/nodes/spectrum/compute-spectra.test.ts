import { describe, expect, test } from 'vitest';

import type { SeriesRecording, SpectraRecording } from '../../../../src/io/index.js';
import { spectralData } from '../../../../src/nodes/spectrum/compute-spectra.js';
import { resolveSpectrumSettings } from '../../../../src/numerics/signal/settings.js';

const frequencies = Float64Array.from({ length: 90 }, (_, i) => i);
const law = frequencies.map((f) => (f === 0 ? 3 : 10 / f));

function spectra(): SpectraRecording {
  const noisy = law.map((p, f) => (f === 50 ? 100 * p : p));
  const missing = law.map((p, f) => (f === 7 ? NaN : p));
  return { kind: 'spectra', frequencies, channel: ['Cz', 'Pz'], trials: [[noisy, missing]], notes: [] };
}

describe('spectra of a recording', () => {
  test('line noise is interpolated before the fit; ranges beyond the spectra are told and left', () => {
    const settings = resolveSpectrumSettings({
      line_noise: [
        [49, 51],
        [99, 101],
      ],
    });
    const { data, notes } = spectralData(spectra(), settings);
    expect(data.shape).toEqual([1, 1, 89, 2]);
    data.freq.forEach((f, bin) => expect(data.data[2 * bin]! / law[f]!).toBeCloseTo(1, 3));
    expect(data.data[2 * 6 + 1]).toBeNaN();
    expect(notes).toEqual([
      'the bin of 0 Hz is left out: it has no logarithm',
      'line_noise 99 to 101 Hz has no bins, or none beside it, in the spectra from 1 to 89 Hz: left as it is',
    ]);
  });

  test('of series too', () => {
    const samplerate = 200;
    const samples = Float64Array.from(
      { length: 2000 },
      (_, t) => Math.sin(t * t) + 20 * Math.sin((2 * Math.PI * 50 * t) / samplerate),
    );
    const trials = [{ start: 0, offset: 0, channels: [samples] }];
    const series: SeriesRecording = { kind: 'series', samplerate, channel: ['Cz'], units: ['uV'], trials, notes: [] }; // prettier-ignore
    const powerAt50 = (line_noise: Array<[number, number]> | null) => {
      const { data } = spectralData(series, resolveSpectrumSettings({ line_noise }));
      return data.data[data.freq.indexOf(50)]!;
    };
    expect(powerAt50(null)).toBeGreaterThan(100);
    expect(powerAt50([[48, 52]])).toBeLessThan(0.1);
  });

  test('frequencies outside of the data are refused with what there is', () => {
    expect(() => spectralData(spectra(), resolveSpectrumSettings({ foilim: [100, 120] }))).toThrow(
      '100 Hz is outside the spectrum, which ends at 89 Hz',
    );
  });
});
