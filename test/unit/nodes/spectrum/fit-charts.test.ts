import { expect, test } from 'vitest';

import { cohortChart } from '../../../../src/nodes/spectrum/fit-charts.js';

const columns = ['recording', 'channel', 'offset', 'exponent', 'r_squared', 'error', 'n_peaks', 'status'];
const peakColumns = ['recording', 'channel', 'center_frequency', 'power', 'bandwidth'];

test('the chart of a cohort shows evenly spaced fits as numbers, counts all, and names failures', () => {
  const good = Array.from({ length: 6000 }, (_, i) => ['a', 'Cz', '1', String(i), '0.9', '0.1', '2', 'ok']);
  const failed = ['b', '7', null, null, null, null, '0', 'non_finite'];
  const chart = JSON.stringify(
    cohortChart({ columns, rows: [...good, failed] }, { columns: peakColumns, rows: [] }),
  );

  expect(chart).toContain('3000 of 6000 fits, 0 peaks, 1 failed');
  expect(chart).toContain('{"exponent":0},{"exponent":2},{"exponent":4}');
  expect(chart).toContain('b 7: non_finite');
});
