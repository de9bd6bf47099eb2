import { relative, sep } from 'node:path';

import { ProcessingError } from '../../errors.js';
import { readSubjectVolume, type SubjectVolume } from '../../nodes/atlas/subject-volume.js';
import type { SkippedSubject } from '../../nodes/atlas/cohort-input.js';
import { skipReason } from '../../nodes/atlas/skip-reason.js';
import type { NormalizationMethod } from '../../numerics/registration/normalization.js';
import type { CohortMember } from './cohort.js';

/**
 * Reads the members of a cohort one after the other and shows each that can be used, for callers without the engine.
 *
 * @param root - cohort directory; messages and metadata name files relative to it
 * @returns the others, with the reason
 * @throws ProcessingError MIN_SUBJECTS with reasons when too few can be used; what `readSubjectVolume` throws
 */
export async function visitCohort(options: {
  readonly root: string;
  readonly members: readonly CohortMember[];
  readonly method: NormalizationMethod;
  readonly minSubjects: number;
  readonly onWarning: (message: string) => void;
  readonly visit: (subject: SubjectVolume) => void;
}): Promise<SkippedSubject[]> {
  const { root, members, method, minSubjects, onWarning, visit } = options;
  const skipped: SkippedSubject[] = [];
  const reasons: string[] = [];
  for (const member of members) {
    const file = relative(root, member.volume).split(sep).join('/');
    const read = await readSubjectVolume({ ...member, file, method });
    if (read.kind === 'usable') {
      visit(read);
      continue;
    }
    skipped.push({ id: member.id, ...skipReason(read.reason) });
    reasons.push(`${member.id} (${read.reason})`);
    onWarning(`${member.id} skipped: ${read.reason}`);
  }
  const found = members.length - skipped.length;
  if (found >= minSubjects) return skipped;
  throw new ProcessingError(
    'MIN_SUBJECTS',
    `found ${found} usable subject(s) under ${root}, need at least ${minSubjects}` +
      (reasons.length === 0 ? '' : `; skipped: ${reasons.slice(0, 5).join(', ')}`),
    { where: root, cure: 'add subjects, or lower min_subjects' },
  );
}
