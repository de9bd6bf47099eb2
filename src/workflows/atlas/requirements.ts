import type { WorkflowContext } from '../../engine/registry.js';
import type { Problem } from '../../engine/requirements.js';
import {
  geometryProblems,
  inspectCohort,
  rootProblem,
  skippedProblem,
  tooFewProblem,
  waytotalProblems,
} from './cohort-check.js';
import { cohortMembers } from './cohort.js';
import type { AtlasConfig } from './config.js';

/**
 * What stands in the way of an averaging atlas, from headers and waytotal files alone.
 *
 * @throws ProcessingError, ConfigError for a cohort directory whose subjects cannot be told apart
 */
export function atlasProblems(atlas: AtlasConfig, context: WorkflowContext): Problem[] {
  const root = context.inputDir;
  const missing = rootProblem('atlas', root);
  if (missing !== null) return [missing];
  const relpath = atlas.tractography_relpath;
  const pattern = atlas.subject_pattern;
  const members = cohortMembers({ root, pattern, relpath, participants: context.participants });
  const inspection = inspectCohort(members);
  const tooFew = tooFewProblem({
    workflow: 'atlas',
    root,
    relpath,
    minSubjects: atlas.min_subjects,
    inspection,
  });
  const few = tooFew ?? skippedProblem('atlas', inspection);
  return [
    ...(few === null ? [] : [few]),
    ...geometryProblems('atlas', inspection),
    ...waytotalProblems('atlas', atlas.normalization_method, inspection),
  ];
}
