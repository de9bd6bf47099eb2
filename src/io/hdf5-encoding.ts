/**
 * Bytes of the parts of an HDF5 file: superblock version 2, object headers version 2 with links and attributes in the header, and
 * contiguous data. File format specification version 3.0, The HDF Group.
 */
import { lookup3 } from './checksum.js';
import type { Hdf5Array, Hdf5Data } from './hdf5.js';

export const SUPERBLOCK_BYTES = 48;
const SIGNATURE = Buffer.from('\u0089HDF\r\n\u001a\n', 'latin1');
const UNDEFINED = 0xffffffffffffffffn;
/** The library reads that much of a heap at once. */
const SMALLEST_HEAP = 4096;
const HEAP_OBJECT_HEAD = 16;

const MESSAGE = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  fillValue: 0x05,
  link: 0x06,
  layout: 0x08,
  groupInfo: 0x0a,
  attribute: 0x0c,
} as const;

/** Type messages: class and version, bit field, size, properties. */
const TYPES = {
  float32: '11201f00' + '04000000' + '00002000' + '17080017' + '7f000000',
  float64: '11203f00' + '08000000' + '00004000' + '340b0034' + 'ff030000',
  int32: '10080000' + '04000000' + '00002000',
  /** Text of any length, UTF-8, over unsigned bytes; the text is in a heap. */
  text: '19010100' + '10000000' + '10000000' + '01000000' + '00000800',
} as const;
export type Hdf5Type = keyof typeof TYPES;
const TYPE_BYTES = Object.fromEntries(
  Object.entries(TYPES).map(([type, hex]) => [type, Buffer.from(hex, 'hex')]),
) as Record<Hdf5Type, Buffer>;

export function typeOf(data: Hdf5Array): Exclude<Hdf5Type, 'text'> {
  if (data instanceof Float32Array) return 'float32';
  return data instanceof Float64Array ? 'float64' : 'int32';
}

/** The last bytes of a file to be written, and the first in it. */
export function superblock(rootAddress: number, endOfFile: number): Buffer {
  const head = Buffer.from([2, 8, 8, 0]);
  const bytes = Buffer.concat([SIGNATURE, head, u64(0), u64(null), u64(endOfFile), u64(rootAddress)]);
  return Buffer.concat([bytes, checksum(bytes)]);
}

/** One message of an object header. */
export type Message = readonly [type: number, content: Buffer];

/** An object header with its messages. */
export function objectHeader(messages: readonly Message[]): Buffer {
  const parts = messages.flatMap(([type, content]) => {
    const head = Buffer.alloc(4);
    head.writeUInt8(type, 0);
    head.writeUInt16LE(content.length, 1);
    return [head, content];
  });
  const size = Buffer.alloc(4);
  size.writeUInt32LE(parts.reduce((sum, { length }) => sum + length, 0));
  const bytes = Buffer.concat([Buffer.from('OHDR\u0002\u0002', 'latin1'), size, ...parts]);
  return Buffer.concat([bytes, checksum(bytes)]);
}

/** Messages of a group: its links by name, to the addresses of object headers. */
export function groupMessages(links: ReadonlyMap<string, number>): Message[] {
  const entries = [...links].map(([name, address]): Message => {
    const text = Buffer.from(name, 'utf8');
    // Version, flags (character set is given, length in 2 bytes), UTF-8, length, name, address.
    const head = Buffer.from([1, 0x11, 1, text.length & 0xff, text.length >> 8]);
    return [MESSAGE.link, Buffer.concat([head, text, u64(address)])];
  });
  const info = Buffer.concat([Buffer.alloc(2), u64(null), u64(null)]);
  return [[MESSAGE.linkInfo, info], [MESSAGE.groupInfo, Buffer.alloc(2)], ...entries];
}

/** Messages of a dataset whose data stand in one piece at an address. */
export function datasetMessages(
  type: Hdf5Type,
  shape: readonly number[],
  address: number,
  bytes: number,
): Message[] {
  const layout = Buffer.concat([Buffer.from([3, 1]), u64(bytes === 0 ? null : address), u64(bytes)]);
  return [
    [MESSAGE.dataspace, dataspace(shape)],
    [MESSAGE.datatype, TYPE_BYTES[type]],
    // Version 3, space when data are written, no fill value of its own.
    [MESSAGE.fillValue, Buffer.from([3, 0x0a])],
    [MESSAGE.layout, layout],
  ];
}

/** An attribute with its value as it stands in the file. @param shape - null: one value */
export function attributeMessage(
  name: string,
  type: Hdf5Type,
  shape: readonly number[] | null,
  value: Buffer,
): Message {
  const title = Buffer.from(`${name}\0`, 'utf8');
  const [datatype, space] = [TYPE_BYTES[type], dataspace(shape)];
  const head = Buffer.alloc(9);
  head.writeUInt8(3, 0);
  head.writeUInt16LE(title.length, 2);
  head.writeUInt16LE(datatype.length, 4);
  head.writeUInt16LE(space.length, 6);
  head.writeUInt8(1, 8); // the name is UTF-8
  return [MESSAGE.attribute, Buffer.concat([head, title, datatype, space, value])];
}

/** Texts in a heap at an address; `references` are the values of attributes that hold them. */
export function textHeap(texts: readonly string[], address: number): { heap: Buffer; references: Buffer } {
  const references = Buffer.alloc(16 * texts.length);
  const objects = texts.map((text, i) => {
    const content = Buffer.from(text, 'utf8');
    references.writeUInt32LE(content.length, 16 * i);
    references.writeBigUInt64LE(BigInt(address), 16 * i + 4);
    references.writeUInt32LE(i + 1, 16 * i + 12);
    const object = Buffer.alloc(HEAP_OBJECT_HEAD + 8 * Math.ceil(content.length / 8));
    object.writeUInt16LE(i + 1, 0);
    object.writeUInt16LE(1, 2);
    object.writeBigUInt64LE(BigInt(content.length), 8);
    content.copy(object, HEAP_OBJECT_HEAD);
    return object;
  });
  const used = HEAP_OBJECT_HEAD + objects.reduce((sum, { length }) => sum + length, 0);
  const size = Math.max(SMALLEST_HEAP, used + HEAP_OBJECT_HEAD);
  const free = Buffer.alloc(size - used);
  free.writeBigUInt64LE(BigInt(free.length), 8);
  const head = Buffer.concat([Buffer.from('GCOL\u0001\0\0\0', 'latin1'), u64(size)]);
  return { heap: Buffer.concat([head, ...objects, free]), references };
}

/** The bytes of an array, which are those of the file: little-endian. */
export function bytesOf({ data }: Pick<Hdf5Data, 'data'>): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function dataspace(shape: readonly number[] | null): Buffer {
  const axes = shape ?? [];
  return Buffer.concat([Buffer.from([2, axes.length, 0, shape === null ? 0 : 1]), ...axes.map(u64)]);
}

function u64(value: number | null): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value === null ? UNDEFINED : BigInt(value));
  return bytes;
}

function checksum(bytes: Buffer): Buffer {
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(lookup3(bytes));
  return sum;
}
