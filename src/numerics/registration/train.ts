import type { DeviceInfo } from '../../tensor/index.js';
import { ProcessingError } from '../../errors.js';
import { arraysByName, type NamedArray } from './array-file.js';
import { hashTrainingCohort, hashTrainingSettings } from './checkpoint.js';
import { type ComputeOptions, useComputeDevice } from './compute-device.js';
import { densityOf } from './density-transform.js';
import { estimateTrainingMemoryMb, MEMORY_LIMIT_CURE, memoryLimitMessage } from './memory-estimate.js';
import { type MixtureResult, mixtureResultOf } from './mixture-state.js';
import { logOffsetOf, type OptimizerSettings, resolveEpochs } from './settings.js';
import { checkTrainingData, type TrainingData } from './training-data.js';
import { type LoopOptions, type LoopResult, runTraining, type Training } from './training-loop.js';

/** A training as the caller asks for it. */
export interface TrainTemplateOptions extends TrainingData, ComputeOptions {
  /** null: nothing is stored and nothing is continued. */
  readonly checkpointDir: string | null;
  /** Hash of the cohort and of the settings; left out, they are computed from the data and the settings. */
  readonly cohortHash?: string;
  readonly configHash?: string;
  /** Refuse to train when the estimate of `estimateTrainingMemoryMb` is above this; null or absent: no limit. */
  readonly memoryLimitMb?: number | null;
  /** Told before training starts what it is expected to need at its peak, MB. */
  readonly onMemoryEstimate?: ((megabytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEpoch?: LoopOptions['onEpoch'];
  readonly onWarning?: LoopOptions['onWarning'];
}

/** A trained template. All arrays are the caller's. */
export interface TrainedTemplate extends LoopResult {
  readonly mode: OptimizerSettings['mode'];
  /** Log template `l(T)`, training grid. */
  readonly theta: Float32Array;
  /** T, training grid, train units: finite, not below 0, 0 off the union support. */
  readonly template: Float32Array;
  /** Log templates after the first; empty with one template. */
  readonly furtherThetas: readonly Float32Array[];
  /** Shares and responsibilities of several templates; null with one. */
  readonly mixture: MixtureResult | null;
  /** Network parameters in their order; empty in direct mode. */
  readonly weights: readonly NamedArray[];
  /** Velocities in direct mode, in the order of the volumes, per subject one for each template; empty otherwise. */
  readonly velocities: readonly Float32Array[];
  /** What it was computed on. */
  readonly device: DeviceInfo;
}

/**
 * Learns the template of a cohort and the deformations that carry it to the subjects (spec/learned_atlas 5).
 *
 * In mode `hybrid` this is the network part; the steps per subject are taken by `subjectVelocity`. Equal seed, settings,
 * data, device and thread count give equal bits, also when training was interrupted and continued. Tensors are freed
 * before it returns, also after an error and after cancellation.
 *
 * @throws ProcessingError TRAINING_DIVERGED, CHECKPOINT, SHAPE_MISMATCH, INVALID_ARGUMENT, NON_FINITE, MEMORY_LIMIT
 * @throws NodeError CANCELLED when the signal aborts; a checkpoint then holds the state
 * @throws DependencyError BACKEND_MISSING when the device is not there
 */
export async function trainTemplate(options: TrainTemplateOptions): Promise<TrainedTemplate> {
  checkTrainingData(options);
  checkMemory(options);
  const { settings, ids, shape, volumes } = options;
  const device = await useComputeDevice(options, {
    memory: 'train on a smaller grid (learned_atlas.model.flow_resolution: half, crop_to_support)',
    ...(options.checkpointDir !== null && { afterLoss: 'training continues from its checkpoint' }),
  });
  const training = await createTraining(options);
  try {
    const result = await runTraining(training, {
      epochs: resolveEpochs(settings.optimizer),
      optimizer: settings.optimizer,
      checkpointDir: options.checkpointDir,
      identity: {
        configHash: options.configHash ?? hashTrainingSettings(settings),
        cohortHash: options.cohortHash ?? hashTrainingCohort(ids, shape, volumes),
      },
      signal: options.signal,
      onEpoch: options.onEpoch,
      onWarning: options.onWarning,
    });
    return { ...result, ...(await modelOf(training, options)), mode: settings.optimizer.mode, device };
  } finally {
    training.dispose();
  }
}

function checkMemory(options: TrainTemplateOptions): void {
  const { shape, volumes, settings, memoryLimitMb: limit = null } = options;
  const estimate = estimateTrainingMemoryMb(shape, volumes.length, settings);
  options.onMemoryEstimate?.(estimate);
  if (limit === null || estimate <= limit) return;
  throw new ProcessingError('MEMORY_LIMIT', memoryLimitMessage(estimate, limit), {
    where: `training grid ${shape.join(' x ')}, ${volumes.length} subjects`,
    cure: MEMORY_LIMIT_CURE,
  });
}

async function createTraining(data: TrainingData): Promise<Training> {
  if (data.settings.model.n_templates > 1) return createMixture(data);
  if (data.settings.optimizer.mode === 'direct') {
    const { DirectTraining } = await import('./direct-training.js');
    return new DirectTraining(data);
  }
  const { NetworkTraining } = await import('./network-training.js');
  return new NetworkTraining(data);
}

async function createMixture(data: TrainingData): Promise<Training> {
  if (data.settings.optimizer.mode === 'direct') {
    const { MixtureDirectTraining } = await import('./mixture-direct-training.js');
    return new MixtureDirectTraining(data);
  }
  const { MixtureNetworkTraining } = await import('./mixture-network-training.js');
  return new MixtureNetworkTraining(data);
}

async function modelOf(training: Training, { settings, volumes }: TrainingData) {
  const arrays = await training.exportModel();
  const { n_templates: templates } = settings.model;
  const [theta, ...furtherThetas] = arrays.slice(0, templates).map(({ values }) => values as Float32Array);
  const withPrefix = (prefix: string) =>
    arrays
      .filter(({ name }) => name.startsWith(prefix))
      .map((array) => ({ ...array, name: array.name.slice(prefix.length) }));
  const densities = [theta!, ...furtherThetas].map((one) => densityOf(one, logOffsetOf(settings)));
  if (!densities.every((one) => one.every((density) => Number.isFinite(density) && density >= 0))) {
    throw new ProcessingError(
      'NON_FINITE',
      'the trained template holds a density that is negative or not finite',
      {
        cure: 'lower learned_atlas.optimizer.template_lr (direct mode: direct_template_lr)',
      },
    );
  }
  return {
    theta: theta!,
    furtherThetas,
    mixture: templates === 1 ? null : mixtureResultOf(arraysByName(arrays), volumes.length),
    template: densities[0]!,
    weights: withPrefix('weight/'),
    velocities: withPrefix('velocity/').map(({ values }) => values as Float32Array),
  };
}
