import { hash } from 'node:crypto';
import { endianness } from 'node:os';
import { ConfigError } from '../errors.js';
import { compareText } from './labels.js';

// One byte per kind, so that no value of one kind reads like a value of another.
const TAG = {
  null: 0x4e,
  false: 0x46,
  true: 0x54,
  number: 0x44,
  text: 0x53,
  list: 0x41,
  record: 0x4f,
  typed: 0x59,
};

/** Depth at which a value is refused (also a cyclic one), long before the stack ends. */
const MAX_DEPTH = 500;

const TYPED_ARRAYS = new Set([
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
]);

/**
 * One byte form for each hashable value (spec/engine.md 6.4).
 *
 * Every value is a kind byte followed by its content, lengths as 32-bit little-endian counts. Object fields are
 * sorted by code point; undefined fields are left out and null is kept; numbers are IEEE bits with one NaN and -0
 * apart from 0; text is UTF-8 without normalisation; typed arrays are type name, length, little-endian elements.
 *
 * @throws ConfigError CANONICAL with the path of a field that has no such form (Map, Set, Date, function, class
 *   instance, bigint, symbol, undefined outside an object field, text with half a surrogate pair)
 */
export function canonicalBytes(value: unknown): Buffer {
  const writer = new ByteWriter();
  encode(writer, value, '', 0);
  return writer.bytes();
}

/** SHA-256 of the canonical form, 64 hex digits. */
export function canonicalDigest(value: unknown): string {
  SHARED.clear();
  encode(SHARED, value, '', 0);
  return hash('sha256', SHARED.bytes(), 'hex');
}

class ByteWriter {
  #buffer = Buffer.allocUnsafe(256);
  #length = 0;

  #reserve(bytes: number): number {
    const at = this.#length;
    if (at + bytes > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, at + bytes));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    this.#length = at + bytes;
    return at;
  }

  byte(value: number): void {
    const at = this.#reserve(1);
    this.#buffer[at] = value;
  }

  count(value: number): void {
    const at = this.#reserve(4);
    this.#buffer.writeUInt32LE(value, at);
  }

  number(value: number): void {
    const at = this.#reserve(8);
    // NaN has many bit patterns; Number.NaN as a constant gives one.
    if (Number.isNaN(value)) this.#buffer.writeBigUInt64LE(0x7ff8000000000000n, at);
    else this.#buffer.writeDoubleLE(value, at);
  }

  /** @returns false when the text is not Unicode: it holds half a surrogate pair */
  text(value: string): boolean {
    const { length } = value;
    // Most text here is short ASCII: names and hex digits. Written unit by unit it costs no call into C++.
    if (length <= 80) {
      const start = this.#reserve(4 + length);
      this.#buffer.writeUInt32LE(length, start);
      let i = 0;
      for (; i < length; i += 1) {
        const unit = value.charCodeAt(i);
        if (unit > 0x7f) break;
        this.#buffer[start + 4 + i] = unit;
      }
      if (i === length) return true;
      this.#length = start;
    }
    if (/\p{Surrogate}/u.test(value)) return false;
    const bytes = Buffer.byteLength(value);
    this.count(bytes);
    const at = this.#reserve(bytes);
    this.#buffer.write(value, at, bytes, 'utf8');
    return true;
  }

  raw(value: Buffer): void {
    const at = this.#reserve(value.length);
    value.copy(this.#buffer, at);
  }

  /** A view that the next write may change. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
    if (this.#buffer.length > LARGE_BUFFER_BYTES) this.#buffer = Buffer.allocUnsafe(LARGE_BUFFER_BYTES);
  }
}

/** A buffer that grew beyond this is not kept. */
const LARGE_BUFFER_BYTES = 1_048_576;

/** For digests, which need the bytes only until the next call. */
const SHARED = new ByteWriter();

function encode(writer: ByteWriter, value: unknown, path: string, depth: number): void {
  if (depth > MAX_DEPTH) refuse(path, `is nested deeper than ${MAX_DEPTH} levels`);
  switch (typeof value) {
    case 'number':
      writer.byte(TAG.number);
      writer.number(value);
      return;
    case 'string':
      writer.byte(TAG.text);
      writeText(writer, value, path);
      return;
    case 'boolean':
      writer.byte(value ? TAG.true : TAG.false);
      return;
    case 'object':
      break;
    default:
      refuse(path, value === undefined ? 'is undefined' : `is a ${typeof value}`);
  }
  if (value === null) writer.byte(TAG.null);
  else if (Array.isArray(value)) encodeList(writer, value, path, depth);
  else if (ArrayBuffer.isView(value)) encodeTyped(writer, value, path);
  else encodeRecord(writer, value as object, path, depth);
}

function writeText(writer: ByteWriter, value: string, path: string): void {
  // Encoding turns every half pair into the same replacement character.
  if (!writer.text(value)) refuse(path, 'holds half a surrogate pair');
}

function encodeList(writer: ByteWriter, list: readonly unknown[], path: string, depth: number): void {
  writer.byte(TAG.list);
  writer.count(list.length);
  for (let i = 0; i < list.length; i += 1) encode(writer, list[i], `${path}[${i}]`, depth + 1);
}

function encodeRecord(writer: ByteWriter, record: object, path: string, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(record);
  if (prototype !== Object.prototype && prototype !== null) {
    refuse(path, `is a ${record.constructor?.name ?? 'special object'}`);
  }
  if (Object.getOwnPropertySymbols(record).length > 0) refuse(path, 'has a symbol as field name');
  const fields = Object.entries(record).filter(([, item]) => item !== undefined);
  fields.sort(([a], [b]) => compareText(a, b));
  writer.byte(TAG.record);
  writer.count(fields.length);
  for (const [name, item] of fields) {
    const inner = path === '' ? name : `${path}.${name}`;
    writeText(writer, name, inner);
    encode(writer, item, inner, depth + 1);
  }
}

function encodeTyped(writer: ByteWriter, view: ArrayBufferView, path: string): void {
  const type = Object.prototype.toString.call(view).slice(8, -1);
  if (!TYPED_ARRAYS.has(type)) refuse(path, `is a ${type}`);
  const array = view as Uint8Array;
  writer.byte(TAG.typed);
  writer.text(type);
  writer.count(array.length);
  let bytes = Buffer.from(array.buffer, array.byteOffset, array.byteLength);
  if (endianness() === 'BE') bytes = littleEndian(Buffer.from(bytes), array.BYTES_PER_ELEMENT);
  writer.raw(bytes);
}

function littleEndian(copy: Buffer, elementBytes: number): Buffer {
  if (elementBytes === 2) return copy.swap16();
  if (elementBytes === 4) return copy.swap32();
  return elementBytes === 8 ? copy.swap64() : copy;
}

function refuse(path: string, problem: string): never {
  throw new ConfigError(
    'CANONICAL',
    `${path === '' ? 'the value' : path} ${problem}, which has no canonical form`,
    {
      ...(path === '' ? {} : { where: path }),
      cure: 'use plain objects, arrays, numbers, text, booleans, null or typed arrays',
    },
  );
}
