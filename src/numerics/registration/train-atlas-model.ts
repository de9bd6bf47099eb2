import { type AtlasModel } from './model-file.js';
import { buildAtlasModel, type ModelContext } from './atlas-model.js';
import type { Shape3 } from './grid.js';
import { type TrainedTemplate, type TrainTemplateOptions, trainTemplate } from './train.js';
import { prepareTrainingCohort } from './train-units.js';
import type { TrainingSet } from './training-set.js';

/** A cohort on its full grid, and how to train on it. */
export interface TrainAtlasModelOptions
  extends
    Omit<TrainTemplateOptions, 'volumes' | 'shape' | 'unionSupport'>,
    Omit<ModelContext, 'settings' | 'ids' | 'shape'> {
  /** Normalised density per subject, full grid, C order. */
  readonly volumes: readonly Float32Array[];
  /** Full grid. */
  readonly shape: Shape3;
  /** As `crop_to_support` and `crop_margin`. */
  readonly crop: boolean;
  readonly margin: number;
}

/**
 * Crops a cohort to its training grid, learns the template on it, and puts the model together that subjects are
 * emitted from and that is written.
 *
 * @throws as `prepareTrainingCohort` and `trainTemplate`
 */
export async function trainAtlasModel(options: TrainAtlasModelOptions): Promise<TrainedAtlas> {
  const { ids, volumes, shape, affine, crop, margin, settings } = options;
  const levels = settings.model.enc_features.length;
  const cohort = prepareTrainingCohort(volumes, shape, { crop, margin, levels });
  return trainOnSet({ ids, shape, affine, cohort }, options);
}

/** A model, and how its training went. */
export interface TrainedAtlas {
  readonly model: AtlasModel;
  readonly trained: TrainedTemplate;
}

/** `trainAtlasModel` for a cohort that is on its training grid already. */
export async function trainOnSet(
  set: TrainingSet,
  options: Omit<TrainAtlasModelOptions, 'ids' | 'volumes' | 'shape' | 'affine' | 'crop' | 'margin'>,
): Promise<TrainedAtlas> {
  const { ids, shape, affine, cohort } = set;
  const trained = await trainTemplate({
    ...options,
    ids,
    volumes: cohort.volumes,
    shape: cohort.grid.padded,
    unionSupport: cohort.unionSupport,
  });
  return { model: buildAtlasModel(trained, cohort, { ...options, ids, shape, affine }), trained };
}
