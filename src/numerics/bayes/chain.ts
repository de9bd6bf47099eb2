/** One chain: warm-up, then draws. Runs in a worker thread or in the calling thread, with the same result. */
import { ProcessingError } from '../../errors.js';
import { seededRandom, type SeededRandom } from '../random.js';
import { Metric } from './metric.js';
import { valueCount, type BayesianModel } from './model.js';
import { StepSizeAdaptation } from './step-size.js';
import { Trajectory } from './trajectory.js';
import { metricUpdates, type MassMatrixRule } from './warm-up.js';

export interface ChainSettings {
  readonly chain: number;
  readonly draws: number;
  readonly tune: number;
  readonly targetAccept: number;
  readonly maxTreeDepth: number;
  readonly seed: number;
  readonly massMatrix: MassMatrixRule;
}

/** What a chain leaves. */
export interface ChainResult {
  /** shape (draws, values), the variables of the model. */
  readonly values: Float64Array;
  readonly logDensity: Float64Array;
  readonly acceptance: Float64Array;
  readonly energy: Float64Array;
  readonly steps: Int32Array;
  readonly depth: Int32Array;
  /** 1 where the integration left the level set. */
  readonly diverging: Int32Array;
  readonly stepSize: number;
  /** Directions of the inverse mass matrix. */
  readonly rank: number;
  /** Leapfrog steps of the warm-up. */
  readonly warmUpSteps: number;
  readonly warmUpDivergences: number;
}

/**
 * Draws from a model.
 *
 * @param onDraw - called after each draw, also those of the warm-up
 * @throws ProcessingError NON_FINITE when no start with a positive density is found
 */
export function runChain(
  model: BayesianModel,
  settings: ChainSettings,
  onDraw?: (done: number) => void,
): ChainResult {
  const { draws, tune, targetAccept, chain, seed } = settings;
  const random = seededRandom(seed, `mcmc chain ${chain}`);
  const trajectory = new Trajectory(model, random, settings.maxTreeDepth);
  findStart(model, trajectory, random, chain);
  const step = new StepSizeAdaptation(targetAccept, trajectory.reasonableStepSize(1));
  const warmUp = { steps: 0, divergences: 0, rank: 0 };
  const updates = metricUpdates(settings.massMatrix, tune);
  const firstUse = updates.map(({ from }) => from);
  const positions: Float64Array[] = [];
  const gradients: Float64Array[] = [];
  let offset = 0;
  for (let i = 0; i < tune; i++) {
    const stats = trajectory.transition(step.current);
    step.update(stats.acceptance);
    warmUp.steps += stats.steps;
    warmUp.divergences += stats.diverged ? 1 : 0;
    if (updates.length > 0) {
      positions.push(trajectory.position.slice());
      gradients.push(trajectory.gradient.slice());
      const update = updates[0]!;
      if (update.at === i + 1) {
        updates.shift();
        firstUse.shift();
        const from = Math.max(0, update.from - offset);
        const metric = update.learn({ positions: positions.slice(from), gradients: gradients.slice(from) });
        trajectory.metric = metric;
        warmUp.rank = metric.lambda.length;
        step.restart(trajectory.reasonableStepSize(step.current));
        // What no later window looks at is let go.
        const keep = Math.max(0, Math.min(...firstUse, i + 1) - offset);
        positions.splice(0, keep);
        gradients.splice(0, keep);
        offset += keep;
      }
    }
    onDraw?.(i + 1);
  }
  const width = valueCount(model.variables);
  const result: ChainResult = {
    values: new Float64Array(draws * width),
    logDensity: new Float64Array(draws),
    acceptance: new Float64Array(draws),
    energy: new Float64Array(draws),
    steps: new Int32Array(draws),
    depth: new Int32Array(draws),
    diverging: new Int32Array(draws),
    stepSize: step.averaged,
    rank: warmUp.rank,
    warmUpSteps: warmUp.steps,
    warmUpDivergences: warmUp.divergences,
  };
  for (let i = 0; i < draws; i++) {
    const stats = trajectory.transition(result.stepSize);
    const values = model.values?.(trajectory.position) ?? trajectory.position;
    for (let j = 0; j < width; j++) result.values[i * width + j] = values[j]!;
    result.logDensity[i] = trajectory.logDensity;
    result.acceptance[i] = stats.acceptance;
    result.energy[i] = stats.energy;
    result.steps[i] = stats.steps;
    result.depth[i] = stats.depth;
    result.diverging[i] = stats.diverged ? 1 : 0;
    onDraw?.(tune + i + 1);
  }
  return result;
}

const STARTS = 100;

/** The start of the model with a jitter of up to 1 per coordinate, tried again while its density is 0. */
function findStart(model: BayesianModel, trajectory: Trajectory, random: SeededRandom, chain: number): void {
  trajectory.metric = Metric.identity(model.dimension);
  const start = model.start ?? new Float64Array(model.dimension);
  for (let i = 0; i < STARTS; i++) {
    if (trajectory.moveTo(start.map((value) => value + random.uniformBetween(-1, 1)))) return;
  }
  throw new ProcessingError(
    'NON_FINITE',
    `model ${model.name}: no finite density in ${STARTS} starts of chain ${chain}`,
    { cure: 'give the model a start with a positive density, and check its log density there' },
  );
}
