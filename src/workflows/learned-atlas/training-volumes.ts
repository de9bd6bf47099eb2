import { statSync } from 'node:fs';

import type { Subject } from '../../io/index.js';
import { subjectPath } from '../atlas/cohort.js';
import type { AtlasConfig } from '../atlas/config.js';
import type { LearnedAtlasConfig } from './config.js';

/** Which volume of each subject is trained on. */
export interface TrainingRelpath {
  readonly relpath: string;
  /** The entries of a list that were passed over, because too few subjects have them. */
  readonly passedOver: readonly string[];
}

/**
 * The volume to train on: for affine_native the first listed entry that at least `min_subjects` subjects have, for the
 * whole cohort; the last entry where none reaches the minimum.
 *
 * @returns null when affine_native is asked for without a path
 * @see spec/learned_atlas.md 1.1
 */
export function trainingRelpath(
  config: { readonly atlas: AtlasConfig; readonly learned_atlas: LearnedAtlasConfig },
  subjects: readonly Subject[],
): TrainingRelpath | null {
  const { training_space: space, affine_native_relpath: given, min_subjects: minimum } = config.learned_atlas;
  if (space === 'template_native') return { relpath: config.atlas.tractography_relpath, passedOver: [] };
  if (given === null) return null;
  const candidates = typeof given === 'string' ? [given] : given;
  const isThere = (subject: Subject, relpath: string): boolean =>
    statSync(subjectPath(subject, relpath), { throwIfNoEntry: false })?.isFile() === true;
  const found = candidates.findIndex(
    (relpath) => subjects.filter((subject) => isThere(subject, relpath)).length >= minimum,
  );
  const chosen = found === -1 ? candidates.length - 1 : found;
  return { relpath: candidates[chosen]!, passedOver: candidates.slice(0, chosen) };
}
