import type { ModelMetadata } from '../../numerics/registration/model-file.js';
import { VERSION } from '../../version.js';
import type { SkippedSubject } from './cohort-input.js';
import type { Emission } from './emission.js';
import type { MapsInput } from './learned-files.js';
import type { WrittenFile } from './result-files.js';
import type { SubjectInfo } from './subject-volume.js';
import type { TrainingRecord } from './training-record.js';

/** Version of the fields of learned_atlas_metadata.json. */
const SCHEMA_VERSION = 1;

export interface LearnedMetadataOptions {
  readonly model: ModelMetadata;
  readonly training: TrainingRecord;
  /** In discovery order, as `emissions`. */
  readonly infos: readonly SubjectInfo[];
  readonly emissions: readonly Emission[];
  readonly skipped: readonly SkippedSubject[];
  readonly config: Readonly<Record<string, unknown>>;
  readonly maps: Pick<MapsInput, 'relpath' | 'passed_over' | 'seed' | 'field_space'>;
  /** Maps, fields, model file and diagnostics. */
  readonly files: readonly WrittenFile[];
}

/** The content of learned_atlas_metadata.json (spec/learned_atlas.md 6.3): equal in every equal run. */
export function learnedMetadata(options: LearnedMetadataOptions): Record<string, unknown> {
  const { model, training, infos, emissions, maps } = options;
  const displacements = emissions.map((emission) => emission.mean_displacement_mm ?? NaN);
  return {
    schema_version: SCHEMA_VERSION,
    software_version: VERSION,
    workflow: 'learned_atlas',
    config: options.config,
    config_digest: model.config_digest,
    training_space: model.training_space,
    volume_relpath: maps.relpath,
    passed_over_relpaths: maps.passed_over,
    n_subjects: infos.length,
    // Responsibilities stand in a block of their own below.
    subjects: emissions.map(({ responsibilities: _responsibilities, ...subject }) => subject),
    skipped: options.skipped,
    mean_displacement_mm: displacements.reduce((sum, x) => sum + x, 0) / displacements.length,
    normalization: {
      method: model.normalization_method,
      subjects: infos.map((info) => ({
        id: info.id,
        file: info.file,
        waytotal: info.waytotal,
        normalization_constant: info.normalization_constant,
      })),
    },
    shape: model.shape,
    affine: model.affine,
    voxel_size_mm: infos[0]?.voxel_size_mm,
    train_scale: model.train_scale,
    crop: model.grid,
    mode: training.mode,
    history: training.history,
    best_epoch: training.best_epoch,
    stopped_early: training.stopped_early,
    seed: maps.seed,
    ...training.device,
    dtype: 'float32',
    n_templates: model.model.n_templates,
    pi: model.pi ?? [1],
    responsibilities:
      model.pi === undefined
        ? null
        : Object.fromEntries(emissions.map(({ id, responsibilities }) => [id, responsibilities])),
    unused_templates: training.unused_templates,
    field_space: maps.field_space,
    files: options.files,
  };
}
