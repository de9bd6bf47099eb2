import { paddedShape, voxelCount, type Shape3 } from '../../numerics/registration/grid.js';
import {
  estimateRegistrationMemoryMb,
  estimateTrainingMemoryMb,
} from '../../numerics/registration/memory-estimate.js';
import type { TrainingSettings } from '../../numerics/registration/settings.js';

/** Float32 copies of each volume that a node holds on the full grid while it reads and crops the cohort. */
const COPIES_PER_VOLUME = 2;
/** Full-grid arrays of the emission of one subject: displacement, Jacobian, template, warped volume and the like. */
const EMISSION_FLOATS = 16;
const BYTES_PER_FLOAT = 4;
const MB = 2 ** 20;
const MB_PER_GB = 1024;
/** No node asks for less: the process itself, and reading. */
const LEAST_GB = 0.5;

/** What nodes ask the scheduler for, GB. */
export interface MemoryRequests {
  readonly trainingGb: number;
  readonly registrationGb: number;
}

/**
 * Memory that training and registration of a cohort ask for. The crop is not known before the volumes are read, so the
 * full grid counts, unless `memory_limit_mb` says that a training which needs more is refused anyway.
 *
 * @param shape - full grid
 */
export function memoryRequests(
  shape: Shape3,
  subjects: number,
  settings: TrainingSettings,
  limitMb: number | null,
): MemoryRequests {
  const grid = paddedShape(shape, settings.model.enc_features.length);
  const fullGridMb = (floats: number): number => (voxelCount(shape) * BYTES_PER_FLOAT * floats) / MB;
  const training = Math.min(estimateTrainingMemoryMb(grid, subjects, settings), limitMb ?? Infinity);
  const registration = estimateRegistrationMemoryMb(grid, settings);
  return {
    trainingGb: inGb(training + fullGridMb(COPIES_PER_VOLUME * subjects)),
    registrationGb: inGb(registration + fullGridMb(EMISSION_FLOATS * settings.model.n_templates)),
  };
}

/** Rounded up to a tenth. */
function inGb(megabytes: number): number {
  return Math.max(LEAST_GB, Math.ceil((10 * megabytes) / MB_PER_GB) / 10);
}
