import { ProcessingError } from '../errors.js';
import { ByteReader } from './geometry/byte-reader.js';
import { sizeOf } from './layout.js';
import type { Affine } from './nifti-affine.js';
import { readWhole } from './gzip.js';

/** A FreeSurfer volume. */
export interface MghVolume {
  /** Axis lengths; frames are the fourth axis where there is more than one. */
  readonly shape: readonly number[];
  /** Voxel to scanner RAS, row-major 4x4, mm. */
  readonly affine: Affine;
  /** Voxel to tkregister RAS (the coordinates of FreeSurfer surfaces), row-major 4x4, mm. */
  readonly tkrAffine: Affine;
  readonly voxelSizeMm: readonly [number, number, number];
  /** First axis fastest. */
  readonly data: Float64Array | Float32Array;
}

const HEADER_BYTES = 284;
type Decode = (view: DataView, at: number) => number;
const TYPES: ReadonlyMap<number, { readonly bytes: number; readonly decode: Decode }> = new Map([
  [0, { bytes: 1, decode: (view: DataView, at: number) => view.getUint8(at) }],
  [1, { bytes: 4, decode: (view: DataView, at: number) => view.getInt32(at) }],
  [3, { bytes: 4, decode: (view: DataView, at: number) => view.getFloat32(at) }],
  [4, { bytes: 2, decode: (view: DataView, at: number) => view.getInt16(at) }],
  [10, { bytes: 2, decode: (view: DataView, at: number) => view.getUint16(at) }],
]);

/**
 * Reads a `.mgh` or `.mgz` volume; compression is recognised by content.
 *
 * @throws ProcessingError FILE_MISSING, FILE_TRUNCATED, FILE_CORRUPT or FILE_FORMAT
 */
export async function readMgh(path: string): Promise<MghVolume> {
  return parseMgh(await readWhole(path), path);
}

/** Interprets the uncompressed bytes of a `.mgh` volume; `path` is for messages. */
export function parseMgh(bytes: Uint8Array, path: string): MghVolume {
  const reader = new ByteReader(bytes, path);
  const [version = 0, width = 0, height = 0, depth = 0, frames = 0, type = -1] = reader.int32s(
    7,
    'its header',
  );
  const goodRas = reader.int16('its header');
  const geometry = reader.float32s(15, 'its header');
  const dims = [width, height, depth, frames];
  const stored = TYPES.get(type);
  if (version !== 1 || dims.some((length) => length < 1) || stored === undefined) {
    throw new ProcessingError(
      'FILE_FORMAT',
      `${path} cannot be read as an MGH volume: version ${version}, size ${dims.join('x')}, type ${type}`,
      { where: path, cure: 'give a volume written by FreeSurfer, such as mri/aseg.mgz' },
    );
  }
  // Without valid directions FreeSurfer takes coronal slices of 1 mm around the origin.
  const delta = goodRas === 0 ? [1, 1, 1] : [...geometry.subarray(0, 3)];
  const directions = goodRas === 0 ? [-1, 0, 0, 0, 0, -1, 0, 1, 0] : [...geometry.subarray(3, 12)];
  const centre = goodRas === 0 ? [0, 0, 0] : [...geometry.subarray(12, 15)];
  const shape = frames === 1 ? dims.slice(0, 3) : dims;
  const count = sizeOf(shape);
  reader.position = HEADER_BYTES;
  reader.need(count * stored.bytes, `its voxels (${shape.join('x')} of ${stored.bytes} bytes)`);
  const view = new DataView(bytes.buffer, bytes.byteOffset + HEADER_BYTES, count * stored.bytes);
  const data = type === 3 ? new Float32Array(count) : new Float64Array(count);
  for (let i = 0; i < count; i++) data[i] = stored.decode(view, i * stored.bytes);
  const [dx = 1, dy = 1, dz = 1] = delta;
  return {
    shape,
    affine: scannerAffine(delta, directions, centre, dims),
    tkrAffine: [
      -dx,
      0,
      0,
      (dx * width) / 2,
      0,
      0,
      dz,
      (-dz * depth) / 2,
      0,
      -dy,
      0,
      (dy * height) / 2,
      0,
      0,
      0,
      1,
    ],
    voxelSizeMm: [dx, dy, dz],
    data,
  };
}

/** Columns are the directions times the voxel sizes; the centre of the volume lies at `centre`. */
function scannerAffine(delta: number[], directions: number[], centre: number[], dims: number[]): Affine {
  const affine: number[] = [];
  for (let row = 0; row < 3; row++) {
    let offset = centre[row] ?? 0;
    for (let axis = 0; axis < 3; axis++) {
      const step = (directions[3 * axis + row] ?? 0) * (delta[axis] ?? 1);
      affine.push(step);
      offset -= step * ((dims[axis] ?? 0) / 2);
    }
    affine.push(offset);
  }
  return [...affine, 0, 0, 0, 1];
}
