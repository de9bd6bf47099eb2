import { ProcessingError } from '../../errors.js';
import { fortranToC, readNifti } from '../../io/index.js';

/** One 3-D map as it stands in its file. */
export interface MapVolume {
  /** C order, scaled, not normalised. */
  readonly data: Float32Array | Float64Array;
  readonly shape: readonly [number, number, number];
  /** Voxel to world, row-major 4x4, RAS+, mm. */
  readonly affine: readonly number[];
  readonly voxelSizeMm: readonly [number, number, number];
  /** Raw header, the template of what is written on this grid. */
  readonly headerBytes: Uint8Array;
}

/**
 * Reads a 3-D map; 4-D with a last axis of 1 counts as 3-D.
 *
 * @param file - the path as messages show it
 * @throws ProcessingError SHAPE_MISMATCH for more axes; what `readNifti` throws
 */
export async function readMap(path: string, file = path): Promise<MapVolume> {
  const volume = await readNifti(path);
  const [x, y, z, ...more] = volume.shape;
  if (x === undefined || y === undefined || z === undefined || more.length > 0) {
    const shape = volume.shape.join('x');
    throw new ProcessingError('SHAPE_MISMATCH', `${file} has ${volume.shape.length} axes (${shape}), not 3`, {
      where: file,
      cure: 'give a 3-D map',
    });
  }
  return {
    data: fortranToC(volume.data, volume.shape),
    shape: [x, y, z],
    affine: volume.affine,
    voxelSizeMm: volume.voxelSizeMm,
    headerBytes: volume.headerBytes,
  };
}
