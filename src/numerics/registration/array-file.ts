import { createHash } from 'node:crypto';
import { endianness } from 'node:os';
import { ProcessingError } from '../../errors.js';

/** A named array in a file of arrays. */
export interface NamedArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | Uint8Array;
}

/** What a file of arrays holds: what it is, JSON metadata, and arrays in writing order. */
export interface ArrayFile {
  readonly kind: string;
  readonly metadata: unknown;
  readonly arrays: readonly NamedArray[];
}

interface ArrayEntry {
  readonly name: string;
  readonly type: 'float32' | 'uint8';
  readonly shape: readonly number[];
  readonly offset: number;
}

const MAGIC = 'NLARRAY1';
const ALIGNMENT = 64;
const DIGEST_BYTES = 32;

/**
 * The bytes of a file of arrays (docs/learned-atlas-model-format.md). Equal content gives equal bytes.
 *
 * @throws ProcessingError SHAPE_MISMATCH when an array does not have the values its shape needs
 */
export function encodeArrayFile(file: ArrayFile): Uint8Array {
  const entries: ArrayEntry[] = [];
  let end = 0;
  for (const { name, shape, values } of file.arrays) {
    const needed = shape.reduce((product, count) => product * count, 1);
    if (values.length !== needed) {
      throw new ProcessingError(
        'SHAPE_MISMATCH',
        `array ${name} has ${values.length} values, shape ${shape.join(' x ')} needs ${needed}`,
        { cure: 'give as many values as the shape has elements' },
      );
    }
    entries.push({ name, type: values instanceof Float32Array ? 'float32' : 'uint8', shape, offset: end });
    end = align(end + values.byteLength);
  }
  const header = Buffer.from(JSON.stringify({ kind: file.kind, metadata: file.metadata, arrays: entries }));
  const start = align(MAGIC.length + 4 + header.length);
  const bytes = Buffer.alloc(start + end + DIGEST_BYTES);
  bytes.write(MAGIC, 'latin1');
  bytes.writeUInt32LE(header.length, MAGIC.length);
  header.copy(bytes, MAGIC.length + 4);
  file.arrays.forEach(({ values }, index) =>
    littleEndian(values).copy(bytes, start + entries[index]!.offset),
  );
  const digested = bytes.subarray(0, start + end);
  createHash('sha256').update(digested).digest().copy(bytes, digested.length);
  return bytes;
}

/**
 * Reads what {@link encodeArrayFile} wrote.
 *
 * @param bytes - the whole file
 * @param kind - what the file must be, e.g. `learned_atlas_model`
 * @param where - path for messages
 * @throws ProcessingError FILE_FORMAT when it is no such file, FILE_TRUNCATED when it is short, FILE_CORRUPT when
 *   its digest does not match
 */
export function decodeArrayFile(bytes: Uint8Array, kind: string, where: string): ArrayFile {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const prefix = MAGIC.length + 4;
  if (buffer.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new ProcessingError('FILE_FORMAT', `not a ${kind} file: it does not start with ${MAGIC}`, {
      where,
      cure: `give the path of a ${kind} file that neuroloom wrote`,
    });
  }
  if (buffer.length < prefix + DIGEST_BYTES) throw truncated(where);
  const headerEnd = prefix + buffer.readUInt32LE(MAGIC.length);
  const start = align(headerEnd);
  if (buffer.length < start + DIGEST_BYTES) throw truncated(where);
  const digested = buffer.subarray(0, buffer.length - DIGEST_BYTES);
  if (!createHash('sha256').update(digested).digest().equals(buffer.subarray(digested.length))) {
    throw new ProcessingError('FILE_CORRUPT', 'the digest at its end does not match: truncated or damaged', {
      where,
      cure: 'write the file anew',
    });
  }
  const header = JSON.parse(buffer.toString('utf8', prefix, headerEnd)) as {
    kind: string;
    metadata: unknown;
    arrays: ArrayEntry[];
  };
  if (header.kind !== kind) {
    throw new ProcessingError('FILE_FORMAT', `expected a ${kind} file, this is a ${header.kind} file`, {
      where,
      cure: `give the path of a ${kind} file`,
    });
  }
  const arrays = header.arrays.map((entry) => readArray(digested, start, entry));
  return { kind, metadata: header.metadata, arrays };
}

/** The arrays of a file by name. */
export function arraysByName(arrays: readonly NamedArray[]): Map<string, NamedArray> {
  return new Map(arrays.map((array) => [array.name, array]));
}

function readArray(bytes: Buffer, start: number, entry: ArrayEntry): NamedArray {
  const count = entry.shape.reduce((product, size) => product * size, 1);
  const from = start + entry.offset;
  const { name, shape } = entry;
  if (entry.type === 'uint8')
    return { name, shape, values: Uint8Array.from(bytes.subarray(from, from + count)) };
  // A copy, so that the array is aligned and does not hold the whole file in memory.
  const copy = Buffer.alloc(4 * count);
  bytes.copy(copy, 0, from, from + 4 * count);
  if (endianness() === 'BE') copy.swap32();
  return { name, shape, values: new Float32Array(copy.buffer, copy.byteOffset, count) };
}

function littleEndian(values: Float32Array | Uint8Array): Buffer {
  const view = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return endianness() === 'BE' && values instanceof Float32Array ? Buffer.from(view).swap32() : view;
}

function align(position: number): number {
  return Math.ceil(position / ALIGNMENT) * ALIGNMENT;
}

function truncated(where: string): ProcessingError {
  return new ProcessingError('FILE_TRUNCATED', 'the file ends before its header does', {
    where,
    cure: 'write the file anew',
  });
}
