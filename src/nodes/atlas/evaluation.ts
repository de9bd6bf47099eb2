import { z } from 'zod';

import { compareIds } from '../../io/index.js';
import { evaluationMedians, type SubjectEvaluation } from '../../numerics/registration/evaluate.js';
import type { SkippedSubject } from './cohort-input.js';
import { finite } from './emission.js';

const measured = z.number().nullable();

/** One left-out subject in `evaluation.json`; null stands for a number that is not defined. */
export const Evaluation = z.strictObject({
  id: z.string(),
  left_out: z.array(z.string()),
  n_training: z.int(),
  template_mass_ratio: measured,
  mae_pred: measured,
  mae_loo_mean: measured,
  delta_mae: measured,
  relative_reduction: measured,
  support_voxels: z.int(),
  departure_pearson: measured,
  predicted_departure_energy: measured,
  real_departure_energy: measured,
  departure_energy_ratio: measured,
  jac_min: measured,
  n_folds: z.int(),
  velocity_scale: z.number(),
  ncc_before: measured,
  ncc_after: measured,
});

export type Evaluation = z.infer<typeof Evaluation>;

/** The same numbers with null for what JSON cannot hold. */
export function evaluationOf(result: SubjectEvaluation): Evaluation {
  const numbers = Object.entries(result).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === 'number' ? finite(value) : value,
  ]);
  return Evaluation.parse(Object.fromEntries(numbers));
}

/** Version of the fields of evaluation.json. */
const SCHEMA_VERSION = 1;

/** The content of evaluation.json: every left-out subject, in discovery order, and the medians over them. */
export function evaluationSummary(options: {
  readonly evaluations: readonly Evaluation[];
  readonly notEvaluated: readonly SkippedSubject[];
  readonly mode: string;
  readonly groupBy: Readonly<Record<string, string>> | null;
}): Record<string, unknown> {
  const subjects = [...options.evaluations].sort((a, b) => compareIds(a.id, b.id));
  return {
    schema_version: SCHEMA_VERSION,
    protocol: 'leave_one_group_out',
    mode: options.mode,
    group_by: options.groupBy,
    n_subjects: subjects.length,
    median: evaluationMedians(
      subjects.map((subject) => ({
        relative_reduction: subject.relative_reduction ?? NaN,
        departure_pearson: subject.departure_pearson ?? NaN,
      })),
    ),
    subjects,
    not_evaluated: options.notEvaluated,
  };
}
