import { availableParallelism } from 'node:os';

import { ProcessingError } from '../../errors.js';
import { builtModule, parallelMap, workerFunction } from '../cpu/parallel-map.js';
import { runChain, type ChainResult, type ChainSettings } from './chain.js';
import { checkModel, type BayesianModel, type ModelSource, type ModelVariable } from './model.js';
import { Posterior } from './posterior.js';
import { SAMPLER_NAMES, type SamplerName } from './settings.js';
import type { MassMatrixRule } from './warm-up.js';

/** Settings of a sampler. */
export interface SamplerConfig {
  /** Draws of each chain that are kept. */
  readonly draws: number;
  /** Draws of each chain before, which find step size and mass matrix. */
  readonly tune: number;
  readonly chains: number;
  /** Threads; chains share them. Draws do not depend on it. */
  readonly cores: number;
  /** Mean acceptance probability that the step size aims at. */
  readonly targetAccept: number;
  /** Whole number, 0 to 2^32 - 1; null draws one, which the result records. */
  readonly randomSeed: number | null;
  /** A trajectory has at most 2^maxTreeDepth steps. */
  readonly maxTreeDepth: number;
}

/** Settings of a sampler that is given none. */
export const DEFAULT_SAMPLER_CONFIG: SamplerConfig = {
  draws: 2000,
  tune: 1000,
  chains: 4,
  cores: 4,
  targetAccept: 0.95,
  randomSeed: 42,
  maxTreeDepth: 10,
};

/** How to watch and to end a sampling. */
export interface SampleOptions {
  /** Draws of all chains so far, warm-up included, of how many. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** A sampler with its settings. */
export interface BayesianSampler {
  readonly name: SamplerName;
  readonly config: SamplerConfig;
  /**
   * Draws from a model. A {@link ModelSource} is sampled in worker threads, a model itself in this thread, chain after chain;
   * the draws are the same.
   */
  sample(model: BayesianModel | ModelSource, options?: SampleOptions): Promise<Posterior>;
}

/** What a thread gets to make one chain. */
interface ChainTask {
  readonly source: ModelSource;
  readonly settings: ChainSettings;
}

/** What a thread gives back: the chain, and the variables of the model that it made. */
interface ChainAnswer extends ChainResult {
  readonly name: string;
  readonly variables: readonly ModelVariable[];
}

/** Progress is told this often, in draws. */
const REPORT_EVERY = 50;

abstract class HamiltonianSampler implements BayesianSampler {
  abstract readonly name: SamplerName;
  protected abstract readonly massMatrix: MassMatrixRule;
  readonly config: SamplerConfig;

  /** @throws ProcessingError INVALID_ARGUMENT for a setting that is not possible */
  constructor(config: Partial<SamplerConfig> = {}) {
    this.config = checkedConfig({ ...DEFAULT_SAMPLER_CONFIG, ...config });
  }

  async sample(
    model: BayesianModel | ModelSource,
    { onProgress, signal }: SampleOptions = {},
  ): Promise<Posterior> {
    const { draws, tune, chains, targetAccept, maxTreeDepth } = this.config;
    const seed = this.config.randomSeed ?? Math.floor(Math.random() * 2 ** 32);
    const settings = Array.from({ length: chains }, (_, chain): ChainSettings => {
      return { chain, draws, tune, targetAccept, maxTreeDepth, seed, massMatrix: this.massMatrix };
    });
    const doneOf = new Array<number>(chains).fill(0);
    const report = (chain: number, done: number): void => {
      doneOf[chain] = done;
      onProgress?.(
        doneOf.reduce((a, b) => a + b, 0),
        chains * (draws + tune),
      );
    };
    const answers =
      'kind' in model
        ? await inThreads(model, settings, Math.min(this.config.cores, chains), report, signal)
        : await here(model, settings, report, signal);
    const record = {
      sampler: this.name,
      model: answers[0]!.name,
      draws,
      tune,
      chains,
      target_accept: targetAccept,
      max_tree_depth: maxTreeDepth,
      mass_matrix: this.massMatrix,
      random_seed: seed,
    };
    return new Posterior(answers[0]!.variables, record, answers);
  }
}

/**
 * No-U-turn sampling with multinomial trajectories, dual averaging of the step size, and a diagonal mass matrix from the
 * variances of the draws of growing windows.
 */
export class NutsSampler extends HamiltonianSampler {
  readonly name = 'nuts';
  protected readonly massMatrix = 'diagonal';
}

/**
 * The same trajectories with a mass matrix from draws and gradients together, low-rank beside its diagonal: a shorter warm-up,
 * and longer steps where variables are correlated.
 */
export class NutpieSampler extends HamiltonianSampler {
  readonly name = 'nutpie';
  protected readonly massMatrix = 'low_rank';
}

/**
 * A sampler by name.
 *
 * @throws ProcessingError INVALID_ARGUMENT for another name
 */
export function getBayesianSampler(name: SamplerName, config: Partial<SamplerConfig> = {}): BayesianSampler {
  switch (name) {
    case 'nuts':
      return new NutsSampler(config);
    case 'nutpie':
      return new NutpieSampler(config);
    default:
      throw new ProcessingError('INVALID_ARGUMENT', `there is no Bayesian sampler '${String(name)}'`, {
        cure: `use one of ${SAMPLER_NAMES.join(', ')}`,
      });
  }
}

function checkedConfig(config: SamplerConfig): SamplerConfig {
  const refuse = (what: string, cure: string): never => {
    throw new ProcessingError('INVALID_ARGUMENT', `${what} is not possible`, { cure });
  };
  const least = { draws: 4, tune: 0, chains: 1, cores: 1, maxTreeDepth: 1 } as const;
  for (const [key, from] of Object.entries(least)) {
    const value = config[key as keyof typeof least];
    if (!Number.isSafeInteger(value) || value < from)
      refuse(`${key} ${value}`, `give a whole number from ${from}`);
  }
  const { targetAccept, randomSeed } = config;
  if (!(targetAccept > 0 && targetAccept < 1))
    refuse(`targetAccept ${targetAccept}`, 'give a number between 0 and 1');
  if (randomSeed !== null && !(Number.isInteger(randomSeed) && randomSeed >= 0 && randomSeed <= 0xffffffff)) {
    refuse(`randomSeed ${randomSeed}`, 'give a whole number from 0 to 4294967295, or null');
  }
  return config;
}

async function inThreads(
  source: ModelSource,
  settings: readonly ChainSettings[],
  cores: number,
  report: (chain: number, done: number) => void,
  signal: AbortSignal | undefined,
): Promise<ChainAnswer[]> {
  return parallelMap(
    workerFunction<ChainTask, ChainAnswer>(import.meta.url, 'sampleChain'),
    settings.map((one) => ({ source: { ...source, module: builtModule(source.module) }, settings: one })),
    {
      nJobs: Math.min(cores, availableParallelism()),
      description: 'chains',
      onReport: report,
      ...(signal === undefined ? {} : { signal }),
    },
  );
}

async function here(
  model: BayesianModel,
  settings: readonly ChainSettings[],
  report: (chain: number, done: number) => void,
  signal: AbortSignal | undefined,
): Promise<ChainAnswer[]> {
  checkModel(model);
  const answers: ChainAnswer[] = [];
  for (const one of settings) {
    // Others have their turn between two chains, and may ask to stop.
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    const result = runChain(model, one, (done) => {
      if (done % REPORT_EVERY === 0 || done === one.draws + one.tune) report(one.chain, done);
    });
    answers.push({ ...result, name: model.name, variables: model.variables });
  }
  return answers;
}

/** One chain, in a worker thread. */
export async function sampleChain(
  { source, settings }: ChainTask,
  report: (done: number) => void,
): Promise<ChainAnswer> {
  const create = ((await import(source.module)) as Record<string, unknown>)[source.exportName];
  if (typeof create !== 'function') {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `${source.module} exports no function ${source.exportName}`,
      { cure: 'export the function that makes the model from the module that is named' },
    );
  }
  const make = create as (argument: unknown) => BayesianModel | Promise<BayesianModel>;
  const model = await make(source.argument);
  checkModel(model);
  const result = runChain(model, settings, (done) => {
    if (done % REPORT_EVERY === 0 || done === settings.draws + settings.tune) report(done);
  });
  return { ...result, name: model.name, variables: model.variables };
}
