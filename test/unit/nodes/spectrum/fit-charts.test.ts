import { expect, test } from 'vitest';

import { cohortChart } from '../../../../src/nodes/spectrum/fit-charts.js';
import type { WatchedFits } from '../../../../src/nodes/spectrum/fit-sidecar.js';

const columns = ['recording', 'channel', 'offset', 'exponent', 'r_squared', 'error', 'n_peaks', 'status'];
const peakColumns = ['recording', 'channel', 'center_frequency', 'power', 'bandwidth'];

/** Fits with a mean error per frequency and no spread. */
const watched = (name: string, spectra: number, mean: [number, number]): WatchedFits => ({
  fitted: { recording: name, range: [1, 2], bins: 2, spectra },
  errors: { spectra, mean_error: mean, sd_error: [0, 0], mean_residual: mean },
  warnings: [{ warning: 'line_noise', meaning: '', spectra: Array.from({ length: spectra }, String) }],
});

test('the chart of a cohort shows evenly spaced fits as numbers, counts all, and names failures', () => {
  const good = Array.from({ length: 6000 }, (_, i) => ['a', 'Cz', '1', String(i), '0.9', '0.1', '2', 'ok']);
  const failed = ['b', '7', null, null, null, null, '0', 'non_finite'];
  const chart = JSON.stringify(
    cohortChart({ columns, rows: [...good, failed] }, { columns: peakColumns, rows: [] }, [
      watched('a', 2, [0.1, 0.3]),
      watched('b', 1, [0.4, 0.3]),
      { ...watched('c', 1, [0.4, 0.3]), fitted: { recording: 'c', range: [1, 3], bins: 2, spectra: 1 } },
    ]),
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
