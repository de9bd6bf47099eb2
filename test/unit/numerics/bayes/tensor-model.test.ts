import { expect, test } from 'vitest';

import type { BayesianModel } from '../../../../src/numerics/bayes/model.js';
import { createGroupDifference } from '../../../../src/numerics/bayes/models/group-difference.js';
import { NutsSampler } from '../../../../src/numerics/bayes/sampler.js';
import { tensorModel } from '../../../../src/numerics/bayes/tensor-model.js';
import { seededRandom } from '../../../../src/numerics/random.js';

const random = seededRandom(3, 'data');
const values: [number[], number[]] = [
  Array.from({ length: 20 }, () => 10 + 2 * random.normal()),
  Array.from({ length: 15 }, () => 8 + 4 * random.normal()),
];
const written = createGroupDifference({ values });

/** The same density by ops: two groups, means, scales and degrees of freedom of Student-t noise. */
function byOps(): BayesianModel {
  const all = values.flat();
  const mean = all.reduce((a, b) => a + b, 0) / all.length;
  const sd = Math.sqrt(all.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (all.length - 1));
  const { logDensity: _own, ...rest } = written;
  return tensorModel({
    ...rest,
    logDensity(t, position) {
      const outcome = t.data(all.map((x) => (x - mean) / sd));
      const group = all.map((_, i) => (i < values[0].length ? 0 : 1));
      const means = t.part(position, 0, 2);
      const logScales = t.part(position, 2, 4);
      const excess = t.exp(t.at(position, 4));
      const nu = t.add(excess, 1);
      const logScale = t.pick(logScales, group);
      const z = t.div(t.sub(outcome, t.pick(means, group)), t.exp(logScale));
      const half = t.mul(t.add(nu, 1), 0.5);
      const gammas = t.sub(t.logGamma(half), t.logGamma(t.mul(nu, 0.5)));
      const scale = t.add(logScale, t.mul(t.log(t.mul(nu, Math.PI)), 0.5));
      return [
        t.sub(t.sub(gammas, scale), t.mul(half, t.log1p(t.div(t.square(z), nu)))),
        t.mul(t.square(means), -1 / 8),
        t.mul(t.square(logScales), -1 / 2),
        t.sub(t.at(position, 4), t.div(excess, 29)),
      ];
    },
  });
}

test('density and gradient by the tape are those that were written by hand', async () => {
  const model = byOps();
  const points = seededRandom(1, 'points');
  for (let i = 0; i < 20; i++) {
    const at = Float64Array.from({ length: 5 }, () => points.normal());
    const [ours, theirs] = [new Float64Array(5), new Float64Array(5)];
    const expected = written.logDensity(at, theirs);
    expect(model.logDensity(at, ours) / expected).toBeCloseTo(1, 12);
    for (const [k, slope] of theirs.entries())
      expect(Math.abs(ours[k]! - slope)).toBeLessThan(1e-12 * (100 + Math.abs(slope)));
  }
});

test('the posterior by the tape is that of the hand-written density, within Monte Carlo error', async () => {
  const sampler = new NutsSampler({ draws: 500, tune: 300, chains: 2, targetAccept: 0.85 });
  const [ours, theirs] = [await sampler.sample(byOps()), await sampler.sample(written)];
  expect(ours.divergences).toBe(0);
  const expected = theirs.summary();
  for (const [i, row] of ours.summary().entries()) {
    const other = expected[i]!;
    const error = Math.hypot(row.mcse_mean, other.mcse_mean);
    expect(Math.abs(row.mean - other.mean), row.parameter).toBeLessThan(4 * error);
    expect(Math.abs(row.sd - other.sd), row.parameter).toBeLessThan(
      4 * Math.hypot(row.mcse_sd, other.mcse_sd),
    );
    expect(row.r_hat).toBeLessThan(1.02);
  }
});
