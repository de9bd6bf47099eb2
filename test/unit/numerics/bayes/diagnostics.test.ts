import { describe, expect, test } from 'vitest';

import {
  bfmi,
  essBulk,
  essMean,
  essTail,
  mcseMean,
  mcseSd,
  quantileOf,
  rHat,
} from '../../../../src/numerics/bayes/diagnostics.js';
import { shortestInterval } from '../../../../src/numerics/bayes/posterior.js';
import { seededRandom } from '../../../../src/numerics/random.js';
import { normalQuantile } from '../../../../src/numerics/special/normal-quantile.js';

/** First-order autoregressive chains, chain c raised by c * shift. */
function chainsOf(phi: number, draws: number, count: number, shift: number): Float64Array[] {
  return Array.from({ length: count }, (_, c) => {
    const random = seededRandom(7, `c${c}`);
    let value = 0;
    return Float64Array.from({ length: draws }, () => {
      value = phi * value + random.normal();
      return value + shift * c;
    });
  });
}

describe('diagnostics agree with the R package posterior 1.4.0', () => {
  const plain = chainsOf(0, 200, 4, 0);
  // rhat, ess_bulk, ess_tail, ess_mean, mcse_mean, mcse_sd; tolerance 1e-11: the same formulas in another order.
  test.each([
    [
      'independent draws',
      plain,
      [
        0.9981880384958937, 795.6204222288156, 729.2205416397616, 800.4259101357604, 0.0347903915497726,
        0.0260340906133816,
      ],
    ],
    [
      'slow chains',
      chainsOf(0.9, 500, 4, 0),
      [
        1.041271187661199, 69.486071899684333, 93.345599128341419, 68.822916645117033, 0.290690427115997,
        0.165871542630718,
      ],
    ],
    [
      'antithetic draws, odd number',
      chainsOf(-0.5, 301, 3, 0),
      [
        0.998448535442309, 2296.93233688065, 760.787709472062, 2246.81194502305, 0.0231524470767643,
        0.0301486371745449,
      ],
    ],
    [
      'chains that disagree',
      chainsOf(0.5, 100, 2, 1),
      [
        1.121972938831177, 16.147452904503517, 65.833449921497319, 13.360685010867348, 0.373260482558189,
        0.113785793150448,
      ],
    ],
    [
      'short chains',
      chainsOf(0.3, 50, 4, 0),
      [
        1.0268096562582274, 137.29234499904382, 127.9546412289774224, 139.344815179973, 0.090643073594172,
        0.0704677131197236,
      ],
    ],
    [
      'whole numbers with ties',
      plain.map((x) => x.map(Math.round)),
      [
        1.000839290252646, 766.9204356677058, 740.5851895712972, 766.2615297632684, 0.0370729457105547,
        0.027855338404121,
      ],
    ],
    [
      'a heavy tail',
      plain.map((x) => x.map((v) => Math.exp(3 * v))),
      [
        0.998188038495894, 795.620422228815642, 729.220541639761564, 841.597030111344225, 10.916251346793452,
        70.050724571706425,
      ],
    ],
  ])('%s', (_name, chains, wanted) => {
    const found = [rHat, essBulk, essTail, essMean, mcseMean, mcseSd].map((of) => of(chains));
    for (const [i, value] of found.entries()) expect(value / wanted[i]!).toBeCloseTo(1, 11);
  });
});

test('constants, missing numbers and very short chains have no diagnostics', () => {
  const bad = [[new Float64Array(10)], [Float64Array.of(1, 2, 3, NaN, 5)], [Float64Array.of(1, 2, 3)], []];
  for (const chains of bad) for (const of of [rHat, essBulk, essTail, essMean]) expect(of(chains)).toBeNaN();
});

test('energies of independent draws carry all information, those of a slow walk little', () => {
  const random = seededRandom(1, 'energy');
  const fresh = Float64Array.from({ length: 4000 }, () => random.normal());
  let at = 0;
  const slow = fresh.map((value) => (at = 0.99 * at + value));
  expect(bfmi(fresh)).toBeCloseTo(2, 0);
  expect(bfmi(slow)).toBeLessThan(0.05);
});

test('quantiles interpolate, and the shortest interval leaves out the long tail', () => {
  expect(quantileOf([Float64Array.of(4, 1), Float64Array.of(2, 3)], 0.5)).toBe(2.5);
  expect(shortestInterval(Float64Array.of(0, 1, 1.1, 1.2, 1.3, 1.4, 9), 0.6)).toEqual([1, 1.4]);
});

test('normal quantiles', () => {
  // scipy.stats.norm.ppf
  expect(normalQuantile(1e-300) / -37.0470962993612).toBeCloseTo(1, 13);
  expect(normalQuantile(0.01)).toBeCloseTo(-2.3263478740408408, 13);
  expect(normalQuantile(0.6)).toBeCloseTo(0.2533471031357997, 14);
  expect(normalQuantile(0.925)).toBeCloseTo(1.4395314709384563, 13);
  expect([normalQuantile(0), normalQuantile(1), normalQuantile(1.1)]).toEqual([-Infinity, Infinity, NaN]);
});
