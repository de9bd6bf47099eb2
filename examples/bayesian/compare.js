import { getBayesianSampler, groupDifferenceModel } from 'neuroloom/numerics';

const patients = [1.42, 1.61, 1.38, 1.75, 1.52, 1.66, 1.49, 1.81, 1.57, 1.7];
const controls = [1.21, 1.33, 1.18, 1.4, 1.29, 1.36, 1.12, 1.44, 1.25, 2.9];

const sampler = getBayesianSampler('nuts', { draws: 500, tune: 500, randomSeed: 42 });
const posterior = await sampler.sample(
  groupDifferenceModel({ values: [patients, controls], names: ['patients', 'controls'] }),
);
for (const { parameter, mean, q2_5, q97_5, r_hat, ess_bulk } of posterior.summary()) {
  console.log(
    [
      parameter,
      mean.toFixed(2),
      `${q2_5.toFixed(2)} to ${q97_5.toFixed(2)}`,
      r_hat.toFixed(3),
      ess_bulk.toFixed(0),
    ].join('\t'),
  );
}
for (const problem of posterior.problems()) console.log(problem);
