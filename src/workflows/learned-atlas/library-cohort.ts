import { relative, resolve, sep } from 'node:path';

import { ConfigError, ProcessingError } from '../../errors.js';
import { readSubjectVolume, type SubjectVolume } from '../../nodes/atlas/subject-volume.js';
import { chosenSubjects, cohortMembers } from '../atlas/cohort.js';
import type { LearnedAtlasBlocks } from './library-options.js';
import { trainingRelpath } from './training-volumes.js';

/** A cohort in memory. */
export interface LoadedCohort {
  /** In discovery order. */
  readonly subjects: readonly SubjectVolume[];
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
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
  const subjects: SubjectVolume[] = [];
  const skipped: { id: string; reason: string }[] = [];
  for (const member of cohortMembers({ ...cohort, relpath: chosen.relpath })) {
    const file = relative(root, member.volume).split(sep).join('/');
    const read = await readSubjectVolume({ ...member, file, method: config.atlas.normalization_method });
    if (read.kind === 'usable') {
      subjects.push(read);
      continue;
    }
    skipped.push({ id: member.id, reason: read.reason });
    onWarning(`${member.id} skipped: ${read.reason}`);
  }
  const minimum = config.learned_atlas.min_subjects;
  if (subjects.length >= minimum) return { subjects, skipped };
  const reasons = skipped.slice(0, 5).map(({ id, reason }) => `${id} (${reason})`);
  throw new ProcessingError(
    'MIN_SUBJECTS',
    `found ${subjects.length} usable subject(s) under ${root}, need at least ${minimum}` +
      (reasons.length === 0 ? '' : `; skipped: ${reasons.join(', ')}`),
    { where: root, cure: 'add subjects, or lower min_subjects' },
  );
}
