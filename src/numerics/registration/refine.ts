import { setImmediate } from 'node:timers/promises';
import { NodeError, ProcessingError } from '../../errors.js';
import type { NamedArray } from './array-file.js';
import { type ComputeOptions, useComputeDevice } from './compute-device.js';
import { type Shape3, velocityShapeOf, voxelCount } from './grid.js';
import { type FlowResolution, logOffsetOf, type TrainingSettings } from './settings.js';

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
  /** Further steps on the training grid itself, where `steps` above 0 went on half of it; left out, none. */
  readonly fullSteps?: number;
  /** Subject id, for messages. */
  readonly id: string;
  readonly signal?: AbortSignal | undefined;
}

/** A velocity on half the training grid or on all of it. */
export interface GridVelocity {
  /** Shape (grid of `flow`, 3), voxels of that grid. */
  readonly velocity: Float32Array;
  readonly flow: FlowResolution;
}

/** A velocity, and the loss before each step that led to it. */
export interface RefinedVelocity extends GridVelocity {
  readonly losses: readonly number[];
}

/**
 * Takes instance steps: Adam on the velocity of one subject, the template fixed. The mean-deformation term is left out:
 * it centres a cohort, and here is one subject.
 *
 * After the steps on the half grid the velocity goes on at full resolution, coarse to fine: the half grid finds the
 * large shape in few steps, the full grid the detail that half of the voxels cannot hold (bench/RESULTS.md). The
 * smoothness term is the same number for the same velocity on either grid.
 *
 * @throws ProcessingError TRAINING_DIVERGED when a loss is not finite
 * @throws NodeError CANCELLED when the signal aborts
 */
export async function refineVelocity(options: RefineOptions): Promise<RefinedVelocity> {
  const { shape, settings, start, steps, fullSteps = 0 } = options;
  const flow = settings.model.flow_resolution;
  const atStart = start ?? new Float32Array(3 * voxelCount(velocityShapeOf(shape, flow)));
  if (steps === 0) return { velocity: atStart.slice(), flow, losses: [] };
  await useComputeDevice(options);
  const coarse = await descend(options, { velocity: atStart, flow }, steps);
  if (flow === 'full' || fullSteps === 0) return coarse;
  const finer = await onFullGrid(coarse.velocity, shape);
  const fine = await descend(options, { velocity: finer, flow: 'full' }, fullSteps);
  return { ...fine, losses: [...coarse.losses, ...fine.losses] };
}

/** The same velocity field on twice the grid, in voxels of it. */
async function onFullGrid(velocity: Float32Array, shape: Shape3): Promise<Float32Array> {
  const { read, scoped, tensor, upsampleField } = await import('../../tensor/index.js');
  return scoped(() => read(upsampleField(tensor(velocity, [1, ...velocityShapeOf(shape, 'half'), 3]))));
}

/** Steps of Adam on a velocity, on its own grid. */
async function descend(options: RefineOptions, from: GridVelocity, steps: number): Promise<RefinedVelocity> {
  const { template, subject, shape, id, signal } = options;
  const { flow } = from;
  const settings = withFlow(options.settings, flow);
  const { Adam, dispose, parameter, read, scoped, tensor, valueAndGradients } =
    await import('../../tensor/index.js');
  const { registrationPass } = await import('./registration-pass.js');
  const velocity = parameter(from.velocity, [1, ...velocityShapeOf(shape, flow), 3]);
  const fixed = tensor(template, [1, ...shape, 1]);
  const target = tensor(subject, [1, ...shape, 1]);
  const adam = new Adam({ lr: settings.optimizer.direct_lr });
  const losses: number[] = [];
  try {
    for (let step = 0; step < steps; step++) {
      await setImmediate();
      if (signal?.aborted === true) {
        throw new NodeError('CANCELLED', `the registration of ${id} was cancelled`, {
          cure: 'run the same command again; what has finished is reused',
        });
      }
      await scoped(async () => {
        const pass = () => registrationPass(fixed, target, velocity, settings, null);
        const { value, gradients } = await valueAndGradients(pass, [velocity]);
        requireFinite(value, flow, step, id);
        losses.push(value);
        adam.step([velocity], gradients);
      });
    }
    return { velocity: await read(velocity), flow, losses };
  } finally {
    dispose([velocity, fixed, target]);
    adam.dispose();
  }
}

/** The settings for a velocity on another grid than that of the model. */
export function withFlow(settings: TrainingSettings, flow: FlowResolution): TrainingSettings {
  return { ...settings, model: { ...settings.model, flow_resolution: flow } };
}

function requireFinite(loss: number, flow: FlowResolution, step: number, id: string): void {
  if (Number.isFinite(loss)) return;
  throw new ProcessingError('TRAINING_DIVERGED', `registration diverged: loss ${loss}`, {
    where: `subject ${id}, instance step ${step + 1} at ${flow} resolution`,
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
  const { concatChannels, read, scoped, tensor } = await import('../../tensor/index.js');
  const { toLogDensity } = await import('./registration-pass.js');
  const { predictVelocity } = await import('./unet.js');
  return scoped(() => {
    const logSubject = toLogDensity(tensor(subject, [1, ...shape, 1]), logOffsetOf(settings));
    const input = concatChannels([tensor(theta, [1, ...shape, 1]), logSubject]);
    const parameters = weights.map(({ values, shape: sizes }) => tensor(values as Float32Array, sizes));
    return read(predictVelocity(settings.model, parameters, input));
  });
}

/**
 * Displacement on the training grid of a velocity.
 *
 * @returns shape (training grid, 3), voxels of the training grid
 */
export async function integrateSubjectVelocity(
  { velocity, flow }: GridVelocity,
  shape: Shape3,
  settings: TrainingSettings,
  compute: ComputeOptions,
): Promise<Float32Array> {
  await useComputeDevice(compute);
  const { read, scoped, tensor } = await import('../../tensor/index.js');
  const { displacementOf } = await import('./registration-pass.js');
  const field = [1, ...velocityShapeOf(shape, flow), 3];
  return scoped(() => read(displacementOf(tensor(velocity, field), withFlow(settings, flow).model)));
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
  const { read, scoped, tensor, warp } = await import('../../tensor/index.js');
  return scoped(() => {
    const source = tensor(volume, [1, ...shape, 1]);
    return read(warp(source, tensor(displacement, [1, ...shape, 3]), 'zeros'));
  });
}
