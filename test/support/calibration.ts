import type { BayesianModel } from '../../src/numerics/bayes/model.js';
import { getBayesianSampler } from '../../src/numerics/bayes/sampler.js';
import type { SamplerName } from '../../src/numerics/bayes/settings.js';
import { seededRandom } from '../../src/numerics/random.js';

/** Normal data of unknown mean and scale: mean normal (0, 1), ln scale normal (0, 0.5). */
function normalData(data: Float64Array): BayesianModel {
  return {
    name: 'normal_data',
    dimension: 2,
    variables: [
      { name: 'mean', shape: [] },
      { name: 'log_scale', shape: [] },
    ],
    logDensity(q, gradient) {
      const precision = Math.exp(-2 * q[1]!);
      let [sum, squares] = [0, 0];
      for (const value of data) {
        sum += value - q[0]!;
        squares += (value - q[0]!) ** 2;
      }
      gradient[0] = sum * precision - q[0]!;
      gradient[1] = squares * precision - data.length - 4 * q[1]!;
      return -0.5 * squares * precision - data.length * q[1]! - 0.5 * q[0]! ** 2 - 2 * q[1]! ** 2;
    },
  };
}

/**
 * Simulation-based calibration (Talts et al. 2018): parameters from the prior, data from them, and the rank of each parameter
 * among thinned draws from the posterior, in 6 bins. Right draws give uniform ranks.
 */
export async function sbcRanks(options: {
  readonly replications: number;
  readonly seed: number;
  readonly sampler: SamplerName;
}): Promise<{ bins: Record<string, number[]>; expected: number }> {
  const thin = 5;
  const kept = 59;
  const bins: Record<string, number[]> = { mean: [0, 0, 0, 0, 0, 0], log_scale: [0, 0, 0, 0, 0, 0] };
  for (let r = 0; r < options.replications; r++) {
    const random = seededRandom(options.seed, `replication ${r}`);
    const truth = { mean: random.normal(), log_scale: 0.5 * random.normal() };
    const data = Float64Array.from(
      { length: 6 },
      () => truth.mean + Math.exp(truth.log_scale) * random.normal(),
    );
    const sampler = getBayesianSampler(options.sampler, {
      draws: thin * kept,
      tune: 200,
      chains: 1,
      targetAccept: 0.9,
      randomSeed: r,
    });
    const posterior = await sampler.sample(normalData(data));
    for (const name of ['mean', 'log_scale'] as const) {
      const [chain] = posterior.draws(name);
      let rank = 0;
      for (let i = 0; i < kept; i++) if (chain![i * thin]! < truth[name]) rank += 1;
      bins[name]![Math.floor((rank * 6) / (kept + 1))]! += 1;
    }
  }
  return { bins, expected: options.replications / 6 };
}
