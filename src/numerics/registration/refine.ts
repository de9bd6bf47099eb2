import { setImmediate } from 'node:timers/promises';
import { NodeError, ProcessingError } from '../../errors.js';
import type { NamedArray } from './array-file.js';
import { type ComputeOptions, useComputeDevice } from './compute-device.js';
import { type Shape3, velocityShapeOf, voxelCount } from './grid.js';
import { logOffsetOf, type TrainingSettings } from './settings.js';

/** Registration of one subject to a template that stays as it is. */
export interface RefineOptions extends ComputeOptions {
  /** T, training grid, train units. */
  readonly template: Float32Array;
  /** Subject, training grid, train units. */
  readonly subject: Float32Array;
  readonly shape: Shape3;
  readonly settings: TrainingSettings;
  /** Velocity to start from; null starts at rest. */
  readonly start: Float32Array | null;
  /** Steps of Adam with `direct_lr` on the velocity; 0 gives the start back. */
  readonly steps: number;
  /** Subject id, for messages. */
  readonly id: string;
  readonly signal?: AbortSignal | undefined;
}

/** A velocity, and the loss before each step that led to it. */
export interface RefinedVelocity {
  /** Shape (velocity grid, 3). */
  readonly velocity: Float32Array;
  readonly losses: readonly number[];
}

/**
 * Takes instance steps: Adam on the velocity of one subject, the template fixed. The mean-deformation term is left out:
 * it centres a cohort, and here is one subject.
 *
 * @throws ProcessingError TRAINING_DIVERGED when a loss is not finite
 * @throws NodeError CANCELLED when the signal aborts
 */
export async function refineVelocity(options: RefineOptions): Promise<RefinedVelocity> {
  const { template, subject, shape, settings, start, steps } = options;
  const velocityShape = velocityShapeOf(shape, settings.model.flow_resolution);
  const atStart = start ?? new Float32Array(3 * voxelCount(velocityShape));
  if (steps === 0) return { velocity: atStart.slice(), losses: [] };
  await useComputeDevice(options);
  const { Adam, dispose, parameter, read, tensor, tidy, valueAndGradients } =
    await import('../../tensor/index.js');
  const { registrationPass } = await import('./registration-pass.js');
  const velocity = parameter(atStart, [1, ...velocityShape, 3]);
  const fixed = tensor(template, [1, ...shape, 1]);
  const target = tensor(subject, [1, ...shape, 1]);
  const adam = new Adam({ lr: settings.optimizer.direct_lr });
  const losses: number[] = [];
  try {
    for (let step = 0; step < steps; step++) {
      await setImmediate();
      if (options.signal?.aborted === true) {
        throw new NodeError('CANCELLED', `the registration of ${options.id} was cancelled`);
      }
      tidy(() => {
        const pass = () => registrationPass(fixed, target, velocity, settings, null);
        const { value, gradients } = valueAndGradients(pass, [velocity]);
        requireFinite(value, step, options.id);
        losses.push(value);
        adam.step([velocity], gradients);
      });
    }
    return { velocity: read(velocity), losses };
  } finally {
    dispose([velocity, fixed, target]);
  }
}

function requireFinite(loss: number, step: number, id: string): void {
  if (Number.isFinite(loss)) return;
  throw new ProcessingError('TRAINING_DIVERGED', `registration diverged: loss ${loss}`, {
    where: `subject ${id}, instance step ${step + 1}`,
    cure: 'lower learned_atlas.optimizer.direct_lr, or look at the volume of this subject',
  });
}

/** Prediction of the network for one subject. */
export interface PredictOptions extends ComputeOptions {
  /** Log template and subject (train units), training grid. */
  readonly theta: Float32Array;
  readonly subject: Float32Array;
  readonly shape: Shape3;
  readonly weights: readonly NamedArray[];
  readonly settings: TrainingSettings;
}

/**
 * Velocity that a trained network predicts for a subject.
 *
 * @returns shape (velocity grid, 3), voxels of that grid
 */
export async function predictSubjectVelocity(options: PredictOptions): Promise<Float32Array> {
  const { theta, subject, shape, weights, settings } = options;
  await useComputeDevice(options);
  const { concatChannels, read, tensor, tidy } = await import('../../tensor/index.js');
  const { toLogDensity } = await import('./registration-pass.js');
  const { predictVelocity } = await import('./unet.js');
  let velocity!: Float32Array;
  tidy(() => {
    const logSubject = toLogDensity(tensor(subject, [1, ...shape, 1]), logOffsetOf(settings));
    const input = concatChannels([tensor(theta, [1, ...shape, 1]), logSubject]);
    const parameters = weights.map(({ values, shape: sizes }) => tensor(values as Float32Array, sizes));
    velocity = read(predictVelocity(settings.model, parameters, input));
  });
  return velocity;
}

/**
 * Displacement on the training grid of a velocity.
 *
 * @param velocity - shape (velocity grid, 3)
 * @returns shape (training grid, 3), voxels of the training grid
 */
export async function integrateSubjectVelocity(
  velocity: Float32Array,
  shape: Shape3,
  settings: TrainingSettings,
  compute: ComputeOptions,
): Promise<Float32Array> {
  await useComputeDevice(compute);
  const { read, tensor, tidy } = await import('../../tensor/index.js');
  const { displacementOf } = await import('./registration-pass.js');
  const velocityShape = velocityShapeOf(shape, settings.model.flow_resolution);
  let displacement!: Float32Array;
  tidy(() => {
    displacement = read(displacementOf(tensor(velocity, [1, ...velocityShape, 3]), settings.model));
  });
  return displacement;
}

/**
 * Pulls a volume by a displacement, trilinear, zero outside.
 *
 * @param volume - shape `shape`, C order
 * @param displacement - shape (shape, 3), voxels
 */
export async function warpVolume(
  volume: Float32Array,
  displacement: Float32Array,
  shape: Shape3,
  compute: ComputeOptions,
): Promise<Float32Array> {
  await useComputeDevice(compute);
  const { read, tensor, tidy, warp } = await import('../../tensor/index.js');
  let warped!: Float32Array;
  tidy(() => {
    const source = tensor(volume, [1, ...shape, 1]);
    warped = read(warp(source, tensor(displacement, [1, ...shape, 3]), 'zeros'));
  });
  return warped;
}
