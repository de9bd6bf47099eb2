import { NIFTI1, NIFTI2 } from 'nifti-reader-js';

import { ProcessingError } from '../errors.js';
import { readPrefix } from './gzip.js';
import { sizeOf } from './layout.js';
import { affineOf, type Affine } from './nifti-affine.js';
import { headerOfPair, isPairHeader } from './nifti-pair.js';
import { NIFTI_TYPES, niftiTypeName } from './nifti-types.js';

/** Length of the fixed header of each version, bytes. */
export const HEADER_BYTES = { 1: 348, 2: 540 } as const;
/** More voxels than this in one file are taken for a broken header: 2^40 bytes of float32. */
const MAX_VOXELS = 2 ** 38;

/** What a header says, with the raw bytes it was read from. */
export interface NiftiHeader {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  /** 348 (NIfTI-1) or 540 (NIfTI-2) bytes as they stand in the file. */
  readonly headerBytes: Uint8Array;
  /** Axis lengths as stored: dim[1] to dim[dim[0]]. */
  readonly dims: readonly number[];
  /** Axis lengths without trailing axes of length 1 after the third. */
  readonly shape: readonly number[];
  readonly datatype: number;
  readonly datatypeName: string;
  /** The header of a `.hdr`/`.img` pair: the voxels are in a file of their own. */
  readonly pair: boolean;
  /** Bytes before the first voxel, in the file that holds the voxels. */
  readonly voxelOffset: number;
  /** Value = stored * slope + intercept; slope 1 and intercept 0 where the header asks for no scaling. */
  readonly slope: number;
  readonly intercept: number;
  readonly pixdim: readonly number[];
  readonly qformCode: number;
  readonly sformCode: number;
  readonly affine: Affine;
  readonly intentCode: number;
  readonly intentName: string;
  readonly description: string;
}

/**
 * Reads the header alone: 348 or 540 bytes, also of a compressed file. The name of the voxel file of a pair (`.img`)
 * stands for its header.
 *
 * @throws ProcessingError FILE_MISSING, FILE_TRUNCATED, FILE_CORRUPT or FILE_FORMAT, naming the file
 */
export function readNiftiHeader(path: string): NiftiHeader {
  const file = headerOfPair(path);
  return parseNiftiHeader(readPrefix(file, HEADER_BYTES[2]), file);
}

/**
 * Interprets the first bytes of a file.
 *
 * @param bytes - at least the fixed header
 * @param path - for messages
 * @throws ProcessingError FILE_TRUNCATED or FILE_FORMAT
 */
export function parseNiftiHeader(bytes: Uint8Array, path: string): NiftiHeader {
  const { version, pair } = kindOf(bytes, path);
  const length = HEADER_BYTES[version];
  if (bytes.length < length) {
    throw new ProcessingError(
      'FILE_TRUNCATED',
      `${path} ends within its NIfTI-${version} header (${bytes.length} of ${length} bytes)`,
      { where: path, cure: 'copy or create the file again; the copy here is incomplete' },
    );
  }
  const headerBytes = Uint8Array.from(bytes.subarray(0, length));
  // The library parses the scalar fields. Affine rule, sform rows, scaling rule and voxels are ours: it lets a qform
  // code above the sform code win, which the specification does not, and it applies no scaling.
  const raw = version === 1 ? new NIFTI1() : new NIFTI2();
  raw.readHeader(headerBytes.buffer);
  const dims = checkedDims(raw.dims, path);
  const shape = [...dims];
  while (shape.length > 3 && shape.at(-1) === 1) shape.pop();
  const voxelOffset = pair ? pairOffset(raw.vox_offset, path) : checkedOffset(raw.vox_offset, length, path);
  return {
    version,
    littleEndian: raw.littleEndian,
    headerBytes,
    dims,
    shape,
    datatype: raw.datatypeCode,
    datatypeName: niftiTypeName(raw.datatypeCode),
    pair,
    voxelOffset,
    ...scalingOf(raw.scl_slope, raw.scl_inter, path),
    pixdim: raw.pixDims,
    qformCode: raw.qform_code,
    sformCode: raw.sform_code,
    affine: affineOf({
      sformCode: raw.sform_code,
      qformCode: raw.qform_code,
      srow: sformRows(headerBytes, version, raw.littleEndian),
      pixdim: raw.pixDims,
      quaternion: [raw.quatern_b, raw.quatern_c, raw.quatern_d],
      offset: [raw.qoffset_x, raw.qoffset_y, raw.qoffset_z],
    }),
    intentCode: raw.intent_code,
    intentName: raw.intent_name,
    description: raw.description,
  };
}

/** Bytes of voxel data that the header announces; refuses data types that are not numbers. */
export function voxelBytes(header: NiftiHeader, path: string): number {
  const type = NIFTI_TYPES.get(header.datatype);
  if (type?.kind === 'number') return sizeOf(header.dims) * type.bytes;
  const why = type === undefined ? 'the NIfTI standard does not know it' : type.why;
  throw new ProcessingError('FILE_FORMAT', `${path} has data type ${header.datatypeName}: ${why}`, {
    where: path,
    cure: 'save the volume as float32 or float64',
  });
}

/** Version of a header, and whether its voxels are in a file of their own. */
function kindOf(bytes: Uint8Array, path: string): { version: 1 | 2; pair: boolean } {
  const notNifti = (what: string, cure: string): ProcessingError =>
    new ProcessingError('FILE_FORMAT', `${path} is not a NIfTI file: ${what}`, { where: path, cure });
  if (bytes.length < 4) {
    throw new ProcessingError(
      'FILE_TRUNCATED',
      `${path} holds ${bytes.length} bytes, too few for any header`,
      {
        where: path,
        cure: 'copy or create the file again; the copy here is incomplete',
      },
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = [view.getInt32(0, true), view.getInt32(0, false)];
  const version = size.includes(HEADER_BYTES[1]) ? 1 : size.includes(HEADER_BYTES[2]) ? 2 : null;
  if (version === null) {
    const text = textStart(bytes);
    if (text !== null) {
      throw notNifti(
        `it is text that begins with ${JSON.stringify(text)}`,
        'give a .nii or .nii.gz file; a small text in its place is often a pointer of git-lfs or git-annex: fetch the content',
      );
    }
    throw notNifti(`its first number is ${size[0]}, not 348 or 540`, 'give a .nii or .nii.gz file');
  }
  const at = version === 1 ? 344 : 4;
  if (bytes.length < at + 4) return { version, pair: false }; // too short: the caller says so with both lengths
  const magic = Buffer.from(bytes.buffer, bytes.byteOffset + at, 3).toString('latin1');
  if (magic === `n+${version}`) return { version, pair: false };
  if (magic === `ni${version}`) return { version, pair: true };
  if (version === 1 && isPairHeader(path) && magic === '\0\0\0') {
    throw notNifti(
      'it is an ANALYZE 7.5 header, which does not say how the volume lies in space',
      'convert the pair to NIfTI where its orientation is known',
    );
  }
  throw notNifti(`its magic is ${JSON.stringify(magic)}, not "n+${version}"`, 'give a .nii or .nii.gz file');
}

/** The first word or so of a file that is text, else null. */
function textStart(bytes: Uint8Array): string | null {
  const start = Buffer.from(bytes.subarray(0, 24)).toString('latin1');
  return /^[\t\n\r\x20-\x7e]+$/.test(start) ? start.split(/[\r\n]/)[0]!.trimEnd() : null;
}

function checkedDims(dim: readonly number[], path: string): number[] {
  const axes = dim[0] ?? 0;
  const lengths = dim.slice(1, axes + 1);
  const sound =
    axes >= 1 &&
    axes <= 7 &&
    lengths.every((n) => Number.isSafeInteger(n) && n >= 1) &&
    sizeOf(lengths) <= MAX_VOXELS;
  if (sound) return lengths;
  throw new ProcessingError('FILE_FORMAT', `${path} has impossible dimensions: dim = [${dim.join(', ')}]`, {
    where: path,
    cure: 'create the file again; dim[0] must be 1 to 7 and every axis at least 1',
  });
}

function checkedOffset(offset: number, headerLength: number, path: string): number {
  // 0 is written by some tools and means "directly after the header and its extension flag".
  const first = offset === 0 ? headerLength + 4 : offset;
  if (Number.isSafeInteger(first) && first >= headerLength && first <= 2 ** 31) return first;
  throw new ProcessingError('FILE_FORMAT', `${path} has an impossible vox_offset: ${offset}`, {
    where: path,
    cure: `create the file again; the voxels must start at byte ${headerLength + 4} or later`,
  });
}

function pairOffset(offset: number, path: string): number {
  if (Number.isSafeInteger(offset) && offset >= 0 && offset <= 2 ** 31) return offset;
  throw new ProcessingError('FILE_FORMAT', `${path} has an impossible vox_offset: ${offset}`, {
    where: path,
    cure: 'create the pair again; the voxels of a pair start at byte 0 or later of the .img file',
  });
}

/** Slope 0 or not finite means "no scaling"; a slope without a finite intercept is a broken header. */
function scalingOf(slope: number, intercept: number, path: string): { slope: number; intercept: number } {
  if (slope === 0 || !Number.isFinite(slope)) return { slope: 1, intercept: 0 };
  if (Number.isFinite(intercept)) return { slope, intercept };
  throw new ProcessingError('FILE_FORMAT', `${path} has scl_slope ${slope} but scl_inter ${intercept}`, {
    where: path,
    cure: 'create the file again; scl_inter must be finite where scl_slope is not 0',
  });
}

function sformRows(bytes: Uint8Array, version: 1 | 2, littleEndian: boolean): number[] {
  const view = new DataView(bytes.buffer);
  return Array.from({ length: 12 }, (_, i) =>
    version === 1 ? view.getFloat32(280 + 4 * i, littleEndian) : view.getFloat64(400 + 8 * i, littleEndian),
  );
}
