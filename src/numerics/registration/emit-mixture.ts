import { settingsOfModel } from './atlas-model.js';
import { useComputeDevice } from './compute-device.js';
import { densityOf } from './density-transform.js';
import { type EmitOptions, type EmittedSubject, emitSubject, emitTemplate } from './emit.js';
import { velocityShapeOf } from './grid.js';
import { mixtureValue, mostResponsible } from './mixture.js';
import type { AtlasModel } from './model-file.js';
import { logOffsetOf } from './settings.js';
import { toTrainUnits } from './train-units.js';

/** A subject as an atlas of one or several templates sees it. */
export interface EmittedAtlasSubject extends EmittedSubject {
  /** Responsibility of each template for the subject; null with one template. */
  readonly responsibilities: number[] | null;
}

/** Number of templates of a model. */
export function templateCount(model: AtlasModel): number {
  return 1 + model.furtherThetas.length;
}

/** The model with one of its templates alone: what the functions for a single template take. */
export function templateModel(model: AtlasModel, template: number): AtlasModel {
  const count = templateCount(model);
  return {
    ...model,
    theta: template === 0 ? model.theta : model.furtherThetas[template - 1]!,
    furtherThetas: [],
    velocities: model.velocities.filter((_velocity, at) => at % count === template),
  };
}

/** Every template on the full grid, normalised units. */
export function emitTemplates(model: AtlasModel): Float32Array[] {
  return Array.from({ length: templateCount(model) }, (_, k) => emitTemplate(templateModel(model, k)));
}

/** What `atlas_mean` holds: the template, or the sum of all weighted by their shares. */
export function emitAtlasMean(model: AtlasModel): Float32Array {
  const templates = emitTemplates(model);
  return templates.length === 1 ? templates[0]! : weightedMaps(templates, model.metadata.pi ?? []);
}

/**
 * `emitSubject` for an atlas of one or several templates. With several, the subject is registered to each; the warped
 * map is the sum of all weighted by their responsibilities, and field and quality are those of the most responsible.
 *
 * @throws as `emitSubject`
 */
export async function emitAtlasSubject(options: EmitOptions): Promise<EmittedAtlasSubject> {
  const { model } = options;
  const count = templateCount(model);
  if (count === 1) return { ...(await emitSubject(options)), responsibilities: null };
  const emitted: EmittedSubject[] = [];
  const losses: number[] = [];
  for (let k = 0; k < count; k++) {
    const own = { ...options, model: templateModel(model, k) };
    const one = await emitSubject(own);
    emitted.push(one);
    losses.push(await registrationLoss(own, one));
  }
  const { mixture_sharpness: sharpness } = model.metadata.model;
  const { responsibilities } = mixtureValue(losses, model.metadata.pi ?? [], sharpness);
  const best = emitted[mostResponsible(responsibilities)]!;
  return {
    ...best,
    responsibilities,
    warped: weightedMaps(
      emitted.map(({ warped }) => warped),
      responsibilities,
    ),
    mass_ratio: emitted.reduce((sum, one, k) => sum + responsibilities[k]! * one.mass_ratio, 0),
  };
}

/** The objective of one subject under a template with the velocity it has now; without the mean deformation. */
async function registrationLoss(
  options: EmitOptions,
  { velocity, flow }: Pick<EmittedSubject, 'velocity' | 'flow'>,
): Promise<number> {
  const { model, volume } = options;
  const { grid, shape, train_scale: scale } = model.metadata;
  const ofModel = settingsOfModel(model);
  // Instance steps may end on a finer grid than that of the network.
  const settings = { ...ofModel, model: { ...ofModel.model, flow_resolution: flow } };
  await useComputeDevice(options);
  const { readScalars, scoped, tensor } = await import('../../tensor/index.js');
  const { registrationPass } = await import('./registration-pass.js');
  const padded = grid.padded;
  const velocityShape = velocityShapeOf(padded, flow);
  const [loss] = await scoped(() => {
    const template = tensor(densityOf(model.theta, logOffsetOf(settings)), [1, ...padded, 1]);
    const subject = tensor(toTrainUnits(volume, shape, grid, scale), [1, ...padded, 1]);
    const field = tensor(velocity, [1, ...velocityShape, 3]);
    return readScalars([registrationPass(template, subject, field, settings, null).loss]);
  });
  return loss!;
}

function weightedMaps(maps: readonly Float32Array[], weights: readonly number[]): Float32Array {
  return Float32Array.from(maps[0]!, (_, v) => maps.reduce((sum, map, k) => sum + weights[k]! * map[v]!, 0));
}
