import type { z } from 'zod';

import type { ConfigRecord } from '../../nodes/atlas/cohort-input.js';
import type { EmissionInput } from '../../nodes/atlas/emit-subject.js';
import type { CropInput } from '../../nodes/atlas/leave-out.js';
import type { MapsInput } from '../../nodes/atlas/learned-files.js';
import type { TrainingInput } from '../../nodes/atlas/training-settings.js';
import type { AtlasConfig } from '../atlas/config.js';
import type { LearnedAtlasConfig } from './config.js';
import type { TrainingRelpath } from './training-volumes.js';

interface Config {
  readonly atlas: AtlasConfig;
  readonly learned_atlas: LearnedAtlasConfig;
}

/** The settings that decide the training: its node is keyed by them and by nothing else of the configuration. */
export function trainingInput({ atlas, learned_atlas: learned }: Config): TrainingInput {
  const { resume: _resume, checkpoint_every: _every, ...optimizer } = learned.optimizer;
  return {
    model: learned.model,
    loss: learned.loss,
    optimizer,
    normalization_method: atlas.normalization_method,
    crop_to_support: learned.crop_to_support,
    crop_margin: learned.crop_margin,
    device: learned.device,
  };
}

/** The settings of the registration of each subject. */
export function emissionInput(learned: LearnedAtlasConfig): z.infer<typeof EmissionInput> {
  const { instance_steps, instance_full_steps, fold_policy, verify_jacobian, field_space, device } = learned;
  return { instance_steps, instance_full_steps, fold_policy, verify_jacobian, field_space, device };
}

/** How the subjects of a leave-out fold are cropped. */
export function cropInput(learned: LearnedAtlasConfig): z.infer<typeof CropInput> {
  const { crop_to_support: crop, crop_margin: margin, model } = learned;
  return { crop, margin, levels: model.enc_features.length };
}

/** What is written of the trained atlas. */
export function mapsInput(learned: LearnedAtlasConfig, chosen: TrainingRelpath): MapsInput {
  const { emit_baseline_maps, instance_steps, instance_full_steps, training_space, optimizer } = learned;
  return {
    emit_baseline_maps,
    instance_steps,
    instance_full_steps,
    training_space,
    relpath: chosen.relpath,
    passed_over: [...chosen.passedOver],
    seed: optimizer.seed,
    field_space: learned.save_fields ? learned.field_space : null,
  };
}

/**
 * The configuration as metadata hold it: the settings that the atlas follows from. Left out is what only steers the run:
 * checkpoints, memory, evaluation, the folder, what is written beside the maps, and who must be there; those who were stand
 * under `subjects`. So a change there writes no map again, and a resumed run writes the same. Fields and counts of folds come to
 * the metadata as inputs of their own.
 */
export function recordedConfig({ atlas, learned_atlas: learned }: Config): z.infer<typeof ConfigRecord> {
  const { resume: _resume, checkpoint_every: _every, ...optimizer } = learned.optimizer;
  const {
    enabled: _enabled,
    output_subdir: _folder,
    min_subjects: _least,
    memory_limit_mb: _memory,
    evaluate: _evaluate,
    group_by: _groups,
    template_label: _label,
    save_fields: _fields,
    verify_jacobian: _folds,
    ...deciding
  } = learned;
  const { min_subjects: _leastMean, subject_pattern: _pattern, ...average } = atlas;
  return { atlas: average, learned_atlas: { ...deciding, optimizer } };
}
