import { ProcessingError } from '../../errors.js';
import type { Objective, Tensor } from '../../tensor/index.js';
import { type ComputeOptions, useComputeDevice } from './compute-device.js';
import type { Shape3 } from './grid.js';
import type { LossTerms } from './loss-terms.js';
import { LossSettings } from './settings.js';

/** Where a loss is computed, and the settings of the terms; what is left out has its default. */
export interface LossOptions extends Partial<ComputeOptions> {
  /** As in the configuration block `learned_atlas.loss`. */
  readonly settings?: Partial<LossSettings>;
}

/** Warped templates and subjects in train units, (n, X, Y, Z), C order. */
export interface DensityPair {
  readonly warped: Float32Array;
  readonly subject: Float32Array;
  readonly shape: Shape3;
  /** Size of the batch; default 1. */
  readonly n?: number;
}

/** Vectors on a grid: (n, X, Y, Z, 3), C order, voxels of that grid. */
export interface VectorGrid {
  readonly data: Float32Array;
  readonly shape: Shape3;
  readonly n?: number;
}

/** A loss and its gradient with respect to the warped templates, or to the velocity. */
export interface LossValue {
  readonly value: number;
  readonly gradient: Float32Array;
}

/** Everything that the objective rates. */
export interface ObjectiveInput extends DensityPair {
  /** On its own grid. */
  readonly velocity: VectorGrid;
  /** (n, X, Y, Z, 3), voxels of the grid of the subject. */
  readonly displacement: Float32Array;
  /** Running mean of the displacement, (X, Y, Z, 3); absent: its term is left out. */
  readonly meanDisplacement?: Float32Array;
}

/** The objective, its unweighted terms, and its gradients. */
export interface ObjectiveValue {
  readonly value: number;
  readonly terms: LossTerms;
  readonly gradients: {
    readonly warped: Float32Array;
    readonly velocity: Float32Array;
    readonly displacement: Float32Array;
  };
}

/**
 * 1 minus the mean local correlation of the log densities over the windows in which the subject varies; 0 where it
 * varies nowhere (spec/learned_atlas 4, LocalNCCLogLoss).
 *
 * @throws ProcessingError SHAPE_MISMATCH for arrays that do not fill the grid
 * @throws DependencyError BACKEND_MISSING when the device is not there
 */
export async function localNccLogLoss(pair: DensityPair, options: LossOptions = {}): Promise<LossValue> {
  const settings = LossSettings.parse(options.settings ?? {});
  const { localNccLogLoss: loss, log } = await lossFunctions(settings);
  return single(
    await evaluate(options, [warpedOf(pair)], [subjectOf(pair)], ([warped], [subject]) =>
      loss(log(warped!), log(subject!), settings),
    ),
  );
}

/** 1 minus the soft Dice of the log densities, voxels off the support of the subject counting less; errors as above. */
export async function presenceWeightedSoftDice(
  pair: DensityPair,
  options: LossOptions = {},
): Promise<LossValue> {
  const settings = LossSettings.parse(options.settings ?? {});
  const { presenceWeightedSoftDice: loss, log } = await lossFunctions(settings);
  return single(
    await evaluate(options, [warpedOf(pair)], [subjectOf(pair)], ([warped], [subject]) =>
      loss(log(warped!), log(subject!), subject!, settings),
    ),
  );
}

/** Mean over the axes of the mean squared forward difference of a velocity; errors as `localNccLogLoss`. */
export async function gradientSmoothness(
  velocity: VectorGrid,
  options: LossOptions = {},
): Promise<LossValue> {
  const { gradientSmoothness: loss } = await import('./losses.js');
  const given = [{ name: 'velocity', data: velocity.data, shape: vectorShape(velocity) }];
  return single(await evaluate(options, given, [], ([v]) => loss(v!)));
}

/** The objective of the training: the weighted sum of all terms whose weight is above 0; errors as `localNccLogLoss`. */
export async function learnedAtlasLoss(
  input: ObjectiveInput,
  options: LossOptions = {},
): Promise<ObjectiveValue> {
  const settings = LossSettings.parse(options.settings ?? {});
  const { learnedAtlasLoss: loss } = await lossFunctions(settings);
  const { velocity, displacement, meanDisplacement: mean, shape } = input;
  const differentiable = [
    warpedOf(input),
    { name: 'velocity', data: velocity.data, shape: vectorShape(velocity) },
    { name: 'displacement', data: displacement, shape: vectorShape(input) },
  ];
  const fixed = [subjectOf(input)];
  if (mean !== undefined) fixed.push({ name: 'meanDisplacement', data: mean, shape: vectorShape({ shape }) });
  const { value, terms, gradients } = await evaluate(
    options,
    differentiable,
    fixed,
    ([warped, v, u], [subject, meanDisplacement = null]) =>
      loss(
        {
          warped: warped!,
          subject: subject!,
          velocity: v!,
          displacement: u!,
          meanDisplacement,
          logOffset: settings.log_offset,
        },
        settings,
      ),
  );
  const [ofWarped, ofVelocity, ofDisplacement] = gradients;
  return {
    value,
    terms,
    gradients: { warped: ofWarped!, velocity: ofVelocity!, displacement: ofDisplacement! },
  };
}

interface Given {
  readonly name: string;
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

const warpedOf = ({ warped, shape, n = 1 }: DensityPair): Given => ({
  name: 'warped',
  data: warped,
  shape: [n, ...shape, 1],
});

const subjectOf = ({ subject, shape, n = 1 }: DensityPair): Given => ({
  name: 'subject',
  data: subject,
  shape: [n, ...shape, 1],
});

function vectorShape({ shape, n = 1 }: { readonly shape: Shape3; readonly n?: number }): number[] {
  return [n, ...shape, 3];
}

/** Loads the losses and, for a log offset, the log density. */
async function lossFunctions({ log_offset: offset }: LossSettings) {
  const losses = await import('./losses.js');
  const { toLogDensity } = await import('./registration-pass.js');
  return { ...losses, log: (density: Tensor) => toLogDensity(density, offset) };
}

function single({ value, gradients }: { value: number; gradients: Float32Array[] }): LossValue {
  return { value, gradient: gradients[0]! };
}

/** Evaluates an objective of arrays and differentiates it by the first list; every tensor is freed. */
async function evaluate(
  options: LossOptions,
  differentiable: readonly Given[],
  fixed: readonly Given[],
  objective: (xs: readonly Tensor[], fixed: readonly Tensor[]) => Tensor | Objective,
): Promise<{ value: number; terms: LossTerms; gradients: Float32Array[] }> {
  for (const given of [...differentiable, ...fixed]) checkGiven(given);
  await useComputeDevice({ device: options.device ?? 'auto', threads: options.threads ?? 1 });
  const { dispose, read, tensor, valueAndGradients } = await import('../../tensor/index.js');
  const toTensor = ({ data, shape }: Given) => tensor(data, shape);
  const held: Tensor[] = [];
  try {
    const xs = differentiable.map(toTensor);
    held.push(...xs);
    const constants = fixed.map(toTensor);
    held.push(...constants);
    const { value, terms, gradients } = await valueAndGradients(() => objective(xs, constants), xs);
    held.push(...gradients);
    return { value, terms, gradients: await Promise.all(gradients.map((gradient) => read(gradient))) };
  } finally {
    dispose(held);
  }
}

function checkGiven({ name, data, shape }: Given): void {
  const needed = shape.reduce((product, length) => product * length, 1);
  if (data.length === needed) return;
  throw new ProcessingError(
    'SHAPE_MISMATCH',
    `${name} has ${data.length} values, shape ${shape.join(' x ')} needs ${needed}`,
    { cure: 'give arrays that fill their grid' },
  );
}
