import { inflateRawSync } from 'node:zlib';

import { ProcessingError } from '../errors.js';
import { readWhole } from './gzip.js';
import { parseNpy, type NpyArray } from './npy.js';

const END_BYTES = 22;
const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
/** Stands in a 32-bit field whose value is in the zip64 extension. */
const IN_ZIP64 = 0xffffffff;
const STORED = 0;
const DEFLATED = 8;

/**
 * Reads a `.npz` file (numpy.savez, stored or deflated, zip64 too): its arrays by name.
 *
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT, FILE_TRUNCATED or FILE_CORRUPT
 */
export async function readNpz(path: string): Promise<ReadonlyMap<string, NpyArray>> {
  return parseNpz(await readWhole(path), path);
}

/** Interprets the bytes of a `.npz` file; `path` is for messages. */
export function parseNpz(bytes: Uint8Array, path: string): ReadonlyMap<string, NpyArray> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const arrays = new Map<string, NpyArray>();
  for (const entry of entriesOf(file, path)) {
    if (!entry.name.endsWith('.npy')) continue;
    const name = entry.name.slice(0, -'.npy'.length);
    arrays.set(name, parseNpy(contentOf(file, entry, path), `${path}[${name}]`));
  }
  return arrays;
}

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly size: number;
  readonly fullSize: number;
  readonly offset: number;
  readonly checksum: number;
}

function entriesOf(file: Buffer, path: string): Entry[] {
  const end = file.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || end + END_BYTES > file.length || file.readUInt32LE(end) !== END_SIGNATURE) {
    throw broken('FILE_TRUNCATED', path, 'ends before the directory of its arrays');
  }
  const entries: Entry[] = [];
  let count = file.readUInt16LE(end + 10);
  let at = file.readUInt32LE(end + 16);
  if (at === IN_ZIP64 || count === 0xffff) {
    // The locator in front of the end record says where the 64-bit record is.
    const record = end >= 20 ? Number(file.readBigUInt64LE(end - 12)) : file.length;
    if (record + 56 > file.length) throw broken('FILE_CORRUPT', path, 'has a damaged zip64 directory');
    count = Number(file.readBigUInt64LE(record + 32));
    at = Number(file.readBigUInt64LE(record + 48));
  }
  for (let i = 0; i < count; i++) {
    if (at + 46 > file.length || file.readUInt32LE(at) !== ENTRY_SIGNATURE) {
      throw broken('FILE_CORRUPT', path, 'has a damaged directory of its arrays');
    }
    const nameBytes = file.readUInt16LE(at + 28);
    const extraBytes = file.readUInt16LE(at + 30);
    const extra = file.subarray(at + 46 + nameBytes, at + 46 + nameBytes + extraBytes);
    const sizes = [file.readUInt32LE(at + 24), file.readUInt32LE(at + 20), file.readUInt32LE(at + 42)];
    const [fullSize = 0, size = 0, offset = 0] = wideSizes(sizes, extra);
    entries.push({
      name: file.toString('utf8', at + 46, at + 46 + nameBytes),
      method: file.readUInt16LE(at + 10),
      checksum: file.readUInt32LE(at + 16),
      size,
      fullSize,
      offset,
    });
    at += 46 + nameBytes + extraBytes + file.readUInt16LE(at + 32);
  }
  return entries;
}

/** Values that do not fit 32 bits stand in extra field 1, in the order of the header. */
function wideSizes(sizes: number[], extra: Buffer): number[] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    let from = at + 4;
    return sizes.map((size) => {
      if (size !== IN_ZIP64 || from + 8 > extra.length) return size;
      const wide = Number(extra.readBigUInt64LE(from));
      from += 8;
      return wide;
    });
  }
  return sizes;
}

function contentOf(file: Buffer, entry: Entry, path: string): Buffer {
  const { offset, size, name } = entry;
  if (offset + 30 > file.length || file.readUInt32LE(offset) !== LOCAL_SIGNATURE) {
    throw broken('FILE_CORRUPT', path, `has no array where ${name} should be`);
  }
  const start = offset + 30 + file.readUInt16LE(offset + 26) + file.readUInt16LE(offset + 28);
  if (start + size > file.length) throw broken('FILE_TRUNCATED', path, `ends within ${name}`);
  const stored = file.subarray(start, start + size);
  if (entry.method === STORED) return stored;
  if (entry.method !== DEFLATED) {
    throw broken('FILE_FORMAT', path, `stores ${name} with compression method ${entry.method}`);
  }
  try {
    const content = inflateRawSync(stored, { maxOutputLength: Math.max(1, entry.fullSize) });
    if (content.length === entry.fullSize) return content;
  } catch (error) {
    throw broken('FILE_CORRUPT', path, `has a damaged array ${name}`, error);
  }
  throw broken('FILE_CORRUPT', path, `has a damaged array ${name}`);
}

function broken(
  code: 'FILE_FORMAT' | 'FILE_TRUNCATED' | 'FILE_CORRUPT',
  path: string,
  what: string,
  cause?: unknown,
): ProcessingError {
  return new ProcessingError(code, `${path} ${what}`, {
    where: path,
    cure: 'save it again with numpy.savez or numpy.savez_compressed',
    ...(cause === undefined ? {} : { cause }),
  });
}
