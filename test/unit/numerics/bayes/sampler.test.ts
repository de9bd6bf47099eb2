import { describe, expect, test } from 'vitest';

import {
  mcseMean,
  mcseVariance,
  pooledMean,
  pooledVariance,
  rHat,
} from '../../../../src/numerics/bayes/diagnostics.js';
import type { BayesianModel } from '../../../../src/numerics/bayes/model.js';
import type { Posterior } from '../../../../src/numerics/bayes/posterior.js';
import { getBayesianSampler, NutpieSampler, NutsSampler } from '../../../../src/numerics/bayes/sampler.js';
import { SAMPLER_NAMES } from '../../../../src/numerics/bayes/settings.js';
import { groupDifferenceModel } from '../../../../src/numerics/bayes/models/group-difference.js';
import {
  createEightSchools,
  eightSchoolsMoments,
  funnel,
  gaussian,
  reflectedVariances,
  studentT,
} from '../../../support/bayes-targets.js';
import { sbcRanks } from '../../../support/calibration.js';

/** Mean and variance of a number within 4 Monte Carlo standard errors, and chains that agree. */
function expectMoments(posterior: Posterior, name: string, mean: number, variance: number): void {
  const chains = posterior.draws(name);
  const row = { mean: pooledMean(chains), mcse_mean: mcseMean(chains), r_hat: rHat(chains) };
  expect(Math.abs(row.mean - mean), `mean of ${name}: ${row.mean}`).toBeLessThan(4 * row.mcse_mean);
  const found = pooledVariance(chains);
  expect(Math.abs(found - variance), `variance of ${name}: ${found}`).toBeLessThan(4 * mcseVariance(chains));
  expect(row.r_hat, `R-hat of ${name}`).toBeLessThan(1.01);
}

const CONFIG = { draws: 1000, tune: 600, chains: 4, targetAccept: 0.9 };

describe.each(SAMPLER_NAMES)('%s finds the moments of', (name) => {
  const sample = (model: BayesianModel): Promise<Posterior> => getBayesianSampler(name, CONFIG).sample(model);

  test('a Gaussian of condition number 1e4', async () => {
    const variances = Float64Array.from({ length: 9 }, (_, i) => 10 ** (i / 2 - 2));
    const posterior = await sample(gaussian(variances));
    for (const [i, variance] of variances.entries()) expectMoments(posterior, `x[${i}]`, 0, variance);
    expect(posterior.problems()).toEqual([]);
  });

  test('a funnel in its non-centred form', async () => {
    const posterior = await sample(funnel());
    expectMoments(posterior, 'v', 0, 9);
    expectMoments(posterior, 'log_spread', 0, 2.25);
    expect(posterior.divergences).toBe(0);
  });

  test('eight schools', async () => {
    const posterior = await sample(createEightSchools());
    for (const [parameter, { mean, variance }] of Object.entries(eightSchoolsMoments()))
      expectMoments(posterior, parameter, mean, variance);
  });

  test('Student-t with 10 degrees of freedom', async () => {
    const posterior = await sample(studentT(3, 10));
    for (let i = 0; i < 3; i++) expectMoments(posterior, `x[${i}]`, 0, 10 / 8);
  });
});

test('where variables are correlated, nutpie learns the directions and takes far fewer steps', async () => {
  const variances = Float64Array.from({ length: 8 }, (_, i) => 10 ** ((4 * i) / 7 - 2));
  const raw = variances.map((_, i) => Math.sin(i + 1));
  const norm = Math.sqrt(raw.reduce((sum, x) => sum + x * x, 0));
  const axis = raw.map((x) => x / norm);
  const model = gaussian(variances, axis);
  const config = { draws: 1000, tune: 500, chains: 2, targetAccept: 0.9 };
  const nutpie = await new NutpieSampler(config).sample(model);
  const nuts = await new NutsSampler(config).sample(model);
  for (const [i, variance] of reflectedVariances(variances, axis).entries())
    expectMoments(nutpie, `x[${i}]`, 0, variance);
  const steps = ({ chains }: Posterior): number =>
    chains.reduce((sum, chain) => sum + chain.steps.reduce((a, b) => a + b, 0), 0);
  expect(nutpie.chains.every(({ rank }) => rank >= 4)).toBe(true);
  expect(nuts.chains.every(({ rank }) => rank === 0)).toBe(true);
  expect(steps(nutpie)).toBeLessThan(steps(nuts) / 4);
});

test('ranks of true values among the draws are uniform (simulation-based calibration, short form)', async () => {
  const { bins, expected } = await sbcRanks({ replications: 120, seed: 5, sampler: 'nuts' });
  for (const counts of Object.values(bins)) {
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 99.9 % quantile of chi-square with 5 degrees of freedom; the seed is fixed.
    expect(chiSquare).toBeLessThan(20.5);
  }
});

describe('draws', () => {
  const values: [number[], number[]] = [
    [5.1, 6.2, 5.7, 6.6, 5.9],
    [4.4, 4.9, 5.2, 4.1, 6.0],
  ];
  const config = { draws: 50, tune: 60, chains: 2 };

  test('depend on the seed alone: threads, their number and the order of chains change nothing', async () => {
    const source = groupDifferenceModel({ values });
    const { createGroupDifference } =
      await import('../../../../src/numerics/bayes/models/group-difference.js');
    const of = ({ chains }: Posterior): number[][] => chains.map((chain) => [...chain.values]);
    const threads = of(await new NutsSampler({ ...config, cores: 2 }).sample(source));
    expect(of(await new NutsSampler({ ...config, cores: 1 }).sample(source))).toEqual(threads);
    const here = await new NutsSampler(config).sample(createGroupDifference({ values }));
    expect(of(here)).toEqual(threads);
    expect(threads[0]).not.toEqual(threads[1]);
    expect(of(await new NutsSampler({ ...config, randomSeed: 43 }).sample(source))).not.toEqual(threads);
  });

  test('of an open seed can be repeated with the seed that was recorded', async () => {
    const model = studentT(1, 5);
    const first = await new NutsSampler({ ...config, randomSeed: null }).sample(model);
    const again = await new NutsSampler({ ...config, randomSeed: first.record.random_seed }).sample(model);
    expect(again.chains[0]!.values).toEqual(first.chains[0]!.values);
  });

  test('of a centred funnel are reported as divergent', async () => {
    const model: BayesianModel = {
      name: 'centred_funnel',
      dimension: 2,
      variables: [{ name: 'x', shape: [2] }],
      logDensity(q, gradient) {
        const inverse = Math.exp(-q[0]!);
        gradient[0] = -q[0]! / 9 - 0.5 + 0.5 * q[1]! ** 2 * inverse;
        gradient[1] = -q[1]! * inverse;
        return -(q[0]! ** 2) / 18 - 0.5 * q[0]! - 0.5 * q[1]! ** 2 * inverse;
      },
    };
    const posterior = await new NutsSampler({ draws: 500, tune: 300, chains: 2, targetAccept: 0.8 }).sample(
      model,
    );
    expect(posterior.divergences).toBeGreaterThan(0);
    expect(posterior.problems()[0]).toMatch(/^\d+ divergent transitions: raise target_accept/);
  });

  test('tell their progress and stop when asked', async () => {
    const seen: [number, number][] = [];
    await new NutsSampler(config).sample(studentT(1, 5), { onProgress: (...at) => seen.push(at) });
    expect(seen.at(-1)).toEqual([220, 220]);
    const stop = new AbortController();
    const waiting = new NutsSampler({ ...config, chains: 50 }).sample(studentT(1, 5), {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    });
    await expect(waiting).rejects.toThrow('enough');
  });
});

test('what is not possible is refused with the reason', async () => {
  expect(() => getBayesianSampler('gibbs' as 'nuts')).toThrow("there is no Bayesian sampler 'gibbs'");
  expect(() => new NutsSampler({ draws: 0 })).toThrow('draws 0 is not possible');
  expect(() => new NutsSampler({ targetAccept: 1 })).toThrow('targetAccept 1 is not possible');
  expect(() => new NutsSampler({ randomSeed: -1 })).toThrow('randomSeed -1 is not possible');
  const model: BayesianModel = { ...studentT(1, 5), logDensity: () => Number.NaN };
  await expect(new NutsSampler().sample(model)).rejects.toThrow(
    'model student_t: no finite density in 100 starts of chain 0',
  );
  await expect(
    new NutsSampler().sample({ ...studentT(2, 5), variables: [{ name: 'x', shape: [3] }] }),
  ).rejects.toThrow('model student_t: its variables have 3 values, its dimension is 2');
  const defaults = getBayesianSampler('nutpie').config;
  expect(defaults).toMatchObject({ draws: 2000, tune: 1000, chains: 4, cores: 4, targetAccept: 0.95 });
  expect(defaults.randomSeed).toBe(42);
});
