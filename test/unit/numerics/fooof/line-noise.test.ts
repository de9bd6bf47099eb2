import { expect, test } from 'vitest';

import { interpolateLineNoise } from '../../../../src/numerics/fooof/line-noise.js';
import { simulateSpectrum } from '../../../../src/numerics/fooof/simulate.js';

const FREQUENCIES = Float64Array.from({ length: 199 }, (_, i) => 1 + 0.5 * i);
const power = (noise: readonly number[]) =>
  FREQUENCIES.map((f) => 10 ** (2 - 1.3 * Math.log10(f) + (noise.includes(f) ? 2 : 0)));

test('line noise on a power law is replaced by the law, at two places', () => {
  const noisy = power([49.5, 50, 50.5, 99.5, 100]);
  expect(() => interpolateLineNoise(FREQUENCIES, noisy, [[49, 51], [99, 100]])).toThrow('no bin lies above'); // prettier-ignore
  const given = power([49.5, 50, 50.5, 75]);
  const clean = interpolateLineNoise(FREQUENCIES, given, [
    [49, 51],
    [74.5, 75.5],
  ]);
  const law = power([]);
  clean.forEach((value, i) => expect(value / law[i]!).toBeCloseTo(1, 3));
  expect(given[98]).toBe(power([50])[98]);
  // Bins outside of the ranges are those that were given.
  expect(clean[90]).toBe(given[90]);
});

test('the line runs from the median of three bins to the median of three bins', () => {
  const f = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000];
  const p = [1, 1000, 10, 7, 1e5, 1e4, 1e9];
  // Below: 10 at 10 Hz (medians of the logarithms); above: 1e5 at 1e5 Hz; 1000 Hz is half of the way.
  expect(interpolateLineNoise(f, p, [[1000, 1000]])[3]).toBeCloseTo(1e3, 6);
  expect(interpolateLineNoise(f, p, [[1000, 1000]], { buffer: 1 })[3]).toBeCloseTo(10 ** 3, 6);
  expect(interpolateLineNoise(f, p, [[10, 10]], { buffer: 1 })[1]).toBeCloseTo(10 ** 0.5, 6);
});

test('a range with noise beside it does not take that noise for its level', () => {
  const clean = interpolateLineNoise(FREQUENCIES, power([50, 51]), [
    [50, 50],
    [50.5, 51],
  ]);
  clean.forEach((value, i) => expect(value / power([])[i]!).toBeCloseTo(1, 2));
});

test('wrong input is refused by name', () => {
  const { frequenciesHz: f, power: p } = simulateSpectrum({ seed: 1 });
  expect(() => interpolateLineNoise(f, p, [[50, 52]])).toThrow(
    'no bin lies between 50 and 52 Hz; the spectrum reaches from 1 to 40 Hz',
  );
  expect(() => interpolateLineNoise(f, p, [[1, 2]])).toThrow(
    'no bin lies below the range from 1 to 2 Hz; the spectrum reaches from 1 to 40 Hz',
  );
  expect(() => interpolateLineNoise(f, p.slice(1), [[10, 11]])).toThrow(
    '78 power values do not fit 79 frequencies',
  );
  expect(() => interpolateLineNoise(f, p, [[10, 11]], { buffer: 0 })).toThrow(
    'buffer 0 is no number of bins',
  );
});
