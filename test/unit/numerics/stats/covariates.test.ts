import { describe, expect, test } from 'vitest';

import {
  adjustedGroupTests,
  adjustedPermutationalAnova,
  groupTests,
  seededRandom,
} from '../../../../src/numerics.js';
import { canAdjust } from '../../../../src/numerics/stats/covariate-test.js';

/** A cohort in which the older are in the second group, and the feature follows age. */
function cohort(effect: number, n = 40) {
  const random = seededRandom(11, 'cohort');
  const groups = Array.from({ length: n }, (_, i) => (i < n / 2 ? 0 : 1));
  const age = Float64Array.from(groups, (group) => 50 + 8 * group + 6 * random.normal());
  const values = Float64Array.from(
    groups,
    (group, i) => 3 + 0.2 * age[i]! - effect * group + random.normal(),
  );
  return { groups, age, values };
}

describe('features with covariates', () => {
  test('t is that of least squares', () => {
    // y = group + covariate; solved by hand: the residual part of the group is (-1, 1, -1, 1) / 2 about the rest.
    const groups = [0, 1, 0, 1, 0, 1];
    const covariate = Float64Array.of(0, 0, 1, 1, 2, 2);
    const values = Float64Array.of(1, 3, 2, 4.5, 3, 5);
    const [found] = adjustedGroupTests([values], groups, [covariate], seededRandom(1, 'a'), 99);
    // Means 2 and 4.1667; slope 1: residuals of the whole model -0, -0.1667, 0, 0.3333, 0, -0.1667.
    const deviation = Math.sqrt((2 / 36 + 1 / 9) / 3);
    expect(found!.statistic).toBeCloseTo(-(13 / 6) / (deviation * Math.sqrt(2 / 3)), 10);
    expect(found!.means[0]).toBeCloseTo(2, 10);
    expect(found!.means[1]).toBeCloseTo(25 / 6, 10);
    expect(found!.sds[0]).toBeCloseTo(0, 10);
    expect(found!.effect).toBeCloseTo((-(13 / 6) / deviation) * (1 - 3 / 11), 10);
  });

  test('a difference that is all age goes away, one beside it is found', () => {
    const same = cohort(0);
    const plain = groupTests([same.values], same.groups, seededRandom(1, 'a'), 999);
    const adjusted = adjustedGroupTests([same.values], same.groups, [same.age], seededRandom(1, 'a'), 999);
    expect(plain[0]!.p).toBeLessThan(0.05);
    expect(adjusted[0]!.p).toBeGreaterThan(0.05);
    // As large as the effect of age, so that the plain means do not differ.
    const other = cohort(1.6);
    const found = adjustedGroupTests([other.values], other.groups, [other.age], seededRandom(1, 'a'), 999);
    expect(found[0]!.p).toBeLessThan(0.01);
    expect(found[0]!.means[0]! - found[0]!.means[1]!).toBeGreaterThan(0.8);
  });

  test('what follows from the covariates may be added to a feature without effect', () => {
    const { groups, age, values } = cohort(0.7);
    const moved = values.map((value, i) => value + 100 - 5 * age[i]!);
    const [one, other] = adjustedGroupTests([values, moved], groups, [age], seededRandom(1, 'a'), 199);
    expect(other!.statistic).toBeCloseTo(one!.statistic, 8);
    expect(other!.p).toBe(one!.p);
  });

  test('labellings that explain everything are the most extreme, and such a feature has no effect size', () => {
    const groups = [0, 0, 0, 0, 1, 1, 1, 1];
    const covariate = Float64Array.of(0, 1, 0, 1, 0, 1, 0, 1);
    const near = Float64Array.of(0, 0, 0, 1, 1, 1, 1, 0);
    const exact = Float64Array.from(groups);
    const [one, two] = adjustedGroupTests([near, exact], groups, [covariate], seededRandom(1, 'a'), 9999);
    // 34 of the 70 places of the residuals above 0: in 2 of them groups explain all, in 2 others the covariate does.
    expect(Math.abs(one!.p - 34 / 70)).toBeLessThan(0.015);
    expect(two!.statistic).toBe(-Infinity);
    expect(two!.effect).toBeNaN();
    // 2 of the 70 ways to choose four of eight.
    expect(Math.abs(two!.p - 2 / 70)).toBeLessThan(0.01);
  });

  test('one group, and a group of one, are told as that', () => {
    const random = seededRandom(1, 'a');
    const covariate = Float64Array.of(0, 1, 2, 1);
    const values = Float64Array.of(1, 2, 4, 3);
    expect(canAdjust([0, 0, 0, 0], [covariate])).toBe(false);
    expect(canAdjust([], [])).toBe(false);
    expect(() => adjustedGroupTests([values], [0, 0, 0, 0], [covariate], random)).toThrow(
      'groups of 4 subjects cannot be compared',
    );
    expect(() => adjustedGroupTests([values], [0, 0, 0, 1], [covariate], random)).toThrow(
      'groups of 3, 1 subjects cannot be compared',
    );
    expect(() => adjustedPermutationalAnova(new Float64Array(16), [0, 0, 0, 0], [covariate], random)).toThrow(
      'groups of 4 subjects cannot be compared',
    );
  });

  test('p of nothing is uniform', () => {
    const random = seededRandom(3, 'null');
    const groups = Array.from({ length: 20 }, (_, i) => i % 2);
    const age = Float64Array.from(groups, () => random.normal());
    const features = Array.from({ length: 400 }, () =>
      Float64Array.from(groups, (_, i) => age[i]! + random.normal() ** 3),
    );
    const found = adjustedGroupTests(features, groups, [age], seededRandom(1, 'a'), 199);
    const below = found.filter(({ p }) => p <= 0.05).length;
    // 5 % of 400, three standard errors: 20 +- 13.
    expect(below).toBeGreaterThan(7);
    expect(below).toBeLessThan(33);
    expect(found.filter(({ pFamily }) => pFamily <= 0.05).length).toBeLessThan(4);
  });

  test('missing values cost their subject in that feature only; constant features have no test', () => {
    const { groups, age, values } = cohort(1);
    const holes = values.map((value, i) => (i === 3 ? NaN : value));
    const found = adjustedGroupTests(
      [values, holes, values.map(() => 4)],
      groups,
      [age],
      seededRandom(1, 'a'),
      99,
    );
    expect(found.map(({ n }) => n)).toEqual([40, 39, 40]);
    expect(found[1]!.statistic).not.toBe(found[0]!.statistic);
    expect(found[2]!.p).toBeNaN();
  });

  test('covariates that say the group are refused', () => {
    const groups = [0, 0, 0, 1, 1, 1];
    const site = Float64Array.of(2, 2, 2, 5, 5, 5);
    expect(() =>
      adjustedGroupTests([Float64Array.of(1, 2, 3, 4, 5, 6)], groups, [site], seededRandom(1, 'a'), 99),
    ).toThrow(/covariates say which group/);
  });
});

describe('distances with covariates', () => {
  test('of one number they give the F of that number', () => {
    const random = seededRandom(5, 'three');
    const groups = Array.from({ length: 18 }, (_, i) => i % 3);
    const age = Float64Array.from(groups, () => random.normal());
    const values = Float64Array.from(groups, (group, i) => 0.8 * group + 2 * age[i]! + random.normal());
    const distances = Float64Array.from({ length: 18 * 18 }, (_, at) =>
      Math.abs(values[Math.floor(at / 18)]! - values[at % 18]!),
    );
    const [feature] = adjustedGroupTests([values], groups, [age], seededRandom(2, 'b'), 499);
    const whole = adjustedPermutationalAnova(distances, groups, [age], seededRandom(2, 'b'), 499);
    expect(whole.pseudoF).toBeCloseTo(feature!.statistic, 8);
    expect(whole.p).toBe(feature!.p);
    expect(whole.r2).toBeGreaterThan(0);
    expect(whole.r2).toBeLessThan(1);
  });

  test('where nothing can be told there is no p', () => {
    const groups = [0, 0, 0, 0, 1, 1, 1, 1];
    const age = Float64Array.of(1, 2, 3, 4, 1, 2, 3, 5);
    const of = (at: (i: number, j: number) => number) => {
      const distances = Float64Array.from({ length: 64 }, (_, k) => at(Math.floor(k / 8), k % 8));
      return adjustedPermutationalAnova(distances, groups, [age], seededRandom(2, 'b'), 199);
    };
    expect(of((i, j) => (i !== j && i + j === 1 ? NaN : 1)).p).toBeNaN();
    expect(of((i, j) => Math.abs(age[i]! - age[j]!)).p).toBeNaN();
    expect(of(() => 0).p).toBe(1);
    // All is between the groups: nothing is left, by rounding on either side of 0.
    const between = of((i, j) => Math.abs(groups[i]! - groups[j]!));
    expect(between.pseudoF).toBe(Infinity);
    expect(between.p).toBeLessThan(0.1);
  });
});
