import { ProcessingError } from '../../errors.js';
import { type Shape3, voxelCount } from './grid.js';
import type { TrainingSettings } from './settings.js';

/** A cohort on the training grid, and how to train on it. */
export interface TrainingData {
  /** One per subject, training grid, train units. */
  readonly volumes: readonly Float32Array[];
  /** One per volume. */
  readonly ids: readonly string[];
  /** Training grid: multiples of 2^levels. */
  readonly shape: Shape3;
  /** 1 where any subject has density. */
  readonly unionSupport: Uint8Array;
  readonly settings: TrainingSettings;
}

/**
 * Checks that a cohort can be trained on.
 *
 * @throws ProcessingError SHAPE_MISMATCH, NON_FINITE or INVALID_ARGUMENT with the subject and the setting
 */
export function checkTrainingData({ volumes, ids, shape, unionSupport, settings }: TrainingData): void {
  const voxels = voxelCount(shape);
  const { model, loss, optimizer } = settings;
  if (volumes.length === 0 || ids.length !== volumes.length) {
    throw invalid(
      `${volumes.length} volumes and ${ids.length} ids were given`,
      'give one id for each volume, at least one',
    );
  }
  const step = 2 ** model.enc_features.length;
  if (shape.some((count) => count < step || count % step !== 0)) {
    throw invalid(
      `training grid ${shape.join(' x ')} is not made of multiples of ${step}`,
      'pad it, as trainingGrid does, for the number of entries in model.enc_features',
    );
  }
  if (loss.similarity_weight > 0 && Math.min(...shape) < loss.ncc_window) {
    throw invalid(
      `ncc_window ${loss.ncc_window} is larger than the training grid ${shape.join(' x ')}`,
      'set learned_atlas.loss.ncc_window to a smaller odd number, or enlarge learned_atlas.crop_margin',
    );
  }
  if (optimizer.batch_size > volumes.length) {
    throw invalid(
      `batch_size ${optimizer.batch_size} exceeds the ${volumes.length} subjects`,
      'lower learned_atlas.optimizer.batch_size',
    );
  }
  if (model.n_templates > volumes.length) {
    throw invalid(
      `${model.n_templates} templates exceed the ${volumes.length} subjects`,
      'lower learned_atlas.model.n_templates',
    );
  }
  if (unionSupport.length !== voxels) throw wrongSize('union support', unionSupport.length, shape);
  volumes.forEach((volume, index) => {
    if (volume.length !== voxels) throw wrongSize(`volume of ${ids[index]!}`, volume.length, shape);
    if (!volume.every((value) => Number.isFinite(value) && value >= 0)) {
      throw new ProcessingError(
        'NON_FINITE',
        `volume of ${ids[index]!} holds a value that is negative or not finite`,
        { cure: 'give densities: counts or shares of streamlines' },
      );
    }
  });
}

function invalid(message: string, cure: string): ProcessingError {
  return new ProcessingError('INVALID_ARGUMENT', message, { cure });
}

function wrongSize(what: string, count: number, shape: Shape3): ProcessingError {
  return new ProcessingError(
    'SHAPE_MISMATCH',
    `${what} has ${count} values, the training grid ${shape.join(' x ')} needs ${voxelCount(shape)}`,
    { cure: 'bring all volumes to the training grid first' },
  );
}
