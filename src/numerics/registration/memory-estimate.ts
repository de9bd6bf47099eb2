import { type Shape3, velocityShapeOf, voxelCount } from './grid.js';
import { convolutions } from './network-layout.js';
import type { TrainingSettings } from './settings.js';
import type { TrainingData } from './training-data.js';

const BYTES_PER_FLOAT = 4;
const BYTES_PER_MB = 2 ** 20;

/** The process before any voxel: Node, tensor library, kernels and their scratch. Measured 100 to 110 MB. */
const PROCESS_MB = 120;

/** Warp, losses and their gradients on the training grid, bytes per voxel; measured 134 in use at the peak. */
const REGISTRATION_BYTES = 136;

/** Stages of the integration, floats per voxel of the velocity grid; measured 30 in use at the peak. */
const INTEGRATION_FLOATS = 30;

/** Memory of the process over what is in use at the peak: gaps between arrays, copies that wait for their collection. */
const OVERHEAD = 1.4;

/** Share of the finest activations that computing them again saves at the peak: measured with the gaps it leaves. */
const RECOMPUTE_SAVES = 0.5;

/** Above this the finest activations are computed again: the time is that of one narrow convolution, 2 % of a step. */
const RECOMPUTE_ABOVE_MB = 512;

/**
 * Largest memory of a training in MB, estimated from the high side (8 to 41 % above the measured peaks of 32^3 to
 * 160^3 voxels on the native backend).
 *
 * Counted are the activations that the network keeps, with registration and losses or the widest gradient of the network,
 * whichever is more; the volumes of the cohort; and in direct mode a velocity with two moments per subject.
 *
 * @param shape - training grid
 */
export function estimateTrainingMemoryMb(
  shape: Shape3,
  subjects: number,
  settings: TrainingSettings,
): number {
  const kept = estimateMb(shape, subjects, settings, false);
  return recomputes(kept, settings) ? estimateMb(shape, subjects, settings, true) : kept;
}

/** Whether a training computes its finest activations again instead of keeping them. Its results are the same bits. */
export function recomputesFinest({ shape, volumes, settings }: TrainingData): boolean {
  return recomputes(estimateMb(shape, volumes.length, settings, false), settings);
}

/** With full flow the finest activations are joined again at the end: there is nothing to gain. */
function recomputes(keptMb: number, { model, optimizer }: TrainingSettings): boolean {
  return optimizer.mode !== 'direct' && model.flow_resolution === 'half' && keptMb > RECOMPUTE_ABOVE_MB;
}

function estimateMb(shape: Shape3, subjects: number, settings: TrainingSettings, recompute: boolean): number {
  const { model, optimizer } = settings;
  const voxels = voxelCount(shape);
  const velocity = voxelCount(velocityShapeOf(shape, model.flow_resolution));
  const direct = optimizer.mode === 'direct';
  const network = direct ? { kept: 0, widest: 0 } : networkFloats(settings);
  const saved = recompute ? RECOMPUTE_SAVES * model.enc_features[0]! : 0;
  const kept = BYTES_PER_FLOAT * (network.kept - saved);
  const registration = voxels * REGISTRATION_BYTES + velocity * INTEGRATION_FLOATS * BYTES_PER_FLOAT;
  const step = voxels * kept + Math.max(registration, voxels * BYTES_PER_FLOAT * network.widest);
  const { n_templates: templates } = model;
  const cohort = subjects * BYTES_PER_FLOAT * (voxels + (direct ? 9 * templates * velocity : 0));
  // Every further template has its moments, gradient and running mean of the displacement.
  const further = (templates - 1) * BYTES_PER_FLOAT * voxels * 10;
  const batch = direct ? 1 : optimizer.batch_size;
  return PROCESS_MB + (OVERHEAD * batch * step + cohort + further) / BYTES_PER_MB;
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
  const network = BYTES_PER_FLOAT * (optimizer.mode === 'direct' ? 0 : networkFloats(settings).kept);
  return Math.max(steps, PROCESS_MB + (OVERHEAD * voxelCount(shape) * network) / BYTES_PER_MB);
}

/** Says that an estimate is above the limit; both in MB. */
export function memoryLimitMessage(estimate: number, limit: number): string {
  return `training needs about ${Math.ceil(estimate)} MB, memory_limit_mb is ${limit}`;
}

/** What to do when the estimate is above the limit. */
export const MEMORY_LIMIT_CURE =
  'raise learned_atlas.memory_limit_mb, crop to the support, or use half flow and smaller features';

/** Floats per voxel of the training grid: what the network keeps for its gradient, and the widest gradient with its source. */
function networkFloats({ model }: TrainingSettings): { kept: number; widest: number } {
  let previous = -1;
  let kept = 0;
  let widest = 0;
  for (const { inputs, outputs, level } of convolutions(model)) {
    const finer = 8 ** level;
    // Below the first level, what comes from a finer grid was pooled; doubled and joined volumes are never made.
    const pooled = level > previous ? inputs / finer : 0;
    kept += outputs / finer + pooled;
    widest = Math.max(widest, (inputs + outputs) / finer);
    previous = level;
  }
  return { kept, widest };
}
