import { describe, expect, test } from 'vitest';

import type { BayesianModel } from '../../../../src/numerics/bayes/model.js';
import { createGroupDifference } from '../../../../src/numerics/bayes/models/group-difference.js';
import { createHierarchicalRegression } from '../../../../src/numerics/bayes/models/hierarchical-regression.js';
import { createHorseshoe } from '../../../../src/numerics/bayes/models/horseshoe.js';
import { LeastSquaresForm } from '../../../../src/numerics/bayes/models/least-squares-form.js';
import type { PosteriorRow } from '../../../../src/numerics/bayes/posterior.js';
import { getBayesianSampler, NutsSampler } from '../../../../src/numerics/bayes/sampler.js';
import { seededRandom } from '../../../../src/numerics/random.js';

const CONFIG = { draws: 300, tune: 400, chains: 2, targetAccept: 0.9 };

async function rowsOf(model: BayesianModel): Promise<Map<string, PosteriorRow>> {
  const rows = (await new NutsSampler(CONFIG).sample(model)).summary();
  return new Map(rows.map((row) => [row.parameter, row]));
}

const random = seededRandom(3, 'data');
const normal = (n: number, mean: number, sd: number): number[] =>
  Array.from({ length: n }, () => mean + sd * random.normal());

const GROUPS = {
  values: [normal(40, 10, 2), normal(30, 8, 4)] as const,
  names: ['patients', 'controls'] as const,
};
const SITE = Array.from({ length: 90 }, (_, i) => `s${i % 6}`);
const AGE = normal(90, 50, 10);
const VOLUME = normal(90, 1500, 100);
const NOISE = normal(90, 0, 4);
const REGRESSION = {
  outcome: AGE.map((age, i) => 30 + 0.8 * age + 5 * (i % 6) + NOISE[i]!),
  predictors: [
    { name: 'age', values: AGE },
    { name: 'volume', values: VOLUME },
  ],
  site: SITE,
};
const PREDICTORS = Array.from({ length: 12 }, (_, j) => ({ name: `d${j}`, values: normal(60, 100, 5) }));
const SPARSE = {
  outcome: PREDICTORS[0]!.values.map((x, i) => 2 * x - 1.5 * PREDICTORS[7]!.values[i]! + 4 * random.normal()),
  predictors: PREDICTORS,
  expectedNonzero: 2,
};

const MODELS = {
  'group difference': createGroupDifference(GROUPS),
  'hierarchical regression': createHierarchicalRegression(REGRESSION),
  horseshoe: createHorseshoe(SPARSE),
};

test.each(Object.entries(MODELS))('the gradient of %s is the slope of its log density', (_name, model) => {
  const draws = seededRandom(1, 'points');
  for (let point = 0; point < 5; point++) {
    const q = Float64Array.from({ length: model.dimension }, () => draws.normal());
    const gradient = new Float64Array(q.length);
    const unused = new Float64Array(q.length);
    model.logDensity(q, gradient);
    for (let i = 0; i < q.length; i++) {
      const at = (step: number): number =>
        model.logDensity(
          q.map((value, j) => (i === j ? value + step : value)),
          unused,
        );
      const slope = (8 * (at(1e-4) - at(-1e-4)) - (at(2e-4) - at(-2e-4))) / 12e-4;
      // Rounding of the log density over the step.
      expect(Math.abs(slope - gradient[i]!) / (1 + Math.abs(gradient[i]!))).toBeLessThan(1e-7);
    }
  }
});

describe('the difference of two groups', () => {
  test('is that of their means where both have much data, and changes its unit with the data', async () => {
    const rows = await rowsOf(MODELS['group difference']);
    const means = GROUPS.values.map((values) => values.reduce((a, b) => a + b, 0) / values.length);
    const difference = rows.get('mean_difference')!;
    // The prior pulls by 1 / (1 + 4 n): well below a fifth of the posterior sd.
    expect(Math.abs(difference.mean - (means[0]! - means[1]!))).toBeLessThan(0.3 * difference.sd);
    expect(rows.get('sigma[controls]')!.mean / rows.get('sigma[patients]')!.mean).toBeGreaterThan(1.5);
    expect(rows.get('effect_size')!.positive).toBeGreaterThan(0.95);
    const scaled = createGroupDifference({
      values: [GROUPS.values[0].map((x) => 1000 * x), GROUPS.values[1].map((x) => 1000 * x)],
    });
    const thousand = await rowsOf(scaled);
    expect(thousand.get('mean_difference')!.mean / difference.mean).toBeCloseTo(1000, 3);
    expect(thousand.get('effect_size')!.mean).toBeCloseTo(rows.get('effect_size')!.mean, 6);
  });

  test('is not moved by one wild value as a mean is', async () => {
    const [a, b] = GROUPS.values;
    const wild = await rowsOf(createGroupDifference({ values: [[...a, 200], b] }));
    const plain = await rowsOf(MODELS['group difference']);
    const moved = wild.get('mean_difference')!.mean - plain.get('mean_difference')!.mean;
    // The mean of the first group moves by 190 / 41 = 4.6.
    expect(Math.abs(moved)).toBeLessThan(0.5);
    expect(wild.get('nu')!.mean).toBeLessThan(plain.get('nu')!.mean);
  });
});

test('hierarchical regression separates sites from predictors', async () => {
  const rows = await rowsOf(MODELS['hierarchical regression']);
  const within = (name: string, truth: number): void => {
    const { mean, sd } = rows.get(name)!;
    expect(Math.abs(mean - truth), `${name}: ${mean}`).toBeLessThan(3 * sd);
  };
  within('slope[age]', 0.8);
  within('slope[volume]', 0);
  within('noise_sd', 4);
  // The intercept takes the mean of the sites, 12.5.
  within('intercept', 42.5);
  const effects = [0, 1, 2, 3, 4, 5].map((s) => rows.get(`site_effect[s${s}]`)!.mean);
  expect(effects[5]! - effects[0]!).toBeCloseTo(25, -1);
  expect([...effects].sort((x, y) => x - y)).toEqual(effects);
});

test('the horseshoe keeps the slopes that matter and shrinks the others', async () => {
  const rows = await rowsOf(MODELS.horseshoe);
  for (let j = 0; j < 12; j++) {
    const { mean, sd } = rows.get(`slope[d${j}]`)!;
    const truth = j === 0 ? 2 : j === 7 ? -1.5 : 0;
    expect(Math.abs(mean - truth), `slope ${j}: ${mean}`).toBeLessThan(3.5 * sd);
    if (truth === 0) expect(Math.abs(mean)).toBeLessThan(0.2);
    const { median } = rows.get(`shrinkage[d${j}]`)!;
    if (truth === 0) expect(median).toBeGreaterThan(0.3);
    else expect(median).toBeLessThan(0.1);
  }
});

test('steps that fit most of a horseshoe fit all of it: no divergences, and every number mixes', async () => {
  const sampler = getBayesianSampler('nutpie', { draws: 300, tune: 400, chains: 4, targetAccept: 0.95 });
  const posterior = await sampler.sample(MODELS.horseshoe);
  expect(posterior.divergences).toBe(0);
  for (const { parameter, ess_bulk } of posterior.summary()) {
    expect(ess_bulk, `effective draws of ${parameter}`).toBeGreaterThan(400);
  }
});

test('residuals by rows and by products of columns are the same', () => {
  const design = Float64Array.from(normal(6 * 4, 0, 1));
  const outcome = Float64Array.from(normal(6, 0, 1));
  const b = Float64Array.from(normal(4, 0, 1));
  const byProducts = new Float64Array(4);
  const squares = new LeastSquaresForm(design, outcome).evaluate(b, byProducts);
  // Columns of zeros beside it make it wide, so that it is evaluated by rows.
  const wide = new Float64Array(6 * 12);
  for (let i = 0; i < 6; i++) wide.set(design.subarray(4 * i, 4 * i + 4), 12 * i);
  const coefficients = new Float64Array(12);
  coefficients.set(b);
  const byRows = new Float64Array(12);
  expect(new LeastSquaresForm(wide, outcome).evaluate(coefficients, byRows)).toBeCloseTo(squares, 12);
  for (let a = 0; a < 4; a++) expect(byRows[a]).toBeCloseTo(byProducts[a]!, 12);
});

test('data that cannot be compared are refused with the reason', () => {
  expect(() => createGroupDifference({ values: [[1], [1, 2]] })).toThrow('group 0 has 1 values');
  expect(() =>
    createGroupDifference({
      values: [
        [1, 1],
        [1, 1],
      ],
    }),
  ).toThrow('the same value everywhere');
  expect(() =>
    createGroupDifference({
      values: [
        [1, NaN],
        [1, 2],
      ],
    }),
  ).toThrow('value 1 is NaN');
  expect(() => createHierarchicalRegression({ ...REGRESSION, site: SITE.map(() => 'one') })).toThrow(
    'one site only',
  );
  expect(() => createHierarchicalRegression({ ...REGRESSION, site: ['a'] })).toThrow('1 sites for 90 rows');
  expect(() => createHorseshoe({ ...SPARSE, expectedNonzero: 12 })).toThrow('expectedNonzero 12');
  expect(() =>
    createHorseshoe({ ...SPARSE, predictors: [...PREDICTORS, { name: 'short', values: [1] }] }),
  ).toThrow('short has 1 values, the outcome 60');
});
