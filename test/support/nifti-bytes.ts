/** Builds NIfTI-1 and NIfTI-2 files byte by byte, independent of the code under test. */
export interface RawNifti {
  readonly version?: 1 | 2;
  readonly littleEndian?: boolean;
  readonly dim: readonly number[];
  readonly datatype?: number;
  readonly bitpix?: number;
  readonly slope?: number;
  readonly inter?: number;
  readonly voxelOffset?: number;
  readonly magic?: string;
  readonly pixdim?: readonly number[];
  readonly qform?: { code: number; quaternion: readonly number[]; offset: readonly number[] };
  readonly sform?: { code: number; rows: readonly number[] };
  readonly description?: string;
  readonly voxels?: Uint8Array;
}

/** `dim` and `pixdim` start at index 0, as in the header. Default geometry: sform code 4, 2 mm, origin (1, 2, 3). */
export function rawNifti(raw: RawNifti): Uint8Array {
  const { version = 1, littleEndian: le = true, voxels = new Uint8Array(0) } = raw;
  const offset = raw.voxelOffset ?? (version === 1 ? 352 : 544);
  const header = version === 1 ? rawHeader1(raw, le, offset) : rawHeader2(raw, le, offset);
  const start = Math.max(header.length + 4, offset);
  const out = new Uint8Array(start + voxels.length);
  out.set(header);
  out.set(voxels, start);
  return out;
}

const SFORM = { code: 4, rows: [2, 0, 0, 1, 0, 2, 0, 2, 0, 0, 2, 3] };

function rawHeader1(raw: RawNifti, le: boolean, offset: number): Uint8Array {
  const bytes = new Uint8Array(348);
  const view = new DataView(bytes.buffer);
  const { pixdim = [1, 2, 2, 2, 1, 1, 1, 1], sform = SFORM, qform } = raw;
  view.setInt32(0, 348, le);
  for (let i = 0; i < 8; i++) view.setInt16(40 + 2 * i, raw.dim[i] ?? 1, le);
  view.setInt16(70, raw.datatype ?? 16, le);
  view.setInt16(72, raw.bitpix ?? 32, le);
  for (let i = 0; i < 8; i++) view.setFloat32(76 + 4 * i, pixdim[i] ?? 1, le);
  view.setFloat32(108, offset, le);
  view.setFloat32(112, raw.slope ?? 0, le);
  view.setFloat32(116, raw.inter ?? 0, le);
  bytes[123] = 10;
  view.setFloat32(124, 99, le); // cal_max
  bytes.set(Buffer.from(raw.description ?? 'made by hand', 'latin1'), 148);
  view.setInt16(252, qform?.code ?? 0, le);
  view.setInt16(254, sform.code, le);
  for (let i = 0; i < 3; i++) view.setFloat32(256 + 4 * i, qform?.quaternion[i] ?? 0, le);
  for (let i = 0; i < 3; i++) view.setFloat32(268 + 4 * i, qform?.offset[i] ?? 0, le);
  for (let i = 0; i < 12; i++) view.setFloat32(280 + 4 * i, sform.rows[i] ?? 0, le);
  bytes.set(Buffer.from(raw.magic ?? 'n+1', 'latin1'), 344);
  return bytes;
}

function rawHeader2(raw: RawNifti, le: boolean, offset: number): Uint8Array {
  const bytes = new Uint8Array(540);
  const view = new DataView(bytes.buffer);
  const { pixdim = [1, 2, 2, 2, 1, 1, 1, 1], sform = SFORM, qform } = raw;
  view.setInt32(0, 540, le);
  bytes.set(Buffer.from((raw.magic ?? 'n+2') + '\0\r\n\x1a\n', 'latin1'), 4);
  view.setInt16(12, raw.datatype ?? 16, le);
  view.setInt16(14, raw.bitpix ?? 32, le);
  for (let i = 0; i < 8; i++) view.setBigInt64(16 + 8 * i, BigInt(raw.dim[i] ?? 1), le);
  for (let i = 0; i < 8; i++) view.setFloat64(104 + 8 * i, pixdim[i] ?? 1, le);
  view.setBigInt64(168, BigInt(offset), le);
  view.setFloat64(176, raw.slope ?? 0, le);
  view.setFloat64(184, raw.inter ?? 0, le);
  bytes.set(Buffer.from(raw.description ?? 'made by hand', 'latin1'), 240);
  view.setInt32(344, qform?.code ?? 0, le);
  view.setInt32(348, sform.code, le);
  for (let i = 0; i < 3; i++) view.setFloat64(352 + 8 * i, qform?.quaternion[i] ?? 0, le);
  for (let i = 0; i < 3; i++) view.setFloat64(376 + 8 * i, qform?.offset[i] ?? 0, le);
  for (let i = 0; i < 12; i++) view.setFloat64(400 + 8 * i, sform.rows[i] ?? 0, le);
  view.setInt32(500, 10, le);
  return bytes;
}

/** float32 voxels as bytes. */
export function floatBytes(values: readonly number[], littleEndian = true): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => view.setFloat32(4 * i, value, littleEndian));
  return bytes;
}
