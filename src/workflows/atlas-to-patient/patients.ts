import { basename, isAbsolute, relative, sep } from 'node:path';

import type { WorkflowContext } from '../../engine/registry.js';
import type { Subject } from '../../io/index.js';
import { chosenSubjects, subjectPath } from '../atlas/cohort.js';
import type { AtlasConfig } from '../atlas/config.js';
import type { AtlasToPatientConfig } from './config.js';

/** The two blocks that are read. */
export interface PatientConfig {
  readonly atlas: AtlasConfig;
  readonly atlas_to_patient: AtlasToPatientConfig;
}

/** One patient and the files that are expected, which need not exist. */
export interface Patient {
  readonly id: string;
  /** Grid of the results. */
  readonly reference: string;
  /** Steps of the transform in the order of the configuration. */
  readonly transforms: readonly string[];
}

/** How the transform is given. */
export function transformKind({ transform }: AtlasToPatientConfig): 'identity' | 'register' | 'files' {
  return transform === 'identity' || transform === 'register' ? transform : 'files';
}

/** Patients below the input directory, in discovery order; errors as `chosenSubjects`. */
export function findPatients(
  { atlas, atlas_to_patient: own }: PatientConfig,
  context: WorkflowContext,
): Patient[] {
  const { inputDir: root, participants } = context;
  const { reference, transform } = own;
  const subjects = chosenSubjects({ root, pattern: atlas.subject_pattern, participants });
  const given = typeof transform === 'string' ? [transform] : transform;
  const steps = transformKind(own) === 'files' ? given : [];
  return subjects.map((subject) => ({
    id: subject.id,
    reference: patientFile(subject, reference ?? atlas.tractography_relpath),
    transforms: steps.map((step) => patientFile(subject, step)),
  }));
}

function patientFile(subject: Subject, path: string): string {
  return isAbsolute(path) ? path.replaceAll('{subject}', subject.id) : subjectPath(subject, path);
}

/** A file as results name it: below the input directory without that, else its name, so that nothing depends on where. */
export function fileBelow(root: string, path: string): string {
  const below = relative(root, path);
  return below.startsWith('..') || isAbsolute(below) ? basename(path) : below.split(sep).join('/');
}
