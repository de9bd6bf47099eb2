import { existsSync } from 'node:fs';

import type { WorkflowContext } from '../../engine/registry.js';
import type { Problem } from '../../engine/requirements.js';
import {
  geometryProblems,
  inspectCohort,
  rootProblem,
  shownPath,
  skippedProblem,
  waytotalProblems,
} from '../atlas/cohort-check.js';
import { isDirectory } from '../atlas/atlas-directory.js';
import { findComparison, type Comparison, type SimilarityConfig } from './comparison.js';

const NAME = 'tract_similarity';

/**
 * What stands in the way of a comparison, from headers and waytotal files alone.
 *
 * @throws ProcessingError, ConfigError for an input directory whose subjects cannot be told apart
 */
export function similarityProblems(config: SimilarityConfig, context: WorkflowContext): Problem[] {
  const noRoot = rootProblem(NAME, context.inputDir);
  const given = config.tract_similarity.reference;
  if (noRoot !== null || given === null) {
    return [...(noRoot === null ? [] : [noRoot]), ...(given === null ? [noReferenceGiven()] : [])];
  }
  const comparison = findComparison(config, given, context);
  const missing = referenceProblem(given, comparison);
  const none = comparison.candidates.length === 0 ? [noCandidates(comparison, context)] : [];
  if (missing !== null) return [missing, ...none];
  return [
    ...none,
    ...repeatedPairs(comparison),
    ...headerProblems(comparison),
    ...methodProblems(comparison),
  ];
}

function problem(code: Problem['code'], message: string, cure: string): Problem {
  return { severity: 'error', code, message: `${NAME}: ${message}`, cure };
}

function noReferenceGiven(): Problem {
  return {
    severity: 'error',
    code: 'CONFIG_VALUE',
    message: `${NAME}.reference is required: the map, or the directory of the atlas, to compare with`,
    cure: `add --set ${NAME}.reference=PATH`,
  };
}

function referenceProblem(given: string, { reference, atlas }: Comparison): Problem | null {
  if (atlas === null && isDirectory(given)) {
    return problem(
      'INPUT_MISSING',
      `the reference directory ${shownPath(given)} holds no atlas_mean.nii.gz`,
      'name a map, or a directory that the workflow atlas or learned_atlas wrote',
    );
  }
  if (existsSync(reference)) return null;
  return problem(
    'INPUT_MISSING',
    `the reference is not there: ${shownPath(reference)}`,
    `correct ${NAME}.reference`,
  );
}

function noCandidates({ kind }: Comparison, { inputDir }: WorkflowContext): Problem {
  const place = shownPath(inputDir);
  if (kind === 'cohort')
    return problem('INPUT_MISSING', `no subject under ${place}`, 'check -i and --participants');
  return problem(
    'INPUT_MISSING',
    `neither subjects nor other NIfTI files in ${place}`,
    `check -i, ${NAME}.map_pattern and atlas.subject_pattern`,
  );
}

/** Two files that would give one name: `a.nii` and `a.nii.gz`. */
function repeatedPairs({ candidates }: Comparison): Problem[] {
  const seen = new Map<string, string>();
  return candidates.flatMap(({ pair }) => {
    const first = seen.get(pair.pair);
    seen.set(pair.pair, pair.candidate_file);
    if (first === undefined) return [];
    const message = `${first} and ${pair.candidate_file} would both be written as ${pair.pair}.json`;
    return [problem('REQUIREMENT', message, 'rename one of them')];
  });
}

function headerProblems({ reference, candidates, method }: Comparison): Problem[] {
  // The reference comes first: it fixes the grid.
  const members = candidates.map(({ pair, volume, waytotal }) => ({
    id: pair.candidate,
    volume,
    waytotal: waytotal ?? '',
  }));
  const [own] = inspectCohort([{ id: 'reference', volume: reference, waytotal: '' }]).readable;
  if (own === undefined) {
    const [{ reason } = { reason: '' }] = inspectCohort([
      { id: 'reference', volume: reference, waytotal: '' },
    ]).skipped;
    return [problem('REQUIREMENT', `the reference cannot be read: ${reason}`, `correct ${NAME}.reference`)];
  }
  const inspection = inspectCohort(members);
  const few = skippedProblem(NAME, inspection);
  return [
    ...(few === null ? [] : [inspection.readable.length > 0 ? few : { ...few, severity: 'error' as const }]),
    ...geometryProblems(NAME, { readable: [own, ...inspection.readable], skipped: [] }),
    ...(method === null ? [] : waytotalProblems(NAME, method, inspection)),
  ];
}

/** Subjects normalised in another way than the atlas cannot be compared by mass. */
function methodProblems({ atlas, method }: Comparison): Problem[] {
  const made = atlas?.normalizationMethod ?? null;
  if (method === null || made === null || made === method) return [];
  return [
    {
      severity: 'warning',
      code: 'CONFIG_VALUE',
      message:
        `${NAME}: the subjects are normalised with '${method}', the atlas was made with '${made}': ` +
        'mass_ratio and soft_dice compare different units',
      cure: `set atlas.normalization_method to ${made}`,
    },
  ];
}
