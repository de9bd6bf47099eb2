import { ProcessingError } from '../../errors.js';

/**
 * Reads numbers and text of a binary file one after the other and says so when the file ends too early. A count that
 * stands in the file is checked against what is left before anything is allocated.
 */
export class ByteReader {
  position = 0;
  readonly #bytes: Buffer;
  readonly #path: string;
  readonly #littleEndian: boolean;

  /** @param path - the file that the bytes are from, for messages */
  constructor(bytes: Uint8Array, path: string, littleEndian = false) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#path = path;
    this.#littleEndian = littleEndian;
  }

  get remaining(): number {
    return this.#bytes.length - this.position;
  }

  uint8(what: string): number {
    return this.#bytes[this.#take(1, what)] ?? 0;
  }

  int16(what: string): number {
    const at = this.#take(2, what);
    return this.#littleEndian ? this.#bytes.readInt16LE(at) : this.#bytes.readInt16BE(at);
  }

  /** Three bytes, big-endian, as old FreeSurfer files count. */
  uint24(what: string): number {
    return this.#bytes.readUIntBE(this.#take(3, what), 3);
  }

  int32(what: string): number {
    const at = this.#take(4, what);
    return this.#littleEndian ? this.#bytes.readInt32LE(at) : this.#bytes.readInt32BE(at);
  }

  uint32(what: string): number {
    const at = this.#take(4, what);
    return this.#littleEndian ? this.#bytes.readUInt32LE(at) : this.#bytes.readUInt32BE(at);
  }

  /** A count of things of `bytesEach` bytes that must all be in the rest of the file. */
  count(what: string, bytesEach: number): number {
    const count = this.int32(`the number of ${what}`);
    if (count < 0) throw malformed(this.#path, `it counts ${count} ${what}`, 'copy or create the file again');
    this.need(count * bytesEach, what);
    return count;
  }

  float32s(count: number, what: string): Float64Array {
    const at = this.#take(count * 4, what);
    const view = this.#view();
    return Float64Array.from({ length: count }, (_, i) => view.getFloat32(at + 4 * i, this.#littleEndian));
  }

  int32s(count: number, what: string): Int32Array {
    const at = this.#take(count * 4, what);
    const view = this.#view();
    return Int32Array.from({ length: count }, (_, i) => view.getInt32(at + 4 * i, this.#littleEndian));
  }

  int16s(count: number, what: string): Int16Array {
    const at = this.#take(count * 2, what);
    const view = this.#view();
    return Int16Array.from({ length: count }, (_, i) => view.getInt16(at + 2 * i, this.#littleEndian));
  }

  bytes(count: number, what: string): Buffer {
    const at = this.#take(count, what);
    return this.#bytes.subarray(at, at + count);
  }

  /** Text of a fixed length, up to its first NUL. */
  text(count: number, what: string): string {
    const text = this.bytes(count, what).toString('utf8');
    const end = text.indexOf('\0');
    return end < 0 ? text : text.slice(0, end);
  }

  /** Text up to the next line feed, which is passed over. */
  line(what: string): string {
    const end = this.#bytes.indexOf(0x0a, this.position);
    if (end < 0) throw truncated(this.#path, what);
    const line = this.#bytes.toString('utf8', this.position, end);
    this.position = end + 1;
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  }

  /** Everything that is left, as text. */
  rest(): string {
    return this.text(this.remaining, 'the rest');
  }

  /** @throws ProcessingError FILE_TRUNCATED where fewer bytes are left */
  need(bytes: number, what: string): void {
    if (bytes > this.remaining) throw truncated(this.#path, what);
  }

  #take(bytes: number, what: string): number {
    this.need(bytes, what);
    const at = this.position;
    this.position += bytes;
    return at;
  }

  #view(): DataView {
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
  }
}

/** A file that ends within `what`. */
export function truncated(path: string, what: string): ProcessingError {
  return new ProcessingError('FILE_TRUNCATED', `${path} ends within ${what}`, {
    where: path,
    cure: 'copy or create the file again; the copy here is incomplete',
  });
}

/** A file whose content is not what its format says. */
export function malformed(path: string, what: string, cure: string): ProcessingError {
  return new ProcessingError('FILE_FORMAT', `${path} cannot be read: ${what}`, { where: path, cure });
}
