import { z } from 'zod';

import type { SubjectEvaluation } from '../../numerics/registration/evaluate.js';
import { finite } from './emission.js';

const measured = z.number().nullable();

/** One left-out subject in `evaluation.json`; null stands for a number that is not defined. */
export const Evaluation = z.strictObject({
  id: z.string(),
  left_out: z.array(z.string()),
  n_training: z.int(),
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
