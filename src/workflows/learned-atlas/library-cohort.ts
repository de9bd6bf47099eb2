import { resolve } from 'node:path';

import { ConfigError } from '../../errors.js';
import type { SkippedSubject } from '../../nodes/atlas/cohort-input.js';
import type { SubjectVolume } from '../../nodes/atlas/subject-volume.js';
import { chosenSubjects, cohortMembers } from '../atlas/cohort.js';
import { visitCohort } from '../atlas/visit-cohort.js';
import type { LearnedAtlasBlocks } from './library-options.js';
import { type TrainingRelpath, trainingRelpath } from './training-volumes.js';

/** A cohort in memory. */
export interface LoadedCohort {
  /** In discovery order. */
  readonly subjects: readonly SubjectVolume[];
  readonly skipped: readonly SkippedSubject[];
  readonly chosen: TrainingRelpath;
}

/**
 * Reads every subject that can be used.
 *
 * @throws ProcessingError MIN_SUBJECTS with reasons when too few can; what `readSubjectVolume` throws
 * @throws ConfigError CONFIG_VALUE for affine_native without a path
 */
export async function loadCohort(
  config: LearnedAtlasBlocks,
  inputDir: string,
  onWarning: (message: string) => void,
): Promise<LoadedCohort> {
  const root = resolve(inputDir);
  const cohort = { root, pattern: config.atlas.subject_pattern, participants: null };
  const chosen = trainingRelpath(config, chosenSubjects(cohort));
  if (chosen === null) {
    throw new ConfigError(
      'CONFIG_VALUE',
      "learned_atlas.affine_native_relpath is required when training_space='affine_native'",
      { cure: 'give affineNativeRelpath' },
    );
  }
  for (const entry of chosen.passedOver) {
    onWarning(`too few subjects under ${root} have ${entry}; ${chosen.relpath} is used for all`);
  }
  const subjects: SubjectVolume[] = [];
  const skipped = await visitCohort({
    root,
    members: cohortMembers({ ...cohort, relpath: chosen.relpath }),
    method: config.atlas.normalization_method,
    minSubjects: config.learned_atlas.min_subjects,
    onWarning,
    visit: (subject) => subjects.push(subject),
  });
  return { subjects, skipped, chosen };
}
