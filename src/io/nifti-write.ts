import { ProcessingError } from '../errors.js';
import { writeAtomic } from './atomic-write.js';
import { gzipDeterministic } from './gzip.js';
import { sizeOf } from './layout.js';
import { voxelSizeOf, type Affine } from './nifti-affine.js';
import { HEADER_BYTES, parseNiftiHeader } from './nifti-header.js';

/** First voxel of a NIfTI-1 file without extensions. */
const VOXEL_OFFSET = 352;
const FLOAT32 = 16;
/** Byte positions of the NIfTI-1 header that the writer sets. */
const AT = {
  dim: 40,
  intent: 56,
  intentCode: 68,
  datatype: 70,
  pixdim: 76,
  calMax: 124,
  codes: 252,
} as const;

interface NiftiArray {
  readonly shape: readonly number[];
  /** First axis fastest; length is the product of the shape. */
  readonly data: Float32Array;
  /** Cleared where absent. `name` is at most 15 ASCII characters. */
  readonly intent?: { readonly code: number; readonly name: string };
}

/**
 * Values and where their geometry comes from: raw header bytes of another volume (orientation, units and description
 * are kept bit for bit), or a row-major 4x4 voxel to world matrix in mm.
 */
export type NiftiContent = NiftiArray & ({ readonly template: Uint8Array } | { readonly affine: Affine });

/**
 * Writes float32 NIfTI-1 with the header rules of spec/learned_atlas.md 2, compressed where the name ends in `.gz`.
 * Equal content gives equal bytes. The byte order is that of the template.
 *
 * @throws ProcessingError SHAPE_MISMATCH or INVALID_ARGUMENT
 * @throws StorageError IO_FULL, IO_DENIED or IO
 */
export async function writeNifti(path: string, content: NiftiContent): Promise<void> {
  const bytes = encodeNifti(content);
  await writeAtomic(path, path.endsWith('.gz') ? gzipDeterministic(bytes) : bytes);
}

/** The uncompressed bytes of `writeNifti`. */
export function encodeNifti(content: NiftiContent): Uint8Array {
  const { shape, data } = content;
  const voxels = sizeOf(shape);
  if (data.length !== voxels || shape.length < 1 || shape.length > 7) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${data.length} values do not fill the shape ${shape.join('x')}`,
      {
        cure: 'give 1 to 7 axes whose product is the number of values',
      },
    );
  }
  if (shape.some((length) => length < 1 || length > 32767)) {
    throw new ProcessingError('INVALID_ARGUMENT', `NIfTI-1 cannot hold axes of ${shape.join('x')}`, {
      cure: 'every axis must be 1 to 32767',
    });
  }
  const { bytes, littleEndian } =
    'template' in content ? templateHeader(content.template) : affineHeader(content.affine);
  const out = new Uint8Array(VOXEL_OFFSET + 4 * voxels);
  out.set(bytes);
  const view = new DataView(out.buffer);
  stampHeader(view, littleEndian, shape, content.intent);
  for (let i = 0, at = VOXEL_OFFSET; i < voxels; i++, at += 4)
    view.setFloat32(at, data[i] ?? 0, littleEndian);
  return out;
}

/** Sets what every volume of ours has in common; everything else stays as the template has it. */
function stampHeader(
  view: DataView,
  littleEndian: boolean,
  shape: readonly number[],
  intent: NiftiContent['intent'],
): void {
  const int16 = (at: number, value: number): void => view.setInt16(at, value, littleEndian);
  const float32 = (at: number, value: number): void => view.setFloat32(at, value, littleEndian);
  int16(AT.dim, shape.length);
  for (let axis = 0; axis < 7; axis++) int16(AT.dim + 2 * (axis + 1), shape[axis] ?? 1);
  for (let i = 0; i < 3; i++) float32(AT.intent + 4 * i, 0);
  int16(AT.intentCode, intent?.code ?? 0);
  int16(AT.datatype, FLOAT32);
  int16(AT.datatype + 2, 32);
  float32(108, VOXEL_OFFSET);
  float32(112, 1); // scl_slope
  float32(116, 0); // scl_inter
  float32(AT.calMax, 0);
  float32(AT.calMax + 4, 0);
  const name = Buffer.from(intent?.name ?? '', 'latin1');
  if (name.length > 15) {
    throw new ProcessingError('INVALID_ARGUMENT', `intent name ${JSON.stringify(intent?.name)} is too long`, {
      cure: 'use at most 15 characters',
    });
  }
  for (let i = 0; i < 16; i++) view.setUint8(328 + i, name[i] ?? 0);
  for (const [i, byte] of [0x6e, 0x2b, 0x31, 0].entries()) view.setUint8(344 + i, byte); // "n+1"
  view.setUint32(348, 0); // no extensions
}

function templateHeader(template: Uint8Array): { bytes: Uint8Array; littleEndian: boolean } {
  const header = parseNiftiHeader(template, 'the template header');
  if (header.version === 1) return { bytes: header.headerBytes, littleEndian: header.littleEndian };
  return { bytes: narrowed(header.headerBytes, header.littleEndian), littleEndian: header.littleEndian };
}

/** NIfTI-2 template: the same fields at the places and in the widths of NIfTI-1. */
function narrowed(wide: Uint8Array, littleEndian: boolean): Uint8Array {
  const from = new DataView(wide.buffer, wide.byteOffset, wide.byteLength);
  const bytes = new Uint8Array(HEADER_BYTES[1]);
  const to = new DataView(bytes.buffer);
  const floats = (target: number, source: number, count: number): void => {
    for (let i = 0; i < count; i++) {
      to.setFloat32(target + 4 * i, from.getFloat64(source + 8 * i, littleEndian), littleEndian);
    }
  };
  to.setInt32(0, HEADER_BYTES[1], littleEndian);
  bytes[39] = wide[524] ?? 0; // dim_info
  floats(AT.pixdim, 104, 8);
  to.setInt16(74, Number(from.getBigInt64(224, littleEndian)), littleEndian); // slice_start
  to.setInt16(120, Number(from.getBigInt64(232, littleEndian)), littleEndian); // slice_end
  bytes[122] = from.getInt32(496, littleEndian); // slice_code
  bytes[123] = from.getInt32(500, littleEndian); // xyzt_units
  floats(132, 208, 2); // slice_duration, toffset
  bytes.set(wide.subarray(240, 344), 148); // descrip, aux_file
  to.setInt16(AT.codes, from.getInt32(344, littleEndian), littleEndian); // qform_code
  to.setInt16(AT.codes + 2, from.getInt32(348, littleEndian), littleEndian); // sform_code
  floats(256, 352, 6); // quaternion, offset
  floats(280, 400, 12); // srow
  return bytes;
}

/** Fresh little-endian header: sform "aligned" (code 2) and the voxel sizes, mm; no qform. */
function affineHeader(affine: Affine): { bytes: Uint8Array; littleEndian: boolean } {
  const bytes = new Uint8Array(HEADER_BYTES[1]);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, HEADER_BYTES[1], true);
  const voxelSizeMm = voxelSizeOf(affine, 'the given affine');
  for (let i = 0; i < 8; i++)
    view.setFloat32(AT.pixdim + 4 * i, i === 0 ? 1 : (voxelSizeMm[i - 1] ?? 1), true);
  bytes[123] = 2; // mm
  view.setInt16(AT.codes + 2, 2, true);
  for (let i = 0; i < 12; i++) view.setFloat32(280 + 4 * i, affine[i] ?? 0, true);
  return { bytes, littleEndian: true };
}
