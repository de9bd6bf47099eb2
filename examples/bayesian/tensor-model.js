import { getBayesianSampler, modelSource, tensorModel } from 'neuroloom/numerics';

/** Errors of a task by age in decades: a logistic regression with normal (0, 2) priors. */
export function createErrors({ age, failed }) {
  return tensorModel({
    name: 'errors',
    dimension: 2,
    variables: [
      { name: 'intercept', shape: [] },
      { name: 'slope', shape: [] },
    ],
    logDensity(t, position) {
      const logit = t.add(t.at(position, 0), t.mul(t.data(age), t.at(position, 1)));
      const prior = t.mul(t.square(position), -1 / 8);
      return [t.sub(t.mul(t.data(failed), logit), t.softplus(logit)), prior];
    },
  });
}

const rows = {
  age: [-2, -1.5, -1.2, -0.8, -0.5, -0.1, 0.2, 0.4, 0.9, 1.1, 1.6, 2.1],
  failed: [0, 0, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1],
};
if (process.argv[1] === new URL(import.meta.url).pathname) {
  const sampler = getBayesianSampler('nuts', { draws: 1000, targetAccept: 0.9 });
  const posterior = await sampler.sample(modelSource(import.meta.url, 'createErrors', rows));
  for (const { parameter, mean, sd } of posterior.summary()) console.log(parameter, mean, sd);
}
