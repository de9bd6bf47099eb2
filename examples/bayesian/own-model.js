import { getBayesianSampler, modelSource } from 'neuroloom/numerics';

/** Events per hour with a gamma (2, 1) prior of the rate, which is sampled as its logarithm. */
export function createRate({ events, hours }) {
  return {
    name: 'rate',
    dimension: 1,
    variables: [{ name: 'rate', shape: [] }],
    logDensity([log], gradient) {
      const rate = Math.exp(log);
      gradient[0] = events + 2 - (hours + 1) * rate;
      return (events + 2) * log - (hours + 1) * rate;
    },
    values: ([log]) => [Math.exp(log)],
  };
}

const source = modelSource(import.meta.url, 'createRate', { events: 12, hours: 8 });
if (process.argv[1] === new URL(import.meta.url).pathname) {
  const posterior = await getBayesianSampler('nutpie', { draws: 1000 }).sample(source);
  console.log(posterior.summary()[0].mean);
}
