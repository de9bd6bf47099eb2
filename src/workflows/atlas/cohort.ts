import { dirname, join } from 'node:path';

import { ConfigError } from '../../errors.js';
import { discoverSubjects, type Subject, type SubjectPattern } from '../../io/index.js';

/** One subject of a cohort and the files that are expected of it. */
export interface CohortMember {
  readonly id: string;
  /** Path of the tract density volume, which need not exist. */
  readonly volume: string;
  /** The file `waytotal` next to the volume, which need not exist. */
  readonly waytotal: string;
}

/** Path of a file of one subject; `{subject}` in the pattern stands for the id. */
export function subjectPath(subject: Subject, relpath: string): string {
  return join(subject.directory, relpath.replaceAll('{subject}', subject.id));
}

/**
 * Subjects of a cohort with the files that are expected of them, in discovery order.
 *
 * @param participants - only these; null for all
 * @throws ProcessingError as `discoverSubjects`
 * @throws ConfigError USAGE when a participant is not in the cohort
 */
export function cohortMembers(options: {
  readonly root: string;
  readonly pattern: SubjectPattern;
  readonly relpath: string;
  readonly participants: readonly string[] | null;
}): CohortMember[] {
  return chosenSubjects(options).map((subject) => {
    const volume = subjectPath(subject, options.relpath);
    return { id: subject.id, volume, waytotal: join(dirname(volume), 'waytotal') };
  });
}

/** The subjects of a root that were asked for; errors as `cohortMembers`. */
export function chosenSubjects(options: {
  readonly root: string;
  readonly pattern: SubjectPattern;
  readonly participants: readonly string[] | null;
}): Subject[] {
  const subjects = discoverSubjects(options.root, { pattern: options.pattern });
  const { participants } = options;
  if (participants === null) return subjects;
  const known = new Set(subjects.map((subject) => subject.id));
  const unknown = participants.filter((id) => !known.has(id));
  if (unknown.length > 0) {
    throw new ConfigError('USAGE', `no such participant in ${options.root}: ${unknown.join(', ')}`, {
      where: '--participants',
      cure: `choose from ${subjects.map((subject) => subject.id).join(', ')}`,
    });
  }
  return subjects.filter((subject) => participants.includes(subject.id));
}
