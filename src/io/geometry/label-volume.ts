import { fortranToC } from '../layout.js';
import { readMgh } from '../mgh.js';
import { voxelSizeOf, type Affine } from '../nifti-affine.js';
import { readNifti } from '../nifti-read.js';
import { malformed } from './byte-reader.js';
import { detectGeometryFormat, GeometryFormat, geometryFormatName } from './geometry-format.js';

/** A segmentation: a whole number per voxel, 0 for none. */
export interface LabelVolume {
  readonly shape: readonly [number, number, number];
  /** Last axis fastest. */
  readonly data: Float64Array | Float32Array;
  /** Voxel to world (scanner RAS), row-major 4x4, mm. */
  readonly affine: Affine;
}

/**
 * Reads a volume of labels: NIfTI, or MGH of FreeSurfer.
 *
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT (another format, a series, numbers that are not whole), FILE_TRUNCATED,
 *   FILE_CORRUPT or AFFINE_SINGULAR
 */
export async function readLabelVolume(path: string): Promise<LabelVolume> {
  const format = await detectGeometryFormat(path);
  if (format !== GeometryFormat.NIFTI_VOLUME && format !== GeometryFormat.MGZ_VOLUME) {
    throw malformed(
      path,
      `it is ${geometryFormatName(format)}, which is no volume of labels`,
      'give a segmentation as NIfTI or MGH',
    );
  }
  const volume = format === GeometryFormat.MGZ_VOLUME ? await readMgh(path) : await readNifti(path);
  // Refuses what has no inverse.
  voxelSizeOf(volume.affine, path);
  const [nx = 1, ny = 1, nz = 1, ...more] = volume.shape;
  if (more.length > 0) {
    throw malformed(
      path,
      `it is a series of ${more.join(' x ')} volumes`,
      'give one volume with a whole number per voxel',
    );
  }
  const at = volume.data.findIndex((value) => !Number.isInteger(value));
  if (at >= 0) {
    const voxel = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
    throw malformed(
      path,
      `its voxel (${voxel.join(', ')}) has the value ${volume.data[at]}, which is no label`,
      'give a segmentation, not an image; resample labels by nearest neighbour',
    );
  }
  const shape = [nx, ny, nz] as const;
  return { shape, data: fortranToC(volume.data, shape), affine: volume.affine };
}
