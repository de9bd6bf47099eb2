import { ProcessingError } from '../../errors.js';
import { settingsOfModel } from './atlas-model.js';
import type { ComputeOptions } from './compute-device.js';
import { densityOf, logDensityOf, totalMass } from './density-transform.js';
import { displacementLengthsMm } from './field-space.js';
import { cropVolume, pasteDisplacement, pasteVolume } from './grid.js';
import type { AtlasModel } from './model-file.js';
import { jacobianMinAndFolds } from './jacobian.js';
import { localCorrelation } from './local-correlation.js';
import {
  type GridVelocity,
  integrateSubjectVelocity,
  predictSubjectVelocity,
  refineVelocity,
  warpVolume,
} from './refine.js';
import { type FlowResolution, logOffsetOf } from './settings.js';
import { toTrainUnits } from './train-units.js';

/** What happens to a field that folds: it is kept and reported, its velocity is scaled down, or the run fails. */
export type FoldPolicy = 'report' | 'repair' | 'fail';

/** Factor on the velocity in one step of the repair, and the largest number of steps. */
const REPAIR_FACTOR = 0.9;
const REPAIR_STEPS = 40;

/** One subject to register to a model. */
export interface EmitOptions extends ComputeOptions {
  readonly model: AtlasModel;
  readonly id: string;
  /** Full grid, C order, normalised density. */
  readonly volume: ArrayLike<number>;
  readonly foldPolicy: FoldPolicy;
  readonly signal?: AbortSignal | undefined;
}

/** A subject as the atlas sees it: field, warped template, and how good they are. */
export interface EmittedSubject {
  readonly id: string;
  /** Shape (velocity grid, 3), voxels of that grid, after repair. */
  readonly velocity: Float32Array;
  /** Which grid the velocity is on: instance steps may end on a finer one than that of the model. */
  readonly flow: FlowResolution;
  /** Shape (full grid, 3), voxels: `W(x) = T(x + u(x))`. */
  readonly displacement: Float32Array;
  /** W, full grid, normalised units. */
  readonly warped: Float32Array;
  /** Smallest Jacobian determinant and number of determinants that are not positive, on the full grid. */
  readonly jac_min: number;
  readonly n_folds: number;
  /** Factor that the repair left on the velocity; 1 when nothing was repaired. */
  readonly velocity_scale: number;
  readonly max_displacement_mm: number;
  readonly mean_displacement_mm: number;
  /** Local correlation of log density with the subject, of the template as it is and warped. */
  readonly ncc_before: number;
  readonly ncc_after: number;
  /** Sum of W over the sum of the subject. */
  readonly mass_ratio: number;
}

/** T on the full grid in normalised units: what `atlas_mean` holds. */
export function emitTemplate(model: AtlasModel): Float32Array {
  const { grid, shape, train_scale: scale } = model.metadata;
  const template = densityOf(model.theta, logOffsetOf(settingsOfModel(model)));
  return pasteVolume(template, shape, grid).map((value) => value * scale);
}

/**
 * Registers one subject to a trained model and warps the template to it (spec/learned_atlas 6).
 *
 * The velocity is, by mode: `direct`: the trained one for a subject of the cohort, else instance steps from rest;
 * `network`: the prediction; `hybrid`: the prediction and instance steps.
 *
 * @throws ProcessingError FOLDS when the field folds with `fail`, or still folds after every step of `repair`;
 *   TRAINING_DIVERGED
 * @throws NodeError CANCELLED when the signal aborts
 */
export async function emitSubject(options: EmitOptions): Promise<EmittedSubject> {
  const { model, id, volume } = options;
  const { grid, shape, train_scale: scale, affine } = model.metadata;
  const subject = toTrainUnits(volume, shape, grid, scale);
  const field = await repairedField(await subjectVelocity(options, subject), options);
  const warped = await warpVolume(emitTemplate(model), field.displacement, shape, options);
  const inTrainUnits = cropVolume(warped, shape, grid).map((value) => value / scale);
  const { maxMm, meanMm } = displacementLengthsMm(field.displacement, affine);
  const settings = settingsOfModel(model);
  const logOffset = logOffsetOf(settings);
  const correlation = (logDensity: Float32Array) =>
    localCorrelation(logDensity, logDensityOf(subject, logOffset), grid.padded, settings.loss, options);
  return {
    id,
    ...field,
    warped,
    max_displacement_mm: maxMm,
    mean_displacement_mm: meanMm,
    ncc_before: await correlation(model.theta),
    ncc_after: await correlation(logDensityOf(inTrainUnits, logOffset)),
    mass_ratio: totalMass(warped) / totalMass(volume),
  };
}

/** Velocity of a subject by the mode of the model. */
async function subjectVelocity(options: EmitOptions, subject: Float32Array): Promise<GridVelocity> {
  const { model, id } = options;
  const { mode, subjects, grid, instance_steps: steps, instance_full_steps: fullSteps } = model.metadata;
  const settings = settingsOfModel(model);
  const { flow_resolution: flow } = settings.model;
  const shape = grid.padded;
  const trained = mode === 'direct' ? model.velocities[subjects.indexOf(id)] : undefined;
  if (trained !== undefined) return { velocity: trained.slice(), flow };
  const { theta, weights } = model;
  const start =
    mode === 'direct'
      ? null
      : await predictSubjectVelocity({ ...options, theta, weights, subject, shape, settings });
  if (mode === 'network') return { velocity: start!, flow };
  const template = densityOf(theta, logOffsetOf(settings));
  return refineVelocity({ ...options, template, subject, shape, settings, start, steps, fullSteps });
}

type Field = Pick<
  EmittedSubject,
  'velocity' | 'flow' | 'displacement' | 'jac_min' | 'n_folds' | 'velocity_scale'
>;

/** Pastes the field into the full grid; scales the velocity down while it folds, if that is the policy. */
async function repairedField(found: GridVelocity, options: EmitOptions): Promise<Field> {
  const { model, foldPolicy, id } = options;
  const settings = settingsOfModel(model);
  const limit = foldPolicy === 'repair' ? REPAIR_STEPS : 0;
  for (let repairs = 0; ; repairs++) {
    const field = await fullField(found, REPAIR_FACTOR ** repairs, options, settings);
    if (field.n_folds === 0 || foldPolicy === 'report') return field;
    if (repairs >= limit) throw foldError(id, field, repairs);
  }
}

async function fullField(
  { velocity, flow }: GridVelocity,
  factor: number,
  options: EmitOptions,
  settings: ReturnType<typeof settingsOfModel>,
): Promise<Field> {
  const { grid, shape } = options.model.metadata;
  const scaled = factor === 1 ? velocity : velocity.map((value) => value * factor);
  const part = await integrateSubjectVelocity({ velocity: scaled, flow }, grid.padded, settings, options);
  const displacement = pasteDisplacement(part, shape, grid);
  const { min, folds } = jacobianMinAndFolds({ data: displacement, shape });
  return { velocity: scaled, flow, displacement, jac_min: min, n_folds: folds, velocity_scale: factor };
}

function foldError(id: string, field: Field, repairs: number): ProcessingError {
  const still =
    repairs > 0 ? ` after ${repairs} repairs (velocity times ${field.velocity_scale.toPrecision(2)})` : '';
  const repair = repairs > 0 ? '' : ', or set learned_atlas.fold_policy to repair';
  return new ProcessingError(
    'FOLDS',
    `the field of ${id} folds at ${field.n_folds} voxel(s)${still}, smallest determinant ${field.jac_min}`,
    { cure: `raise learned_atlas.loss.smoothness_weight or lower learned_atlas.optimizer.lr${repair}` },
  );
}
