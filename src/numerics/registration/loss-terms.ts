/** Terms of the objective, in reporting order. */
export const LOSS_TERMS = [
  'similarity',
  'presence',
  'density',
  'smoothness',
  'jacobian',
  'mean_deformation',
] as const;

export type LossTermName = (typeof LOSS_TERMS)[number];

/** Unweighted values of the terms that were computed. */
export type LossTerms = Partial<Record<LossTermName, number>>;
