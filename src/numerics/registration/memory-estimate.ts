import { type Shape3, velocityShapeOf, voxelCount } from './grid.js';
import { convolutions } from './network-layout.js';
import type { TrainingSettings } from './settings.js';

const BYTES_PER_FLOAT = 4;
const BYTES_PER_MB = 2 ** 20;

/** The process before any voxel: Node, tensor library, kernels and their scratch. Measured 100 to 110 MB. */
const PROCESS_MB = 120;

/** Warp, losses and their gradients on the training grid, bytes per voxel. Measured 246 to 307 in direct mode. */
const REGISTRATION_BYTES = 310;

/** Stages of the integration and their gradients, floats per voxel of the velocity grid. */
const INTEGRATION_FLOATS = 48;

/**
 * Largest memory of a training in MB, estimated from the high side (3 to 20 % above the measured peaks of 32^3 to
 * 96^3 voxels on the native backend).
 *
 * Counted are the activations of the network and as much again for their gradients, registration and losses, the
 * volumes of the cohort, and in direct mode a velocity with two moments per subject.
 *
 * @param shape - training grid
 */
export function estimateTrainingMemoryMb(
  shape: Shape3,
  subjects: number,
  settings: TrainingSettings,
): number {
  const voxels = voxelCount(shape);
  const velocity = voxelCount(velocityShapeOf(shape, settings.model.flow_resolution));
  const direct = settings.optimizer.mode === 'direct';
  const activations = direct ? 0 : 2 * BYTES_PER_FLOAT * activationsPerVoxel(settings);
  const step = voxels * (activations + REGISTRATION_BYTES) + velocity * INTEGRATION_FLOATS * BYTES_PER_FLOAT;
  const { n_templates: templates } = settings.model;
  const cohort = subjects * BYTES_PER_FLOAT * (voxels + (direct ? 9 * templates * velocity : 0));
  // Every further template has its moments, gradient and running mean of the displacement.
  const further = (templates - 1) * BYTES_PER_FLOAT * voxels * 10;
  const batch = direct ? 1 : settings.optimizer.batch_size;
  return PROCESS_MB + (batch * step + cohort + further) / BYTES_PER_MB;
}

/**
 * Largest memory of the registration of one subject to a trained model in MB, from the high side: instance steps at full
 * resolution, or the activations of the prediction of the network where they are more.
 *
 * @param shape - training grid
 */
export function estimateRegistrationMemoryMb(shape: Shape3, settings: TrainingSettings): number {
  const { model, optimizer } = settings;
  const steps = estimateTrainingMemoryMb(shape, 1, {
    ...settings,
    model: { ...model, flow_resolution: 'full', n_templates: 1 },
    optimizer: { ...optimizer, mode: 'direct' },
  });
  const network = BYTES_PER_FLOAT * (optimizer.mode === 'direct' ? 0 : activationsPerVoxel(settings));
  return Math.max(steps, PROCESS_MB + (voxelCount(shape) * network) / BYTES_PER_MB);
}

/** Says that an estimate is above the limit; both in MB. */
export function memoryLimitMessage(estimate: number, limit: number): string {
  return `training needs about ${Math.ceil(estimate)} MB, memory_limit_mb is ${limit}`;
}

/** What to do when the estimate is above the limit. */
export const MEMORY_LIMIT_CURE =
  'raise learned_atlas.memory_limit_mb, crop to the support, or use half flow and smaller features';

/** Floats that the network keeps per voxel of the training grid: input, convolutions, pooled and joined volumes. */
function activationsPerVoxel({ model }: TrainingSettings): number {
  let previous = -1;
  return convolutions(model).reduce((sum, { inputs, outputs, level }) => {
    // On the grid of the convolution before it, its input is that one's output; else it was pooled or joined for it.
    const made = level === previous ? 0 : inputs;
    previous = level;
    return sum + (outputs + made) / 8 ** level;
  }, 0);
}
