import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { renderChart } from '../../../../src/io/index.js';
import { FooofSpy } from '../../../../src/nodes/spectrum/fooof-spy.js';
import { fittedSpectra } from '../../../../src/nodes/spectrum/plot-channels.js';
import { recordingChart, type FittedSpectrum } from '../../../../src/nodes/spectrum/recording-chart.js';
import { writeSpectra } from '../../../../src/nodes/spectrum/spectral-container.js';
import { readModelContainer, type SpectralData } from '../../../../src/nodes/spectrum/spectral-data.js';
import { fitSpectrum } from '../../../../src/numerics/fooof/fit-spectrum.js';
import type { FitOptions } from '../../../../src/numerics/fooof/settings.js';
import { simulateSpectrum } from '../../../../src/numerics/fooof/simulate.js';
import { temporaryDirectory } from '../../../support/temporary.js';

const directory = temporaryDirectory();
const KWARGS: FitOptions = { peak_width_limits: [1, 8], min_peak_height: 0.15 };
const FREQ = simulateSpectrum({ seed: 1 }).frequenciesHz;

function power(trial: number, channel: number): Float64Array {
  const peaks = channel === 2 ? [] : ([[10 + 8 * channel, 0.8, 1.5]] as const);
  const noise = { kind: 'log', level: 0.01 } as const;
  return simulateSpectrum({ seed: 10 * trial + channel, offset: 1, exponent: 1 + trial, peaks, noise }).power;
}

/** Two trials of three channels; the second channel of the second trial has no power. */
function recording(): SpectralData {
  const data = new Float64Array(2 * FREQ.length * 3);
  for (const trial of [0, 1]) {
    for (const channel of [0, 1, 2]) {
      power(trial, channel).forEach(
        (value, bin) => (data[(trial * FREQ.length + bin) * 3 + channel] = value),
      );
    }
  }
  data[(FREQ.length + 10) * 3 + 1] = 0;
  const trialdefinition = [[0, 1, 0], [1, 2, 0]] as const; // prettier-ignore
  const rest = { samplerate: null, log: '', version: '0', trialIndex: [0, 4] };
  return {
    shape: [2, 1, FREQ.length, 3],
    data,
    freq: FREQ,
    channel: ['A', 'B', 'C'],
    trialdefinition,
    ...rest,
  };
}

async function containers(keepTrials: boolean, freq_range: [number, number] | null) {
  const routine = new FooofSpy({ fooofSettings: { in_freqs: FREQ, freq_range }, methodKwargs: KWARGS });
  const blockWidth = keepTrials ? 2 : null;
  routine.initialize(recording(), 0, { keepTrials, chanPerWorker: blockWidth });
  const [given, fitted] = ['spectra', 'model'].map((name) => join(directory, `${name}-${keepTrials}.h5`));
  writeSpectra(given!, recording());
  await routine.compute(recording(), fitted!);
  const read = [await readModelContainer(given!), await readModelContainer(fitted!)] as const;
  const candidates = [
    { channel: 'A', trial: 4, center_frequency: 10, outcome: 'fitted' },
    { channel: 'A', trial: 4, center_frequency: 3, outcome: 'edge' },
    { channel: 'A', trial: 0, center_frequency: 20, outcome: 'overlap' },
  ];
  return fittedSpectra(...read, { keepTrials, blockWidth, candidates });
}

describe('fitted spectra of a recording', () => {
  test('are one per channel and trial, with data and components of that fit; failed ones are left out', async () => {
    const spectra = await containers(true, [3, 30]);
    expect(spectra.map(({ title }) => title)).toEqual(
      ['A trial 0', 'B trial 0', 'C trial 0', 'A trial 4', 'C trial 4'], // prettier-ignore
    );
    const own = fitSpectrum(FREQ, power(1, 0), { ...KWARGS, freq_range: [3, 30] });
    const { frequencies, power: shown, aperiodic, gaussians, error } = spectra[3]!;
    expect([frequencies[0], frequencies.length]).toEqual([3, 55]);
    expect(shown[7]).toBeCloseTo(Math.log10(power(1, 0)[4 + 7]!), 12);
    expect(aperiodic[7]).toBeCloseTo(own.aperiodic![7]!, 12);
    expect(gaussians).toEqual(own.gaussian_params);
    expect(error).toBe(own.error);
    expect(spectra[3]!.rejected).toEqual([{ frequency: 3, outcome: 'edge' }]);
    expect(spectra[4]!.rejected).toEqual([]);
  });

  test('are means over trials when those are not kept', async () => {
    const spectra = await containers(false, null);
    expect(spectra.map(({ title }) => title)).toEqual(['A', 'B', 'C']);
    expect(spectra[0]!.power[30]).toBeCloseTo(Math.log10((power(0, 0)[30]! + power(1, 0)[30]!) / 2), 12);
  });
});

describe('the chart of a recording', () => {
  const spectrum = (title: string, error: number): FittedSpectrum => ({
    ...{ title, error, rSquared: 0.987, exponent: 1.25, frequencies: [8, 9, 10, 11, 12] },
    ...{ power: [1, 1, 2, 1, 1], aperiodic: [1, 1, 1, 1, 1], gaussians: [[10, 1, 0.5]] },
    rejected: [{ frequency: 12, outcome: 'overlap' }],
  });
  const rows = {
    peaks: [{ channel: 'Cz', center_frequency: 10, power: 1, bandwidth: 1 }],
    settings: 'mode classic',
  };
  const fits = [
    { channel: 'Cz', exponent: 1.25, r_squared: 0.987, error: 0.1, n_peaks: 1, status: 'ok' },
    { channel: 'Oz', exponent: null, r_squared: null, error: null, n_peaks: 0, status: 'non_finite' },
  ];

  test('names channel, parameters, components and failures', async () => {
    const chart = recordingChart({ recording: 'sub-01', spectra: [spectrum('Cz', 0.1)], fits, ...rows });
    const { svg, warnings } = await renderChart(chart);
    expect(warnings).toEqual([]);
    const texts = [
      'sub-01: 1 fits',
      'mode classic',
      'exponent 1.25, R2 0.987, error 0.100',
      '1 peak:',
      '10.0 Hz',
    ];
    for (const text of [
      ...texts,
      'aperiodic part',
      'model',
      'Oz: non_finite',
      'failed: 1',
      'candidate not fitted',
      'overlap',
    ]) {
      expect(svg).toContain(text);
    }
    const panel = JSON.stringify(chart);
    expect(panel).toContain('{"frequency":10,"power":2,"aperiodic":1,"model":2}');
    expect(panel).toContain('{"peak":0,"frequency":10,"low":1,"high":2}');
    expect(panel).not.toContain('"frequency":8,"low"');
    expect(panel).toContain('{"frequency":12,"outcome":"overlap","power":1}');
  });

  test('a spectrum without peaks or without candidates that were not fitted is drawn without a warning', async () => {
    const spectra = [
      { ...spectrum('Cz', 0.1), rejected: [] },
      { ...spectrum('Oz', 0.1), gaussians: [], rejected: [] },
    ];
    const { svg, warnings } = await renderChart(recordingChart({ recording: 'r', spectra, fits, ...rows }));
    expect(warnings).toEqual([]);
    expect(svg).toContain('no peaks');
  });

  test('of many spectra those with the largest error are drawn, in their order', () => {
    const spectra = Array.from({ length: 50 }, (_, i) => spectrum(`E${i}`, ((i * 7) % 50) / 100));
    const chart = JSON.stringify(recordingChart({ recording: 'sub-01', spectra, fits, ...rows }));
    expect(chart).toContain('36 of 50 fits, those with the largest error');
    expect(chart.match(/"text":"E\d+"/g)).toHaveLength(36);
    expect(chart).not.toContain('"text":"E0"');
    expect(chart).toContain('"text":"E7"');
  });
});
