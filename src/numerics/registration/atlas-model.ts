import { hashTrainingSettings } from './checkpoint.js';
import type { Shape3 } from './grid.js';
import { type AtlasModel, MODEL_SCHEMA_VERSION, type ModelMetadata } from './model-file.js';
import { OptimizerSettings, type TrainingSettings } from './settings.js';
import type { TrainedTemplate } from './train.js';
import type { TrainingCohort } from './train-units.js';

/** What a model says beside the trained arrays. */
export interface ModelContext {
  readonly softwareVersion: string;
  /** Digest of the configuration; left out, that of the training settings. */
  readonly configDigest?: string;
  readonly settings: TrainingSettings;
  readonly instanceSteps: number;
  /** Left out, none. */
  readonly instanceFullSteps?: number;
  /** Full grid. */
  readonly shape: Shape3;
  readonly affine: readonly number[];
  readonly normalizationMethod: string;
  readonly trainingSpace: string;
  readonly ids: readonly string[];
}

/** Puts a trained template and its cohort together as the model that is written and that subjects are emitted from. */
export function buildAtlasModel(
  trained: TrainedTemplate,
  cohort: TrainingCohort,
  context: ModelContext,
): AtlasModel {
  const { settings } = context;
  const metadata: ModelMetadata = {
    schema_version: MODEL_SCHEMA_VERSION,
    software_version: context.softwareVersion,
    mode: trained.mode,
    config_digest: context.configDigest ?? hashTrainingSettings(settings),
    model: settings.model,
    loss: settings.loss,
    direct_lr: settings.optimizer.direct_lr,
    instance_steps: context.instanceSteps,
    instance_full_steps: context.instanceFullSteps ?? 0,
    shape: context.shape,
    affine: context.affine,
    grid: cohort.grid,
    train_scale: cohort.trainScale,
    normalization_method: context.normalizationMethod,
    training_space: context.trainingSpace,
    subjects: context.ids,
    ...(trained.mixture === null ? {} : { pi: trained.mixture.pi }),
  };
  const { theta, furtherThetas, weights, velocities } = trained;
  return { metadata, theta, furtherThetas, unionSupport: cohort.unionSupport, weights, velocities };
}

/** The settings that registration to a model uses; those of its training that do not matter any more are defaults. */
export function settingsOfModel({ metadata }: AtlasModel): TrainingSettings {
  const { mode, direct_lr, model, loss, normalization_method: method } = metadata;
  return {
    model,
    loss,
    optimizer: { ...OptimizerSettings.parse({}), mode, direct_lr },
    densityInLog: method === 'log',
  };
}
