import { z } from 'zod';

import type { EmittedAtlasSubject } from '../../numerics/registration/emit-mixture.js';

const measured = z.number().nullable();

/** One subject in `learned_atlas_metadata.json`; null stands for a number that is not defined or was not asked for. */
export const Emission = z.strictObject({
  id: z.string(),
  jac_min: measured,
  n_folds: measured,
  /** What the repair left of the velocity; 1 when there was nothing to repair. */
  velocity_scale: z.number(),
  max_displacement_mm: measured,
  mean_displacement_mm: measured,
  ncc_before: measured,
  ncc_after: measured,
  mass_ratio: measured,
  /** Responsibility of each template; null with one template. Field and numbers are those of the largest. */
  responsibilities: z.array(z.number()).nullable(),
});

export type Emission = z.infer<typeof Emission>;

/** @param verifyJacobian - false leaves the two numbers about folds out */
export function emissionOf(emitted: EmittedAtlasSubject, verifyJacobian: boolean): Emission {
  return {
    id: emitted.id,
    jac_min: verifyJacobian ? finite(emitted.jac_min) : null,
    n_folds: verifyJacobian ? emitted.n_folds : null,
    velocity_scale: emitted.velocity_scale,
    max_displacement_mm: finite(emitted.max_displacement_mm),
    mean_displacement_mm: finite(emitted.mean_displacement_mm),
    ncc_before: finite(emitted.ncc_before),
    ncc_after: finite(emitted.ncc_after),
    mass_ratio: finite(emitted.mass_ratio),
    responsibilities: emitted.responsibilities,
  };
}

/** A sentence about folds that are left in a field, or null. */
export function foldWarning(emission: Emission): string | null {
  if (emission.n_folds === null || emission.n_folds === 0) return null;
  return `the field of ${emission.id} folds at ${emission.n_folds} voxel(s), smallest determinant ${emission.jac_min}`;
}

/** JSON holds no NaN. */
export function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
