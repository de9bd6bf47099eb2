import { describe, expect, test } from 'vitest';

import { FIT_WARNINGS, fitWarnings, type WatchedFit } from '../../../../src/numerics/fooof/fit-warnings.js';
import {
  addResiduals,
  addSums,
  emptySums,
  frequencyErrors,
} from '../../../../src/numerics/fooof/residual-sums.js';

const FREQ = Float64Array.from({ length: 60 }, (_, i) => 1 + i);
const GOOD: WatchedFit = {
  aperiodic: [1, 1],
  gaussians: [[10, 0.5, 1.5]],
  peaks: [[10, 0.5, 3]],
  rSquared: 0.95,
  error: 0.05,
  lowResidual: 0.01,
};

describe('warnings of a fit', () => {
  const limits = { peak_width_limits: [2, 8] as [number, number] };
  test.each([
    [{}, []],
    [{ gaussians: [[10, 0.5, 1]] }, ['bandwidth_at_limit']],
    [{ gaussians: [[10, 0.5, 3.9999]] }, ['bandwidth_at_limit']],
    [{ gaussians: [[10, 0, 1.5]] }, ['peak_without_height']],
    [{ peaks: [[1.5, 0.5, 3]] }, ['center_at_edge']],
    [{ aperiodic: [1, -2, 1] }, ['negative_knee']],
    [{ aperiodic: [1, 100, 2] }, []],
    [{ aperiodic: [1, 1e6, 2] }, ['knee_outside']],
    [{ aperiodic: [1, 0.5, 2] }, ['knee_outside']],
    [{ rSquared: 0.79 }, ['low_r_squared']],
    [{ error: 0.16 }, ['high_error']],
    [{ lowResidual: -0.11 }, ['low_frequency_residual']],
    // A tenth of the bins with this error misses as much by chance.
    [{ lowResidual: 0.11, error: 0.14 }, []],
    [{ peaks: [[50.4, 0.5, 3]] }, ['line_noise']],
    [{ peaks: [[58.9, 0.5, 3]] }, []],
    [{ aperiodic: [NaN, NaN], rSquared: 0 }, []],
  ] as Array<[Partial<WatchedFit>, string[]]>)('of %j: %j', (change, expected) => {
    expect(fitWarnings({ ...GOOD, ...change }, FREQ, limits)).toEqual(expected);
  });

  test('all have words; a limit within 1.5 bins is one', () => {
    expect(fitWarnings(GOOD, FREQ, { peak_width_limits: [1.5, 8] })).toEqual(['width_limit']);
    for (const text of Object.values(FIT_WARNINGS)) expect(text.length).toBeGreaterThan(10);
  });
});

test('errors by frequency are means over spectra, in whatever parts they were summed', () => {
  const model = Float64Array.of(1, 1, 1, 1);
  const [first, second] = [emptySums(4), emptySums(4)];
  expect(addResiduals(first, [1.1, 0.9, 1, 1], model)).toBeCloseTo(0, 12);
  expect(addResiduals(second, [1.3, 1, 1, 0.6], model)).toBeCloseTo(0.1, 12);
  const { mean, sd, residual, power, powerSd } = frequencyErrors(addSums(first, second));
  [0.2, 0.05, 0, 0.2].forEach((value, i) => expect(mean[i]).toBeCloseTo(value, 12));
  [0.1, 0.05, 0, 0.2].forEach((value, i) => expect(sd[i]).toBeCloseTo(value, 7));
  [0.2, -0.05, 0, -0.2].forEach((value, i) => expect(residual[i]).toBeCloseTo(value, 12));
  [1.2, 0.95, 1, 0.8].forEach((value, i) => expect(power[i]).toBeCloseTo(value, 12));
  [0.1, 0.05, 0, 0.2].forEach((value, i) => expect(powerSd[i]).toBeCloseTo(value, 7));
  expect(frequencyErrors(emptySums(1)).mean[0]).toBeNaN();
});
