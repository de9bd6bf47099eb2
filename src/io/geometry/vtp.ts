/** VTK's XML files of PolyData (`.vtp`). */
import { inflateSync } from 'node:zlib';

import { walkXml } from '../gifti-xml.js';
import { malformed, truncated } from './byte-reader.js';
import { checkedSurface, fanTriangles, linesOnly, stripTriangles, type Surface } from './surface.js';

const CURE =
  'save the surface again as VTK PolyData: text, base64 or appended, without or with zlib compression';

interface NumberType {
  readonly bytes: number;
  readonly get: (view: DataView, at: number, isLittle: boolean) => number;
}

const TYPES: Readonly<Record<string, NumberType>> = {
  Int8: { bytes: 1, get: (view, at) => view.getInt8(at) },
  UInt8: { bytes: 1, get: (view, at) => view.getUint8(at) },
  Int16: { bytes: 2, get: (view, at, isLittle) => view.getInt16(at, isLittle) },
  UInt16: { bytes: 2, get: (view, at, isLittle) => view.getUint16(at, isLittle) },
  Int32: { bytes: 4, get: (view, at, isLittle) => view.getInt32(at, isLittle) },
  UInt32: { bytes: 4, get: (view, at, isLittle) => view.getUint32(at, isLittle) },
  Int64: { bytes: 8, get: (view, at, isLittle) => Number(view.getBigInt64(at, isLittle)) },
  UInt64: { bytes: 8, get: (view, at, isLittle) => Number(view.getBigUint64(at, isLittle)) },
  Float32: { bytes: 4, get: (view, at, isLittle) => view.getFloat32(at, isLittle) },
  Float64: { bytes: 8, get: (view, at, isLittle) => view.getFloat64(at, isLittle) },
};

/** A `DataArray` element: where it stands and how it is written. */
interface ArrayElement {
  readonly section: string;
  readonly piece: number;
  readonly attributes: Readonly<Record<string, string>>;
  text: string;
}

interface Appended {
  readonly encoding: string;
  /** After the underscore, as latin1. */
  readonly content: string;
}

/** Whether the bytes are those of an XML file of VTK. */
export function isVtkXml(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 1024)).toString('latin1').includes('<VTKFile');
}

/**
 * The bytes of a VTK XML file of PolyData: arrays as text, base64 or appended (raw or base64), plain or compressed with
 * zlib, either byte order; polygons and triangle strips of all pieces; arrays of one number per point become scalars.
 *
 * @throws ProcessingError FILE_FORMAT, FILE_TRUNCATED or FILE_CORRUPT
 */
export function parseVtp(bytes: Uint8Array, path: string): Surface {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const { markup, appended } = withoutAppended(text, path);
  const arrays: ArrayElement[] = [];
  const pieces: Readonly<Record<string, string>>[] = [];
  const stack: string[] = [];
  let root: Readonly<Record<string, string>> = {};
  let current: ArrayElement | undefined;
  walkXml(markup, path, {
    open(name, attributes) {
      if (name === 'VTKFile') root = attributes;
      if (name === 'Piece') pieces.push(attributes);
      if (name === 'DataArray') {
        current = { section: stack.at(-1) ?? '', piece: pieces.length - 1, attributes, text: '' };
        arrays.push(current);
      }
      stack.push(name);
    },
    text(content) {
      if (current !== undefined) current.text += content;
    },
    close(name) {
      stack.pop();
      if (name === 'DataArray') current = undefined;
    },
  });
  if (root['type'] !== 'PolyData') {
    throw malformed(path, `its type is ${root['type'] ?? 'not given'}, not PolyData`, CURE);
  }
  return assembled(new ArrayDecoder(root, appended, arrays, path), arrays, pieces, path);
}

/** Appended data may hold any bytes: they are taken out before the markup is read. */
function withoutAppended(
  text: string,
  path: string,
): { readonly markup: string; readonly appended: Appended | undefined } {
  const start = text.indexOf('<AppendedData');
  if (start < 0) return { markup: text, appended: undefined };
  const tagEnd = text.indexOf('>', start);
  const underscore = text.indexOf('_', tagEnd);
  const end = text.lastIndexOf('</AppendedData>');
  if (tagEnd < 0 || underscore < 0 || end < underscore) throw truncated(path, 'its appended data');
  const encoding = /encoding\s*=\s*["'](\w+)["']/.exec(text.slice(start, tagEnd))?.[1] ?? 'base64';
  const markup = text.slice(0, start) + text.slice(end + '</AppendedData>'.length);
  return { markup, appended: { encoding, content: text.slice(underscore + 1, end) } };
}

function assembled(
  decoder: ArrayDecoder,
  arrays: readonly ArrayElement[],
  pieces: readonly Readonly<Record<string, string>>[],
  path: string,
): Surface {
  const vertices: number[] = [];
  const polygons: number[][] = [];
  const scalars = new Map<string, number[]>();
  let lines = 0;
  pieces.forEach((attributes, piece) => {
    const own = arrays.filter((array) => array.piece === piece);
    const points = own.find(({ section }) => section === 'Points');
    const first = vertices.length / 3;
    const values = points === undefined ? [] : decoder.numbers(points);
    const count = Number(attributes['NumberOfPoints'] ?? values.length / 3);
    if (values.length !== 3 * count) {
      throw malformed(path, `a piece has ${values.length} coordinates for ${count} points`, CURE);
    }
    for (const value of values) vertices.push(value);
    lines += cellsOf(
      decoder,
      own.filter(({ section }) => section === 'Lines'),
      first,
      path,
    ).length;
    for (const section of ['Polys', 'Strips'] as const) {
      const cells = own.filter((array) => array.section === section);
      for (const cell of cellsOf(decoder, cells, first, path)) {
        if (section === 'Polys') polygons.push(cell);
        else polygons.push(...stripTriangles(cell));
      }
    }
    for (const array of own.filter(({ section }) => section === 'PointData')) {
      const numbers = decoder.numbers(array);
      const name = array.attributes['Name'] ?? '';
      if (numbers.length === count && count > 0) {
        const known = scalars.get(name) ?? [];
        for (const value of numbers) known.push(value);
        scalars.set(name, known);
      }
    }
  });
  if (lines > 0 && polygons.length === 0) throw linesOnly(path);
  const complete = [...scalars].filter(([, values]) => values.length === vertices.length / 3);
  const surface = { vertices: Float64Array.from(vertices), faces: fanTriangles(polygons) };
  return checkedSurface(
    complete.length === 0
      ? surface
      : { ...surface, scalars: new Map(complete.map(([name, values]) => [name, Float64Array.from(values)])) },
    path,
  );
}

function cellsOf(
  decoder: ArrayDecoder,
  arrays: readonly ArrayElement[],
  first: number,
  path: string,
): number[][] {
  const [connectivity, offsets] = ['connectivity', 'offsets'].map((name) => {
    const array = arrays.find(({ attributes }) => attributes['Name'] === name);
    return array === undefined ? [] : decoder.numbers(array);
  }) as [number[], number[]];
  if ((offsets.at(-1) ?? 0) > connectivity.length) {
    throw malformed(path, `its cells end at ${offsets.at(-1)} of ${connectivity.length} corners`, CURE);
  }
  return offsets.map((end, i) =>
    connectivity.slice(i === 0 ? 0 : offsets[i - 1], end).map((corner) => corner + first),
  );
}

class ArrayDecoder {
  readonly #isLittle: boolean;
  readonly #header: NumberType;
  readonly #isCompressed: boolean;
  readonly #appended: Appended | undefined;
  /** Where appended arrays begin, ascending: each base64 array ends where the next begins. */
  readonly #offsets: readonly number[];
  readonly #path: string;

  constructor(
    root: Readonly<Record<string, string>>,
    appended: Appended | undefined,
    arrays: readonly ArrayElement[],
    path: string,
  ) {
    this.#path = path;
    this.#isLittle = root['byte_order'] !== 'BigEndian';
    this.#header = TYPES[root['header_type'] ?? 'UInt32'] ?? TYPES['UInt32']!;
    const compressor = root['compressor'];
    if (compressor !== undefined && compressor !== 'vtkZLibDataCompressor') {
      throw malformed(path, `its arrays are compressed by ${compressor}`, CURE);
    }
    this.#isCompressed = compressor !== undefined;
    this.#appended = appended;
    this.#offsets = arrays
      .filter(({ attributes }) => attributes['format'] === 'appended')
      .map(({ attributes }) => Number(attributes['offset']))
      .sort((a, b) => a - b);
  }

  numbers({ attributes, text }: ArrayElement): number[] {
    const name = attributes['Name'] ?? 'without name';
    const type = TYPES[attributes['type'] ?? ''];
    if (type === undefined)
      throw malformed(this.#path, `its array ${name} is of type ${attributes['type']}`, CURE);
    const { format = 'ascii' } = attributes;
    if (format === 'ascii') return this.#fromText(text, name);
    const bytes =
      format === 'binary'
        ? decodeBase64(text)
        : this.#appendedBytes(Number(attributes['offset'] ?? NaN), name);
    return this.#fromBytes(bytes, type, name);
  }

  #fromText(text: string, name: string): number[] {
    const words = text.trim() === '' ? [] : text.trim().split(/\s+/);
    return words.map((word) => {
      const value = /^[+-]?nan$/i.test(word) ? NaN : Number(word);
      if (Number.isNaN(value) && !/nan/i.test(word)) {
        throw malformed(
          this.#path,
          `its array ${name} has ${JSON.stringify(word)} where a number is needed`,
          CURE,
        );
      }
      return value;
    });
  }

  #appendedBytes(offset: number, name: string): Buffer {
    if (this.#appended === undefined || !(offset <= this.#appended.content.length)) {
      throw truncated(this.#path, `its array ${name}`);
    }
    const { content, encoding } = this.#appended;
    if (encoding === 'raw') return Buffer.from(content.slice(offset), 'latin1');
    return decodeBase64(
      content.slice(
        offset,
        this.#offsets.find((next) => next > offset),
      ),
    );
  }

  /** [bytes] data, or [blocks, bytes of a block, bytes of the last if shorter, compressed bytes of each] blocks. */
  #fromBytes(bytes: Buffer, type: NumberType, name: string): number[] {
    const word = (index: number): number => {
      if ((index + 1) * this.#header.bytes > bytes.length) throw truncated(this.#path, `its array ${name}`);
      return this.#header.get(viewOf(bytes), index * this.#header.bytes, this.#isLittle);
    };
    const part = (from: number, length: number): Buffer => {
      if (from + length > bytes.length) throw truncated(this.#path, `its array ${name}`);
      return bytes.subarray(from, from + length);
    };
    if (!this.#isCompressed) return this.#decoded(part(this.#header.bytes, word(0)), type);
    const blocks = word(0);
    const inflated: Buffer[] = [];
    let at = (3 + blocks) * this.#header.bytes;
    for (let block = 0; block < blocks; block++) {
      const length = word(3 + block);
      try {
        inflated.push(inflateSync(part(at, length)));
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code?.startsWith('Z_') !== true) throw cause;
        throw malformed(this.#path, `a compressed block of its array ${name} is damaged`, CURE);
      }
      at += length;
    }
    return this.#decoded(Buffer.concat(inflated), type);
  }

  #decoded(bytes: Buffer, type: NumberType): number[] {
    const view = viewOf(bytes);
    return Array.from({ length: Math.floor(bytes.length / type.bytes) }, (_, i) =>
      type.get(view, i * type.bytes, this.#isLittle),
    );
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Header and data may be encoded one after the other, each with padding of its own. */
function decodeBase64(text: string): Buffer {
  const parts = text.replace(/\s+/g, '').match(/[^=]+=*/g) ?? [];
  return Buffer.concat(parts.map((part) => Buffer.from(part, 'base64')));
}
