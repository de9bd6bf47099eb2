import type { NumericArray } from './layout.js';

/** How voxels of one NIfTI data type are stored, or why they cannot be read as numbers. */
export type NiftiType =
  | { readonly kind: 'number'; readonly name: string; readonly bytes: number; readonly decode: Decoder }
  | { readonly kind: 'refused'; readonly name: string; readonly why: string };

/** Reads `count` values from `view` into a new array, without scaling. */
export type Decoder = (view: DataView, count: number, littleEndian: boolean) => NumericArray;

function decoder<T extends NumericArray>(
  make: (count: number) => T,
  bytes: number,
  get: (view: DataView, offset: number, littleEndian: boolean) => number,
): Decoder {
  return (view, count, littleEndian) => {
    const out = make(count);
    for (let i = 0, offset = 0; i < count; i++, offset += bytes) out[i] = get(view, offset, littleEndian);
    return out;
  };
}

const number = (name: string, bytes: number, decode: Decoder): NiftiType => ({
  kind: 'number',
  name,
  bytes,
  decode,
});
const refused = (name: string, why: string): NiftiType => ({ kind: 'refused', name, why });

const COMPLEX = 'complex voxels are not densities; save the magnitude or one part';
const COLOUR = 'colour voxels are not densities; save one channel or the grey value';

/**
 * Every data type of NIfTI-1 and NIfTI-2 by its code. 64-bit integers become float64: beyond 2^53 they are rounded
 * to the nearest one that float64 can hold.
 */
export const NIFTI_TYPES: ReadonlyMap<number, NiftiType> = new Map<number, NiftiType>([
  [0, refused('unknown', 'the header names no data type')],
  [1, refused('binary', 'one-bit voxels are not in use; save the mask as uint8')],
  [
    2,
    number(
      'uint8',
      1,
      decoder(
        (n) => new Uint8Array(n),
        1,
        (view, at) => view.getUint8(at),
      ),
    ),
  ],
  [
    4,
    number(
      'int16',
      2,
      decoder(
        (n) => new Int16Array(n),
        2,
        (view, at, le) => view.getInt16(at, le),
      ),
    ),
  ],
  [
    8,
    number(
      'int32',
      4,
      decoder(
        (n) => new Int32Array(n),
        4,
        (view, at, le) => view.getInt32(at, le),
      ),
    ),
  ],
  [
    16,
    number(
      'float32',
      4,
      decoder(
        (n) => new Float32Array(n),
        4,
        (view, at, le) => view.getFloat32(at, le),
      ),
    ),
  ],
  [32, refused('complex64', COMPLEX)],
  [
    64,
    number(
      'float64',
      8,
      decoder(
        (n) => new Float64Array(n),
        8,
        (view, at, le) => view.getFloat64(at, le),
      ),
    ),
  ],
  [128, refused('rgb24', COLOUR)],
  [
    256,
    number(
      'int8',
      1,
      decoder(
        (n) => new Int8Array(n),
        1,
        (view, at) => view.getInt8(at),
      ),
    ),
  ],
  [
    512,
    number(
      'uint16',
      2,
      decoder(
        (n) => new Uint16Array(n),
        2,
        (view, at, le) => view.getUint16(at, le),
      ),
    ),
  ],
  [
    768,
    number(
      'uint32',
      4,
      decoder(
        (n) => new Uint32Array(n),
        4,
        (view, at, le) => view.getUint32(at, le),
      ),
    ),
  ],
  [
    1024,
    number(
      'int64',
      8,
      decoder(
        (n) => new Float64Array(n),
        8,
        (view, at, le) => Number(view.getBigInt64(at, le)),
      ),
    ),
  ],
  [
    1280,
    number(
      'uint64',
      8,
      decoder(
        (n) => new Float64Array(n),
        8,
        (view, at, le) => Number(view.getBigUint64(at, le)),
      ),
    ),
  ],
  [1536, refused('float128', '128-bit floats have no portable layout; save as float64')],
  [1792, refused('complex128', COMPLEX)],
  [2048, refused('complex256', COMPLEX)],
  [2304, refused('rgba32', COLOUR)],
]);

/** Name of a data type code, `code 77` for one that the standard does not know. */
export function niftiTypeName(code: number): string {
  return NIFTI_TYPES.get(code)?.name ?? `code ${code}`;
}
