import { expect, test } from 'vitest';

import {
  benjaminiHochberg,
  groupTests,
  permutationalAnova,
  seededRandom,
  type FeatureTest,
} from '../../../../src/numerics.js';

test('adjusted p values are those of the definition, and a test that was not made takes no part', () => {
  // By hand: sorted .01 .02 .03 .5 of 4; p m / rank = .04 .04 .04 .5.
  expect(Array.from(benjaminiHochberg([0.02, 0.5, NaN, 0.01, 0.03]))).toEqual([0.04, 0.5, NaN, 0.04, 0.04]);
  expect(Array.from(benjaminiHochberg([]))).toEqual([]);
});

test('a clear difference is found, noise is not, and the family counts all features', () => {
  const random = seededRandom(3, 'test values');
  const groups = Array.from({ length: 24 }, (_, i) => i % 2);
  const shifted = Float64Array.from(groups, (group) => random.normal() + 4 * group);
  const noise = Float64Array.from(groups, () => random.normal());
  const [first, second] = groupTests([shifted, noise], groups, seededRandom(1, 'labels'), 999);
  expect(first!.p).toBe(1 / 1000);
  expect(first!.pFamily).toBe(1 / 1000);
  expect(first!.effect).toBeLessThan(-2);
  expect(second!.p).toBeGreaterThan(0.05);
  expect(second!.pFamily).toBeGreaterThan(second!.p);
  const again = groupTests([shifted, noise], groups, seededRandom(1, 'labels'), 999);
  expect(again).toEqual([first, second]);
});

test('statistics agree with their formulas', () => {
  // Groups 1 2 3 and 2 4 9: means 2 and 5, variances 1 and 13.
  const values = Float64Array.of(1, 2, 3, 2, 4, 9);
  const [two] = groupTests([values], [0, 0, 0, 1, 1, 1], seededRandom(1, 'labels'), 9);
  expect(two!.means).toEqual([2, 5]);
  expect(two!.statistic).toBeCloseTo(-3 / Math.sqrt(14 / 3), 12);
  expect(two!.effect).toBeCloseTo((-3 / Math.sqrt(7)) * (1 - 3 / 15), 12);
  // Three groups 1 3, 2 4, 9 11: between 2 (4 + 1 + 25) - ... by hand F = 76 / 2 / (6 / 3).
  const three = groupTests(
    [Float64Array.of(1, 3, 2, 4, 9, 11)],
    [0, 0, 1, 1, 2, 2],
    seededRandom(1, 'labels'),
    9,
  );
  expect(three[0]!.statistic).toBeCloseTo(76 / 2 / 2, 12);
});

test('p values of noise are uniform', () => {
  const random = seededRandom(8, 'noise');
  const groups = Array.from({ length: 12 }, (_, i) => Math.floor(i / 6));
  const features = Array.from({ length: 200 }, () => Float64Array.from(groups, () => random.normal()));
  const tests = groupTests(features, groups, seededRandom(2, 'labels'), 199);
  const below = tests.filter(({ p }) => p <= 0.2).length;
  // 200 tests with chance 0.2: 40, standard deviation 5.7.
  expect(below).toBeGreaterThan(20);
  expect(below).toBeLessThan(60);
});

test('labellings that separate everything are the most extreme, also where their sums are rounded', () => {
  const groups = [0, 0, 0, 0, 1, 1, 1, 1];
  const [apart, three] = [
    groupTests([Float64Array.from(groups, (g) => 0.1 + 0.7 * g)], groups, seededRandom(1, 'labels'), 4999),
    groupTests(
      [Float64Array.of(0.1, 0.1, 0.3, 0.3, 0.7, 0.7)],
      [0, 0, 1, 1, 2, 2],
      seededRandom(1, 'labels'),
      999,
    ),
  ].map(([test]) => test!) as [FeatureTest, FeatureTest];
  expect(apart.statistic).toBe(-Infinity);
  expect(apart.effect).toBeNaN();
  // 2 of the 70 ways to choose four of eight.
  expect(Math.abs(apart.p - 2 / 70)).toBeLessThan(0.01);
  expect(three.statistic).toBe(Infinity);
  // 6 of 90.
  expect(Math.abs(three.p - 6 / 90)).toBeLessThan(0.03);
});

test('values that are missing or never vary give no test, and groups of one are refused', () => {
  const groups = [0, 0, 0, 1, 1, 1];
  const [constant, missing] = groupTests(
    [new Float64Array(6).fill(2), Float64Array.of(1, 2, 3, 4, NaN, NaN)],
    groups,
    seededRandom(1, 'labels'),
    9,
  );
  expect(constant!.p).toBeNaN();
  expect(missing!.p).toBeNaN();
  expect(missing!.n).toBe(4);
  expect(() => groupTests([new Float64Array(3)], [0, 0, 1], seededRandom(1, 'labels'))).toThrow(
    'groups of 2, 1 subjects cannot be compared',
  );
});

test('distances between two separate clusters lie between the groups', () => {
  const places = [0, 0.1, 0.2, 5, 5.1, 5.2];
  const distances = Float64Array.from({ length: 36 }, (_, i) =>
    Math.abs(places[Math.floor(i / 6)]! - places[i % 6]!),
  );
  const found = permutationalAnova(distances, [0, 0, 0, 1, 1, 1], seededRandom(1, 'labels'), 199);
  // In one dimension the pseudo-F is the F of the places: between 37.5, within 0.04 with 4 degrees of freedom.
  expect(found.pseudoF).toBeCloseTo(37.5 / (0.04 / 4), 6);
  expect(found.r2).toBeCloseTo(37.5 / 37.54, 12);
  // 2 of the 20 labellings are this one.
  expect(found.p).toBeGreaterThan(0.05);
  expect(found.p).toBeLessThan(0.2);
});

test('a distance that is NaN leaves no p; distances that are all 0 differ in no way', () => {
  const distances = new Float64Array(36);
  const labels = [0, 0, 0, 1, 1, 1];
  expect(permutationalAnova(distances, labels, seededRandom(1, 'labels'), 99).p).toBe(1);
  distances[1] = distances[6] = NaN;
  expect(permutationalAnova(distances, labels, seededRandom(1, 'labels'), 99).p).toBeNaN();
});
