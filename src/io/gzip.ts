import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { constants, createGunzip, gunzip, gunzipSync, gzipSync } from 'node:zlib';

import { ProcessingError } from '../errors.js';
import { readError, systemCode } from './storage-error.js';

/** Byte 9 of a gzip member names the operating system of the writer; 255 is "unknown" (RFC 1952). */
const OS_BYTE = 9;
const OS_UNKNOWN = 255;
const gunzipAsync = promisify(gunzip);
/** A deflate stream grows by at most this factor, so a small file cannot hold an arbitrarily large volume. */
export const MAX_DEFLATE_RATIO = 1032;

/** Compresses with no time, no name and a fixed system byte: the same bytes give the same file on every machine. */
export function gzipDeterministic(bytes: Uint8Array, level = 6): Buffer {
  const out = gzipSync(bytes, { level });
  out.writeUInt32LE(0, 4); // modification time
  out[OS_BYTE] = OS_UNKNOWN;
  return out;
}

/** True where the two first bytes say gzip, whatever the file is called. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** What zlib said about a broken stream, as an error with a cure. */
export function gunzipError(error: unknown, path: string): Error {
  const code = systemCode(error);
  if (code === 'Z_BUF_ERROR') {
    return new ProcessingError('FILE_TRUNCATED', `the gzip stream of ${path} ends too early`, {
      where: path,
      cure: 'copy or create the file again; the copy here is incomplete',
      cause: error,
    });
  }
  if (code !== undefined && code.startsWith('Z_')) {
    const said = error instanceof Error ? error.message : code;
    return new ProcessingError('FILE_CORRUPT', `the gzip stream of ${path} is damaged (${said})`, {
      where: path,
      cure: 'copy or create the file again',
      cause: error,
    });
  }
  return readError(error, path);
}

/**
 * First bytes of a file, decompressed where it is gzip; reads a few KiB of the disk only.
 *
 * @param count - number of bytes wanted; fewer come back where the content is shorter
 * @throws ProcessingError FILE_MISSING, FILE_TRUNCATED or FILE_CORRUPT
 */
export function readPrefix(path: string, count: number): Buffer {
  let handle: number;
  try {
    handle = openSync(path, 'r');
  } catch (error) {
    throw readError(error, path);
  }
  try {
    const size = fstatSync(handle).size;
    for (let room = 4 * 1024; ; room *= 32) {
      const raw = Buffer.alloc(Math.min(room, size));
      const read = readSync(handle, raw, 0, raw.length, 0);
      if (!isGzip(raw)) return raw.subarray(0, Math.min(count, read));
      // Z_SYNC_FLUSH: take what a cut stream gives instead of failing at its end.
      const content = gunzipSync(raw.subarray(0, read), { finishFlush: constants.Z_SYNC_FLUSH });
      if (content.length >= count) return content.subarray(0, count);
      // The whole file gave too little: gunzip without that leniency says when it was cut.
      if (room >= size) return gunzipSync(raw.subarray(0, read)).subarray(0, count);
    }
  } catch (error) {
    throw gunzipError(error, path);
  } finally {
    closeSync(handle);
  }
}

/**
 * Content of a file, decompressed where it is gzip, into a buffer of a size that is known beforehand. Bytes after
 * `total` are checked (gzip checksum) and dropped.
 *
 * @param total - number of bytes that must be there
 * @returns how many bytes were found (at most `total`) and the buffer
 * @throws ProcessingError FILE_MISSING, FILE_TRUNCATED or FILE_CORRUPT
 */
export async function readContent(path: string, total: number): Promise<{ found: number; bytes: Buffer }> {
  let compressed: boolean;
  let size: number;
  try {
    await using file = await open(path, 'r');
    size = (await file.stat()).size;
    const first = Buffer.alloc(2);
    await file.read(first, 0, 2, 0);
    compressed = isGzip(first);
  } catch (error) {
    throw readError(error, path);
  }
  const largest = compressed ? size * MAX_DEFLATE_RATIO : size;
  if (largest < total) return { found: largest, bytes: Buffer.alloc(0) };

  const bytes = Buffer.allocUnsafe(total);
  let found = 0;
  const source = createReadStream(path, { highWaterMark: 256 * 1024 });
  const stream = compressed ? source.pipe(createGunzip({ chunkSize: 256 * 1024 })) : source;
  if (stream !== source) source.on('error', (error) => stream.destroy(error));
  try {
    for await (const piece of stream) {
      const chunk = piece as Buffer;
      const room = Math.min(chunk.length, total - found);
      if (room > 0) chunk.copy(bytes, found, 0, room);
      found += room;
      if (!compressed && found === total) break;
    }
  } catch (error) {
    throw gunzipError(error, path);
  } finally {
    source.destroy();
  }
  return { found, bytes: bytes.subarray(0, found) };
}

/**
 * A whole file, decompressed where its content is gzip.
 *
 * @throws ProcessingError FILE_MISSING, FILE_TRUNCATED or FILE_CORRUPT
 */
export async function readWhole(path: string): Promise<Buffer> {
  try {
    const bytes = await readFile(path);
    return isGzip(bytes) ? await gunzipAsync(bytes) : bytes;
  } catch (error) {
    throw gunzipError(error, path);
  }
}
