import { ProcessingError } from '../../errors.js';

/** Two density maps on one grid: A, the candidate, is compared with B, the reference. */
export interface MapPair {
  /** C order (last axis fastest), not negative. */
  readonly a: ArrayLike<number>;
  readonly b: ArrayLike<number>;
  readonly shape: readonly [number, number, number];
  /** Voxel to world, row-major 4x4, mm. */
  readonly affine: readonly number[];
  /** A voxel belongs to a support where its value is above this. */
  readonly threshold: number;
}

/**
 * Checks that both maps fill the grid and hold densities.
 *
 * @throws ProcessingError SHAPE_MISMATCH for a wrong length, NON_FINITE or INVALID_ARGUMENT for a value that is not
 *   finite or negative
 */
export function checkMapPair({ a, b, shape }: MapPair): void {
  const voxels = shape[0] * shape[1] * shape[2];
  for (const [name, map] of [
    ['candidate', a],
    ['reference', b],
  ] as const) {
    if (map.length !== voxels) {
      throw new ProcessingError(
        'SHAPE_MISMATCH',
        `the ${name} has ${map.length} voxels, the grid ${shape.join('x')} has ${voxels}`,
        { cure: 'give two maps on one grid' },
      );
    }
    for (let v = 0; v < voxels; v++) checkValue(map[v]!, name);
  }
}

function checkValue(value: number, name: string): void {
  if (!Number.isFinite(value)) {
    throw new ProcessingError('NON_FINITE', `the ${name} holds a value that is not finite`, {
      cure: 'repair the map',
    });
  }
  if (value < 0) {
    throw new ProcessingError('INVALID_ARGUMENT', `the ${name} holds a negative value, densities have none`, {
      cure: 'compare density maps',
    });
  }
}
