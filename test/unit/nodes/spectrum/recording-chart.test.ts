import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { renderChart } from '../../../../src/io/index.js';
import { FooofSpy } from '../../../../src/nodes/spectrum/fooof-spy.js';
import { fittedSpectra, trialStarts } from '../../../../src/nodes/spectrum/plot-channels.js';
import { thresholdLevels } from '../../../../src/nodes/spectrum/flattened-panel.js';
import { recordingChart } from '../../../../src/nodes/spectrum/recording-chart.js';
import { scalpPositions } from '../../../../src/nodes/spectrum/scalp-positions.js';
import type { FittedSpectrum } from '../../../../src/nodes/spectrum/spectrum-panel.js';
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
    { channel: 'A', trial: 4, center_frequency: 10, power: 0.8, bandwidth: 3, outcome: 'fitted' },
    { channel: 'A', trial: 4, center_frequency: 3, power: 0.2, bandwidth: null, outcome: 'edge' },
    { channel: 'A', trial: 0, center_frequency: 20, power: 0.2, bandwidth: 1, outcome: 'overlap' },
  ];
  const settings = { mode: 'classic', peak_threshold: 2, min_peak_height: 0.15 } as const;
  return fittedSpectra(...read, { keepTrials, blockWidth, candidates, settings });
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
    expect(spectra[3]!.thresholds).toEqual({
      candidates: [[10, 0.8, 1.5]],
      peakThreshold: 2,
      minPeakHeight: 0.15,
    });
    expect(spectra[3]!.peaks).toEqual(own.peak_params);
    expect(spectra[3]!.parameters).toEqual(own.aperiodic_params);
    expect(spectra[4]!.rejected).toEqual([]);
  });

  test('are means over trials when those are not kept', async () => {
    const spectra = await containers(false, null);
    expect(spectra.map(({ title }) => title)).toEqual(['A', 'B', 'C']);
    expect(spectra[0]!.power[30]).toBeCloseTo(Math.log10((power(0, 0)[30]! + power(1, 0)[30]!) / 2), 12);
  });
});

test('trials start when their first samples were taken; spectra tell no time', () => {
  const trialdefinition = [[250, 750, 0], [1000, 1500, 0]] as const; // prettier-ignore
  const series = { ...recording(), trialdefinition, samplerate: 250 };
  expect([...trialStarts(series)!]).toEqual([[0, 1], [4, 4]]); // prettier-ignore
  expect(trialStarts(recording())).toBeNull();
});

describe('the chart of a recording', () => {
  const spectrum = (title: string, error: number): FittedSpectrum => ({
    ...{ title, error, rSquared: 0.987, parameters: [1, 1.25], frequencies: [8, 9, 10, 11, 12] },
    ...{ power: [1, 1, 2, 1, 1], aperiodic: [1, 1, 1, 1, 1], gaussians: [[10, 1, 0.5]] },
    ...{ peaks: [[10, 1, 1]], rejected: [{ frequency: 12, outcome: 'overlap' }] },
    thresholds: { candidates: [[10, 1, 0.5]], peakThreshold: 2, minPeakHeight: 0.15 },
  });
  const fits = [
    { channel: 'Cz', offset: 1, exponent: 1.25, r_squared: 0.987, error: 0.1, n_peaks: 1, status: 'ok' },
    {
      ...{ channel: 'Oz', offset: null, exponent: null, r_squared: null, error: null, n_peaks: 0 },
      status: 'non_finite',
    },
  ];
  const charts = {
    recording: 'sub-01',
    fits,
    peaks: [{ channel: 'Cz', center_frequency: 10, power: 1, bandwidth: 1 }],
    settings: 'mode classic',
    watched: {
      fitted: { recording: 'sub-01', range: [8, 12] as [number, number], bins: 5, spectra: 2 },
      errors: {
        ...{ spectra: 1, mean_error: [0, 0, 0.1, 0, 0.5], sd_error: [0, 0, 0, 0, 0.25] },
        mean_residual: [0, 0, -0.1, 0, 0.5],
      },
      spectrum: { mean_power: [], sd_power: [], mean_model: [] },
      warnings: [{ warning: 'center_at_edge' as const, meaning: 'at an end', spectra: ['Cz'] }],
    },
    bands: { alpha: [7, 14] as const },
    frequencyScale: 'linear' as const,
    positions: null,
    trialStarts: null,
  };

  test('frequencies stand on a logarithmic axis where that is asked for, bands with them', async () => {
    const given = { ...charts, spectra: [spectrum('Cz', 0.1)] };
    const chart = recordingChart({ ...given, frequencyScale: 'log' });
    const text = JSON.stringify(chart);
    const axes = text.match(/"x":\{"field":"(frequency|from|middle)"[^}]*\}?/g)!;
    expect(axes.length).toBeGreaterThan(5);
    for (const axis of axes) expect(axis).toContain('"type":"log"');
    expect(JSON.stringify(recordingChart(given))).not.toContain('"type":"log"');
    expect((await renderChart(chart)).warnings).toEqual([]);
  });

  test('names channel, parameters, components, thresholds, warnings and failures', async () => {
    const chart = recordingChart({ ...charts, spectra: [spectrum('Cz', 0.1)] });
    const { svg, warnings } = await renderChart(chart);
    expect(warnings).toEqual([]);
    for (const text of [
      ...['sub-01: 1 fits', 'mode classic', 'offset 1.00, exponent 1.25', 'R2 0.987, error 0.100'],
      ...['1 peak', '10.0 Hz, power 1.00, width 1.0 Hz', 'aperiodic part', 'model'],
      ...['candidate not fitted', 'overlap', 'peak_threshold', 'min_peak_height', 'mean, SD'],
      ...['error by frequency, 1 fits', 'mean residual', 'warnings: 1', 'failed: 1', 'Oz: non_finite'],
      ...['center_at_edge, 1 of 2 spectra: at an end', 'alpha: centre (Hz)', '2 channels, 1 trials'],
    ]) {
      expect(svg).toContain(text);
    }
    const panel = JSON.stringify(chart);
    expect(panel).toContain('{"frequency":10,"power":2,"aperiodic":1,"model":2}');
    expect(panel).toContain('{"peak":0,"frequency":10,"low":1,"high":2}');
    expect(panel).not.toContain('"frequency":8,"low"');
    expect(panel).toContain('{"frequency":12,"outcome":"overlap","power":1}');
    expect(panel).toContain('{"frequency":12,"mean":0.5,"low":0.25,"high":0.75,"residual":0.5}');
    // A band without a peak is a cell without a value.
    expect(panel).toContain('{"channel":"Oz","trial":0,"value":null}');
  });

  test('shows the head where positions are known, the channel without a peak in grey', async () => {
    const r = Math.SQRT1_2;
    const positions = scalpPositions(
      new Map([
        ['Cz', [0, 0, 1]],
        ['Oz', [0, -1, 0]],
        ['T8', [1, 0, 0]],
        ['AFz', [0, r, r]],
      ] as const),
    );
    expect([...positions!]).toEqual([
      ['Cz', [0, 0]],
      ['Oz', [0, -1]],
      ['T8', [1, 0]],
      ['AFz', [0, 0.5]],
    ]);
    const chart = recordingChart({ ...charts, spectra: [spectrum('Cz', 0.1)], positions });
    const text = JSON.stringify(chart);
    expect(text).toContain('{"values":[{"channel":"Oz","x":0,"y":-1,"value":null}]}');
    expect(text).toContain('{"values":[{"channel":"Cz","x":0,"y":0,"value":10}]}');
    expect(text).not.toContain('T8');
    expect(text).not.toContain('2 channels, 1 trials');
    expect((await renderChart(chart)).warnings).toEqual([]);
    const flat = new Map([
      ['A', [0, 0, 0]],
      ['B', [1, 0, 0]],
      ['C', [0, 1, 0]],
      ['D', [1, 1, 0]],
    ] as const);
    expect(scalpPositions(flat)).toBeNull();
  });

  test('follows channels over the time of their trials, with mean and SD; values that are missing are left out', async () => {
    const row = (channel: string, trial: number, exponent: number | null) => ({
      ...{ channel, trial, offset: 1, exponent, r_squared: 0.9, error: 0.1, n_peaks: 1 },
      status: exponent === null ? 'non_finite' : 'ok',
    });
    const followed = [row('Cz', 0, 1), row('Oz', 0, 2), row('Cz', 3, 2), row('Oz', 3, null)];
    const peaks = [{ channel: 'Cz', trial: 3, center_frequency: 10, power: 1, bandwidth: 1 }];
    const spectra = [spectrum('Cz trial 0', 0.1)];
    const rest = { ...charts, spectra, fits: followed, peaks };
    const chart = recordingChart({ ...rest, trialStarts: new Map([[0, 5], [3, 17.5]]) }); // prettier-ignore
    const { svg, warnings } = await renderChart(chart);
    expect(warnings).toEqual([]);
    for (const text of ['over time: 2 trials, 2 channels, mean and SD of all', 'start of the trial (s)']) {
      expect(svg).toContain(text);
    }
    const text = JSON.stringify(chart);
    // The exponent, then the centre of a band that one of four fits has.
    expect(text).toContain(
      '[{"time":5,"mean":1.5,"low":1,"high":2},{"time":17.5,"mean":2,"low":2,"high":2}]',
    );
    expect(text).toContain(
      '[{"time":5,"mean":null,"low":null,"high":null},{"time":17.5,"mean":10,"low":10,"high":10}]',
    );
    expect(text).toContain('{"channel":"Oz","time":17.5,"value":null}');
    expect(JSON.stringify(recordingChart({ ...rest, trialStarts: null }))).toContain('"title":"trial"');
    // One stretch is no course of time.
    expect(JSON.stringify(recordingChart({ ...charts, spectra }))).not.toContain('over time');
  });

  test('the relative threshold is that of what the candidates leave', () => {
    const frequencies = [8, 9, 10, 11, 12];
    const peak = (f: number) => Math.exp(-((f - 10) ** 2) / 0.5);
    const rest = [0.1, -0.1, 0.1, -0.1, 0];
    const flat = frequencies.map((f, i) => peak(f) + rest[i]!);
    const sd = Math.sqrt(rest.reduce((sum, value) => sum + value ** 2, 0) / 5);
    const given = { candidates: [[10, 1, 0.5]] as const, peakThreshold: 2, minPeakHeight: 0.15 };
    const [relative, absolute] = thresholdLevels(flat, frequencies, given);
    expect(relative!.level).toBeCloseTo(2 * sd, 4);
    expect(absolute).toEqual({ name: 'min_peak_height', level: 0.15 });
  });

  test('a spectrum without peaks or without candidates that were not fitted is drawn without a warning', async () => {
    const spectra = [
      { ...spectrum('Cz', 0.1), rejected: [] },
      { ...spectrum('Oz', 0.1), gaussians: [], peaks: [], rejected: [], thresholds: null },
    ];
    const { svg, warnings } = await renderChart(recordingChart({ ...charts, spectra }));
    expect(warnings).toEqual([]);
    expect(svg).toContain('no peaks');
  });

  test('of many spectra those with the largest error are drawn, in their order', () => {
    const spectra = Array.from({ length: 50 }, (_, i) => spectrum(`E${i}`, ((i * 7) % 50) / 100));
    const chart = recordingChart({ ...charts, spectra }) as unknown as { vconcat: unknown[] };
    const [panels, flattened] = chart.vconcat.map((part) => JSON.stringify(part));
    expect(JSON.stringify(chart)).toContain('36 of 50 fits, those with the largest error');
    expect(panels!.match(/"text":"E\d+"/g)).toHaveLength(36);
    expect(panels).not.toContain('"text":"E0"');
    expect(panels).toContain('"text":"E7"');
    expect(flattened).toContain('flattened: 8 of 50 fits');
  });
});
