import { ProcessingError } from '../../errors.js';
import { affineDifference } from '../../io/index.js';

/** Largest difference of an affine entry at which two volumes count as one grid (spec/learned_atlas.md 1.2). */
export const AFFINE_TOLERANCE = 1e-3;

/** A volume and its grid. */
export interface GridOf {
  /** As the user knows it. */
  readonly file: string;
  readonly shape: readonly number[];
  /** Voxel to world, row-major 4x4, mm. */
  readonly affine: readonly number[];
}

/** How two grids differ, as a sentence naming both files, both shapes and the largest affine difference; or null. */
export function gridMismatch(one: GridOf, other: GridOf): string | null {
  const difference = affineDifference(one.affine, other.affine);
  const sameShape =
    one.shape.length === other.shape.length && one.shape.every((length, i) => length === other.shape[i]);
  if (sameShape && difference <= AFFINE_TOLERANCE) return null;
  return (
    `${one.file} (${one.shape.join('x')}) is not on the grid of ${other.file} (${other.shape.join('x')}); ` +
    `largest affine difference ${Number(difference.toPrecision(4))}`
  );
}

/** What to do about grids that differ. */
export const GRID_CURE = 'resample all volumes to one grid, or leave the subject out with --participants';

/**
 * Checks that all volumes of a cohort lie on the grid of the first.
 *
 * @returns the first
 * @throws ProcessingError SHAPE_MISMATCH or AFFINE_MISMATCH naming every volume that does not
 */
export function commonGrid<T extends GridOf>(volumes: readonly T[]): T {
  const [first, ...others] = volumes;
  if (first === undefined) {
    throw new ProcessingError('SHAPE_MISMATCH', 'the cohort has no volume', { cure: 'add subjects' });
  }
  const wrong = others.flatMap((volume) => gridMismatch(volume, first) ?? []);
  if (wrong.length === 0) return first;
  const sameShapes = others.every((volume) => volume.shape.join() === first.shape.join());
  throw new ProcessingError(sameShapes ? 'AFFINE_MISMATCH' : 'SHAPE_MISMATCH', wrong.join('; '), {
    where: first.file,
    cure: GRID_CURE,
  });
}
