import { ProcessingError } from '../errors.js';
import { readContent } from './gzip.js';
import type { NumericArray } from './layout.js';
import { voxelSizeOf } from './nifti-affine.js';
import { readNiftiHeader, voxelBytes, type NiftiHeader } from './nifti-header.js';
import { headerOfPair, voxelsOfPair } from './nifti-pair.js';
import { NIFTI_TYPES } from './nifti-types.js';

/** A NIfTI image with its header, scaled values and geometry; `data` is in file order, x fastest. */
export interface NiftiVolume {
  readonly header: NiftiHeader;
  /** The raw 348 or 540 bytes, as a template for writing. */
  readonly headerBytes: Uint8Array;
  /** Axis lengths, trailing axes of length 1 after the third dropped. */
  readonly shape: readonly number[];
  /** Voxel to world, row-major 4x4, RAS+, mm. */
  readonly affine: readonly number[];
  readonly voxelSizeMm: readonly [number, number, number];
  /** Scaled values, first axis fastest. Float32Array where the file holds unscaled float32, else Float64Array. */
  readonly data: Float32Array | Float64Array;
}

/**
 * Reads a volume of NIfTI-1 or -2, one file or a `.hdr`/`.img` pair (either name stands for both), either byte order,
 * and applies its scaling.
 *
 * Compression is recognised by content, not by name. Extensions are skipped.
 *
 * @throws ProcessingError FILE_MISSING, FILE_TRUNCATED, FILE_CORRUPT, FILE_FORMAT or AFFINE_SINGULAR, naming the file
 */
export async function readNifti(path: string): Promise<NiftiVolume> {
  const header = readNiftiHeader(path);
  const bytes = voxelBytes(header, path);
  const source = header.pair ? voxelFile(path) : path;
  const content = await readContent(source, header.voxelOffset + bytes);
  if (content.found < header.voxelOffset + bytes || content.bytes.length === 0) {
    throw new ProcessingError(
      'FILE_TRUNCATED',
      `${source} ends before its last voxel: ${header.dims.join('x')} ${header.datatypeName} need ${bytes} bytes`,
      { where: source, cure: 'copy or create the file again; the copy here is incomplete' },
    );
  }
  return {
    header,
    headerBytes: header.headerBytes,
    shape: header.shape,
    affine: header.affine,
    voxelSizeMm: voxelSizeOf(header.affine, path),
    data: scaled(decodeVoxels(header, content.bytes.subarray(header.voxelOffset), bytes), header),
  };
}

function voxelFile(path: string): string {
  const header = headerOfPair(path);
  const voxels = header === path ? voxelsOfPair(path) : path;
  if (voxels !== null) return voxels;
  throw new ProcessingError(
    'FILE_FORMAT',
    `${path} is the header of a pair, but its name does not end in .hdr: where its voxels are is not known`,
    { where: path, cure: 'name the two files alike, .hdr and .img, or convert them to one .nii.gz file' },
  );
}

function decodeVoxels(header: NiftiHeader, voxels: Uint8Array, bytes: number): NumericArray {
  const type = NIFTI_TYPES.get(header.datatype);
  if (type?.kind !== 'number')
    throw new Error(`data type ${header.datatypeName} was not refused before reading`);
  const view = new DataView(voxels.buffer, voxels.byteOffset, bytes);
  return type.decode(view, bytes / type.bytes, header.littleEndian);
}

function scaled(values: NumericArray, { slope, intercept }: NiftiHeader): Float32Array | Float64Array {
  const unscaled = slope === 1 && intercept === 0;
  if (unscaled && (values instanceof Float32Array || values instanceof Float64Array)) return values;
  const out = Float64Array.from(values);
  if (unscaled) return out;
  for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? 0) * slope + intercept;
  return out;
}
