import { z } from 'zod';
import { ALIGNMENT_CHOICES } from '../../numerics/spectral/settings.js';

export const AlignmentSettings = z.strictObject({
  /** How the correspondence to the reference is found first; see `align_spectrum`. */
  start: z.enum(ALIGNMENT_CHOICES),
  start_size: z.int(),
  refine: z.boolean(),
});
export type AlignmentSettings = z.output<typeof AlignmentSettings>;

/** How well the modes of a surface were brought to those of the reference. */
export const AlignmentReport = z.strictObject({
  surface: z.string(),
  reference: z.string(),
  /** What was used, also where `auto` chose. */
  start: z.string(),
  refined: z.boolean(),
  modes: z.int(),
  /** Modes that are those of the reference, but for the sign, by nine tenths. */
  modes_found: z.int(),
  /** Mean over the modes above 0. */
  mean_agreement: z.number(),
  /** Squared cosine of each mode with that of the reference of the same number. */
  agreement: z.array(z.number()),
  /** Of the functional map between the surfaces at area 1, descending. */
  singular_values: z.array(z.number()),
  /** Share of the area of the reference that some vertex corresponds to. */
  coverage: z.number(),
  /** Eigenvalues of the difference operators of the leading modes, ascending: how areas and how angles change. */
  area_difference: z.array(z.number()),
  conformal_difference: z.array(z.number()),
});
export type AlignmentReport = z.output<typeof AlignmentReport>;
