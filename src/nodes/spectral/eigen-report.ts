import { z } from 'zod';

import { DEGENERATE_RULES, MASS_KINDS, OPERATOR_KINDS } from '../../numerics/spectral/settings.js';

/** Operator of a surface, and who solves for its eigenpairs. */
export const OperatorSettings = z.strictObject({
  operator: z.enum(OPERATOR_KINDS),
  mass: z.enum(MASS_KINDS),
  boundary: z.enum(['neumann', 'dirichlet']),
  degenerate_triangles: z.enum(DEGENERATE_RULES),
  solver: z.enum(['auto', 'native', 'typescript']),
});
export type OperatorSettings = z.output<typeof OperatorSettings>;

/** How good the eigenpairs of a surface are. */
export const EigenReport = z.strictObject({
  k: z.int(),
  zero_modes: z.int(),
  components: z.int(),
  area: z.number(),
  operator: z.string(),
  mass: z.string(),
  boundary: z.string(),
  degenerate_triangles: z.string(),
  /** |K v - lambda M v| / |M v|, unit^-2. */
  largest_residual: z.number(),
  /** The same over lambda, of the eigenvalues above 0. */
  res_lambda: z.number(),
  /** |K v - lambda M v| / (|K| |v|). */
  res_back: z.number(),
  orthonormality: z.number(),
  /** `count` eigenvalues lie below `shift`, by the signs of a factorisation. */
  certificate: z.strictObject({ shift: z.number().nullable(), count: z.int() }),
  warnings: z.array(z.string()),
});
export type EigenReport = z.output<typeof EigenReport>;
