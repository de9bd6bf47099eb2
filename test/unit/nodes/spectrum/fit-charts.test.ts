import { describe, expect, test } from 'vitest';

import { renderChart } from '../../../../src/io/index.js';
import { conditionPanel } from '../../../../src/nodes/spectrum/condition-panel.js';
import { conditionOf } from '../../../../src/nodes/spectrum/conditions.js';
import { cohortChart } from '../../../../src/nodes/spectrum/fit-charts.js';
import type { WatchedFits } from '../../../../src/nodes/spectrum/fit-sidecar.js';

const columns = ['recording', 'channel', 'offset', 'exponent', 'r_squared', 'error', 'n_peaks', 'status'];
const peakColumns = ['recording', 'channel', 'center_frequency', 'power', 'bandwidth'];

/** Fits with a mean error per frequency and no spread. */
const watched = (name: string, spectra: number, mean: [number, number]): WatchedFits => ({
  fitted: { recording: name, range: [1, 2], bins: 2, spectra },
  errors: { spectra, mean_error: mean, sd_error: [0, 0], mean_residual: mean },
  spectrum: { mean_power: mean, sd_power: [0, 0], mean_model: mean },
  warnings: [{ warning: 'line_noise', meaning: '', spectra: Array.from({ length: spectra }, String) }],
});

test('the chart of a cohort shows evenly spaced fits as numbers, counts all, and names failures', () => {
  const good = Array.from({ length: 6000 }, (_, i) => ['a', 'Cz', '1', String(i), '0.9', '0.1', '2', 'ok']);
  const failed = ['b', '7', null, null, null, null, '0', 'non_finite'];
  const chart = JSON.stringify(
    cohortChart(
      { columns, rows: [...good, failed] },
      { columns: peakColumns, rows: [] },
      [
        watched('a', 2, [0.1, 0.3]),
        watched('b', 1, [0.4, 0.3]),
        {
          ...watched('c', 1, [0.4, 0.3]),
          fitted: { recording: 'c', range: [1, 3] as [number, number], bins: 2, spectra: 1 },
        },
      ].map((one) => ({ watched: one, condition: null })),
      { condition: null, bands: {}, frequencyScale: 'linear' },
    ),
  );

  expect(chart).toContain('3000 of 6000 fits, 0 peaks, 1 failed');
  expect(chart).toContain('{"exponent":0},{"exponent":2},{"exponent":4}');
  expect(chart).toContain('b 7: non_finite');
  // Recordings of one frequency axis are pooled: 0.1, 0.1 and 0.4.
  expect(chart).toContain('error by frequency, 3 fits');
  expect(chart).toContain('{"frequency":1,"mean":0.2,"low":0.05857');
  expect(chart).toContain('{"frequency":2,"mean":0.3,"low":0.3,"high":0.3,"residual":0.3}');
  expect(chart).toContain('error by frequency, 1 fits');
  expect(chart).toContain('line_noise, 4 of 4 spectra: a peak lies within 1 Hz of 50 or 60 Hz');
  expect(chart).toContain('a (2), b (1), c (1)');
});

describe('mean spectra', () => {
  const given = (
    [
      ['a', 'rest', [1, 2]],
      ['b', 'rest', [3, 2]],
      ['c', 'task', [5, 4]],
      ['d', null, [7, 6]],
    ] as const
  ).map(([name, condition, power]) => ({ condition, watched: watched(name, 1, [...power]) }));

  test('are a line per recording, and mean, SD over recordings and mean model of each condition', async () => {
    const panel = conditionPanel(given, 'task', { low: [1, 1.5], beyond: [3, 4] }, 'linear');
    const text = JSON.stringify(panel);
    expect(panel.data.values).toEqual([
      { condition: 'n/a', frequency: 1, mean: 7, low: 7, high: 7, model: 7 },
      { condition: 'n/a', frequency: 2, mean: 6, low: 6, high: 6, model: 6 },
      { condition: 'rest', frequency: 1, mean: 2, low: 1, high: 3, model: 2 },
      { condition: 'rest', frequency: 2, mean: 2, low: 2, high: 2, model: 2 },
      { condition: 'task', frequency: 1, mean: 5, low: 5, high: 5, model: 5 },
      { condition: 'task', frequency: 2, mean: 4, low: 4, high: 4, model: 4 },
    ]);
    expect(text).toContain('{"recording":"b","condition":"rest","frequency":2,"power":2}');
    expect(text).toContain('{"band":"low","from":1,"to":1.5,"middle":1.25}');
    expect(text).not.toContain('beyond');
    const { svg, warnings } = await renderChart({ $schema: '', ...panel } as never);
    expect(warnings).toEqual([]);
    expect(svg).toContain('mean spectra: 4 recordings, mean of task with SD over recordings');
  });

  test('without conditions are one; a recording without a fit has none', () => {
    const failed = watched('e', 1, [0, 0]);
    const none = { mean_power: [null, null], sd_power: [null, null], mean_model: [null, null] };
    const all = [...given, { condition: null, watched: { ...failed, spectrum: none } }];
    const panel = conditionPanel(all, null, {}, 'linear');
    expect(panel.data.values).toEqual([
      { condition: 'all recordings', frequency: 1, mean: 4, low: 1.7639, high: 6.2361, model: 4 },
      { condition: 'all recordings', frequency: 2, mean: 3.5, low: 1.8417, high: 5.1583, model: 3.5 },
    ]);
  });
});

test('a condition is an entity of the name, or what the participants are', () => {
  const people = {
    columns: ['participant_id', 'group'],
    rows: [
      ['sub-01', 'a'],
      ['sub-02', null],
    ],
  };
  const name = 'sub-01/eeg/sub-01_task-rest_eeg';
  expect(conditionOf(name, 'task', people)).toBe('rest');
  expect(conditionOf(name, 'group', people)).toBe('a');
  expect(conditionOf(name, 'group', null)).toBeNull();
  expect(conditionOf('sub-02/rest', 'group', people)).toBeNull();
  expect(conditionOf('sub-011/rest', 'group', people)).toBeNull();
  expect(conditionOf('sub-01/rest', 'tas', people)).toBeNull();
});
