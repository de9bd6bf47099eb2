import { open, readFile } from 'node:fs/promises';

import { ProcessingError } from '../errors.js';
import { writeAtomic } from './atomic-write.js';
import { fortranToC, sizeOf, type NumericArray } from './layout.js';
import { readError } from './storage-error.js';

/** An array as NumPy stores it; `data` is always in C order (last axis fastest). */
export interface NpyArray {
  readonly shape: readonly number[];
  /** NumPy type without its byte order: `f4`, `i8`, `b1` ... */
  readonly dtype: string;
  /** `i8` and `u8` become Float64Array (exact up to 2^53), `f2` becomes Float32Array, `b1` becomes Uint8Array. */
  readonly data: NumericArray;
}

type Reader = {
  bytes: number;
  make: (n: number) => NumericArray;
  get: (v: DataView, at: number, le: boolean) => number;
};

const READERS: Readonly<Record<string, Reader>> = {
  b1: { bytes: 1, make: (n) => new Uint8Array(n), get: (v, at) => v.getUint8(at) },
  i1: { bytes: 1, make: (n) => new Int8Array(n), get: (v, at) => v.getInt8(at) },
  u1: { bytes: 1, make: (n) => new Uint8Array(n), get: (v, at) => v.getUint8(at) },
  i2: { bytes: 2, make: (n) => new Int16Array(n), get: (v, at, le) => v.getInt16(at, le) },
  u2: { bytes: 2, make: (n) => new Uint16Array(n), get: (v, at, le) => v.getUint16(at, le) },
  i4: { bytes: 4, make: (n) => new Int32Array(n), get: (v, at, le) => v.getInt32(at, le) },
  u4: { bytes: 4, make: (n) => new Uint32Array(n), get: (v, at, le) => v.getUint32(at, le) },
  i8: { bytes: 8, make: (n) => new Float64Array(n), get: (v, at, le) => Number(v.getBigInt64(at, le)) },
  u8: { bytes: 8, make: (n) => new Float64Array(n), get: (v, at, le) => Number(v.getBigUint64(at, le)) },
  f2: { bytes: 2, make: (n) => new Float32Array(n), get: (v, at, le) => halfToNumber(v.getUint16(at, le)) },
  f4: { bytes: 4, make: (n) => new Float32Array(n), get: (v, at, le) => v.getFloat32(at, le) },
  f8: { bytes: 8, make: (n) => new Float64Array(n), get: (v, at, le) => v.getFloat64(at, le) },
};

const MAGIC = '\u0093NUMPY';

/**
 * Reads a `.npy` file of format 1, 2 or 3, either byte order, C or Fortran order.
 *
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT or FILE_TRUNCATED
 */
export async function readNpy(path: string): Promise<NpyArray> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw readError(error, path);
  }
  return parseNpy(bytes, path);
}

/** What stands before the numbers of a `.npy` file. */
export interface NpyHeader {
  readonly shape: readonly number[];
  /** NumPy type without its byte order. */
  readonly dtype: string;
  readonly isFortran: boolean;
  readonly littleEndian: boolean;
  /** Bytes before the first number, and per number. */
  readonly offset: number;
  readonly bytesPerValue: number;
}

/**
 * Reads shape and type alone.
 *
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT or FILE_TRUNCATED, also when the file is shorter than its numbers
 */
export async function readNpyHeader(path: string): Promise<NpyHeader> {
  try {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, 64 * 1024)), 0);
    const header = parseNpyHeader(buffer.subarray(0, bytesRead), path);
    checkLength(header, size, path);
    return header;
  } catch (error) {
    throw readError(error, path);
  }
}

/**
 * Reads some rows (places along the first axis) of a C-order `.npy` file, without the rest of it.
 *
 * @returns shape with `to - from` as its first axis
 * @throws ProcessingError as `readNpyHeader`; INVALID_ARGUMENT for Fortran order or rows that are not there
 */
export async function readNpyRows(path: string, from: number, to: number): Promise<NpyArray> {
  const header = await readNpyHeader(path);
  const { shape, dtype, offset, bytesPerValue, littleEndian } = header;
  const [rows = 0, ...rest] = shape;
  if ((header.isFortran && shape.length > 1) || from < 0 || to > rows || from > to) {
    throw new ProcessingError('INVALID_ARGUMENT', `${path} has no rows ${from} to ${to} in C order`, {
      where: path,
      cure: `its shape is ${shape.join('x')}`,
    });
  }
  const rowBytes = sizeOf(rest) * bytesPerValue;
  const bytes = Buffer.allocUnsafe((to - from) * rowBytes);
  try {
    await using file = await open(path, 'r');
    await file.read(bytes, 0, bytes.length, offset + from * rowBytes);
  } catch (error) {
    throw readError(error, path);
  }
  return {
    shape: [to - from, ...rest],
    dtype,
    data: decode(bytes, dtype, littleEndian, (to - from) * sizeOf(rest)),
  };
}

/** Interprets the bytes of a `.npy` file; `path` is for messages. */
export function parseNpy(bytes: Uint8Array, path: string): NpyArray {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = parseNpyHeader(buffer, path);
  const { shape, dtype, offset, littleEndian, isFortran } = header;
  checkLength(header, buffer.length, path);
  const data = decode(buffer.subarray(offset), dtype, littleEndian, sizeOf(shape));
  return { shape, dtype, data: isFortran && shape.length > 1 ? fortranToC(data, shape) : data };
}

function parseNpyHeader(buffer: Buffer, path: string): NpyHeader {
  if (buffer.length < 12 || buffer.toString('latin1', 0, 6) !== MAGIC)
    throw format(path, 'it has no NumPy magic');
  const major = buffer[6] ?? 0;
  if (major < 1 || major > 3) throw format(path, `its format version is ${major}`);
  const start = major === 1 ? 10 : 12;
  const length = major === 1 ? buffer.readUInt16LE(8) : buffer.readUInt32LE(8);
  if (start + length > buffer.length) throw truncated(path, 'within its header');
  const text = buffer.toString(major === 3 ? 'utf8' : 'latin1', start, start + length);
  const { descr, fortran, shape } = parseDictionary(text, path);
  const order = descr[0] ?? '';
  const dtype = descr.slice(1);
  const reader = READERS[dtype];
  if (reader === undefined || !'<>|='.includes(order)) {
    throw format(path, `its data type ${JSON.stringify(descr)} is not a number of at most 64 bits`);
  }
  return {
    shape,
    dtype,
    isFortran: fortran,
    littleEndian: order !== '>',
    offset: start + length,
    bytesPerValue: reader.bytes,
  };
}

function checkLength({ shape, dtype, offset, bytesPerValue }: NpyHeader, size: number, path: string): void {
  if (offset + sizeOf(shape) * bytesPerValue <= size) return;
  throw truncated(path, `before the last of its ${shape.join('x') || '1'} values of type ${dtype}`);
}

function decode(bytes: Buffer, dtype: string, littleEndian: boolean, count: number): NumericArray {
  const reader = READERS[dtype];
  if (reader === undefined) throw new Error(`type ${dtype} was not refused before reading`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, count * reader.bytes);
  const data = reader.make(count);
  for (let i = 0, at = 0; i < count; i++, at += reader.bytes) data[i] = reader.get(view, at, littleEndian);
  return data;
}

const DTYPES: ReadonlyArray<[new (n: number) => NumericArray, string]> = [
  [Float32Array, '<f4'],
  [Float64Array, '<f8'],
  [Int8Array, '|i1'],
  [Uint8Array, '|u1'],
  [Int16Array, '<i2'],
  [Uint16Array, '<u2'],
  [Int32Array, '<i4'],
  [Uint32Array, '<u4'],
];

/**
 * Writes a C-order array as `.npy`, format 1, little-endian, atomically.
 *
 * @throws ProcessingError SHAPE_MISMATCH when the length is not the product of the shape
 * @throws StorageError IO_FULL, IO_DENIED or IO
 */
export async function writeNpy(
  path: string,
  array: { shape: readonly number[]; data: NumericArray },
): Promise<void> {
  await writeAtomic(path, encodeNpy(array));
}

/** The bytes of `writeNpy`. */
export function encodeNpy({ shape, data }: { shape: readonly number[]; data: NumericArray }): Uint8Array {
  if (data.length !== sizeOf(shape)) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${data.length} values do not fill the shape ${shape.join('x')}`,
      {
        cure: 'give an array whose length is the product of its shape',
      },
    );
  }
  const descr = DTYPES.find(([type]) => data instanceof type)?.[1] ?? '<f8';
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // Padded with blanks so that the numbers start at a multiple of 64 bytes, as NumPy does.
  const padded = dictionary.padEnd(Math.ceil((10 + dictionary.length + 1) / 64) * 64 - 11) + '\n';
  const head = Buffer.alloc(10);
  head.write(MAGIC, 'latin1');
  head[6] = 1;
  head.writeUInt16LE(padded.length, 8);
  return Buffer.concat([head, Buffer.from(padded, 'latin1'), littleEndianBytes(data)]);
}

function littleEndianBytes(data: NumericArray): Buffer {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const bigEndianHost = new Uint8Array(Uint16Array.of(1).buffer)[0] === 0;
  if (!bigEndianHost || data.BYTES_PER_ELEMENT === 1) return bytes;
  const copy = Buffer.from(bytes);
  if (data.BYTES_PER_ELEMENT === 2) return copy.swap16();
  return data.BYTES_PER_ELEMENT === 4 ? copy.swap32() : copy.swap64();
}

/** The header is a Python dictionary of three fixed keys. */
function parseDictionary(text: string, path: string): { descr: string; fortran: boolean; shape: number[] } {
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const tuple = /'shape'\s*:\s*\(([^)]*)\)/.exec(text)?.[1];
  if (descr === undefined) throw format(path, 'it holds records or no type; only plain numbers are read');
  if (fortran === undefined || tuple === undefined) throw format(path, 'its header is incomplete');
  const shape = tuple
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(Number);
  if (!shape.every((n) => Number.isSafeInteger(n) && n >= 0)) throw format(path, `its shape is (${tuple})`);
  return { descr, fortran: fortran === 'True', shape };
}

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function format(path: string, what: string): ProcessingError {
  return new ProcessingError('FILE_FORMAT', `${path} cannot be read as .npy: ${what}`, {
    where: path,
    cure: 'save it with numpy.save as an array of numbers',
  });
}

function truncated(path: string, where: string): ProcessingError {
  return new ProcessingError('FILE_TRUNCATED', `${path} ends ${where}`, {
    where: path,
    cure: 'copy or create the file again; the copy here is incomplete',
  });
}
