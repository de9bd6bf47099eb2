import { hash } from 'node:crypto';
import { endianness } from 'node:os';
import { ConfigError } from '../errors.js';
import { ByteWriter } from './byte-writer.js';
import { compareText } from './labels.js';

/** One byte per kind, so that no value of one kind reads like a value of another. */
export const TAG = {
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
  TRAIL.length = 0;
  encode(writer, value);
  return writer.bytes();
}

/** SHA-256 of the canonical form, 64 hex digits. */
export function canonicalDigest(value: unknown): string {
  SHARED.clear();
  TRAIL.length = 0;
  encode(SHARED, value);
  return hash('sha256', SHARED.bytes(), 'hex');
}

/** For digests, which need the bytes only until the next call. */
const SHARED = new ByteWriter();

/** Where the value that is being encoded stands; read when it is refused. */
const TRAIL: (string | number)[] = [];

function encode(writer: ByteWriter, value: unknown): void {
  if (TRAIL.length > MAX_DEPTH) refuse(`is nested deeper than ${MAX_DEPTH} levels`);
  switch (typeof value) {
    case 'number':
      writer.byte(TAG.number);
      writer.number(value);
      return;
    case 'string':
      writer.byte(TAG.text);
      writeText(writer, value);
      return;
    case 'boolean':
      writer.byte(value ? TAG.true : TAG.false);
      return;
    case 'object':
      break;
    default:
      refuse(value === undefined ? 'is undefined' : `is a ${typeof value}`);
  }
  if (value === null) writer.byte(TAG.null);
  else if (Array.isArray(value)) encodeList(writer, value);
  else if (ArrayBuffer.isView(value)) encodeTyped(writer, value);
  else encodeRecord(writer, value as Readonly<Record<string, unknown>>);
}

function writeText(writer: ByteWriter, value: string): void {
  // Encoding turns every half pair into the same replacement character.
  if (!writer.text(value)) refuse('holds half a surrogate pair');
}

function encodeList(writer: ByteWriter, list: readonly unknown[]): void {
  writer.byte(TAG.list);
  writer.count(list.length);
  for (let i = 0; i < list.length; i += 1) {
    TRAIL.push(i);
    encode(writer, list[i]);
    TRAIL.pop();
  }
}

function encodeRecord(writer: ByteWriter, record: Readonly<Record<string, unknown>>): void {
  const prototype: unknown = Object.getPrototypeOf(record);
  if (prototype !== Object.prototype && prototype !== null) {
    refuse(`is a ${record.constructor?.name ?? 'special object'}`);
  }
  if (Object.getOwnPropertySymbols(record).length > 0) refuse('has a symbol as field name');
  const names = Object.keys(record).filter((name) => record[name] !== undefined);
  if (names.length > 1) names.sort(compareText);
  writer.byte(TAG.record);
  writer.count(names.length);
  for (const name of names) {
    TRAIL.push(name);
    writeText(writer, name);
    encode(writer, record[name]);
    TRAIL.pop();
  }
}

function encodeTyped(writer: ByteWriter, view: ArrayBufferView): void {
  const type = Object.prototype.toString.call(view).slice(8, -1);
  if (!TYPED_ARRAYS.has(type)) refuse(`is a ${type}`);
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

function refuse(problem: string): never {
  const path = TRAIL.reduce<string>((before, step) => {
    if (typeof step === 'number') return `${before}[${step}]`;
    return before === '' ? step : `${before}.${step}`;
  }, '');
  throw new ConfigError(
    'CANONICAL',
    `${path === '' ? 'the value' : path} ${problem}, which has no canonical form`,
    {
      ...(path === '' ? {} : { where: path }),
      cure: 'use plain objects, arrays, numbers, text, booleans, null or typed arrays',
    },
  );
}
