import { ByteReader, malformed } from './byte-reader.js';
import { checkedSurface, fanTriangles, linesOnly, stripTriangles, type Surface } from './surface.js';

const BYTES: Readonly<Record<string, number>> = {
  ...{ char: 1, int8: 1, uchar: 1, uint8: 1, short: 2, int16: 2, ushort: 2, uint16: 2 },
  ...{ int: 4, int32: 4, uint: 4, uint32: 4, float: 4, float32: 4, double: 8, float64: 8 },
};

interface Property {
  readonly name: string;
  readonly type: string;
  /** Type of the count in front of a list. */
  readonly countType?: string;
}

interface Element {
  readonly name: string;
  readonly count: number;
  readonly properties: Property[];
}

const CURE = 'export the mesh again as PLY with vertices x, y, z and faces';

/**
 * The bytes of a PLY mesh: ASCII or binary in either byte order, with any extra elements and properties. Polygons are
 * split into triangles, strips too; further vertex properties become scalars.
 *
 * @throws ProcessingError FILE_FORMAT or FILE_TRUNCATED
 */
export function parsePly(bytes: Uint8Array, path: string): Surface {
  const header = parseHeader(new ByteReader(bytes, path), path);
  const body = bytes.subarray(header.end);
  const values =
    header.encoding === 'ascii' ? asciiValues(body, path) : binaryValues(body, path, header.encoding);
  const columns = new Map<string, Float64Array>();
  const polygons: number[][] = [];
  let vertexCount = 0;
  for (const { name, count, properties } of header.elements) {
    const isVertex = name === 'vertex';
    if (isVertex) {
      vertexCount = count;
      const bytesEach = properties.reduce((sum, { type }) => sum + (BYTES[type] ?? 0), 0);
      if (header.encoding !== 'ascii') values.need(count * bytesEach, 'its vertices');
      // An ASCII number takes at least two bytes, with its blank.
      else values.need(count * properties.length, 'its vertices');
      for (const property of properties) columns.set(property.name, new Float64Array(count));
    }
    for (let i = 0; i < count; i++) {
      for (const property of properties) {
        if (property.countType === undefined) {
          const value = values.next(property.type, `its element ${name}`);
          const column = isVertex ? columns.get(property.name) : undefined;
          if (column !== undefined) column[i] = value;
          continue;
        }
        const length = values.next(property.countType, `its element ${name}`);
        const polygon: number[] = [];
        for (let k = 0; k < length; k++) polygon.push(values.next(property.type, `its element ${name}`));
        if (!/^vertex_ind(ices|ex)$/.test(property.name)) continue;
        if (name === 'face') polygons.push(polygon);
        else if (name === 'tristrips') polygons.push(...trianglesOfStrips(polygon));
      }
    }
  }
  if (polygons.length === 0) refuseOtherThanPoints(header, path);
  const [x, y, z] = ['x', 'y', 'z'].map((axis) => columns.get(axis));
  if (x === undefined || y === undefined || z === undefined)
    throw malformed(path, 'its vertices have no x, y, z', CURE);
  const vertices = new Float64Array(3 * vertexCount);
  for (let i = 0; i < vertexCount; i++) vertices.set([x[i] ?? 0, y[i] ?? 0, z[i] ?? 0], 3 * i);
  for (const axis of ['x', 'y', 'z']) columns.delete(axis);
  const surface = { vertices, faces: fanTriangles(polygons) };
  return checkedSurface(columns.size === 0 ? surface : { ...surface, scalars: columns }, path);
}

/** Strips stand in one list, with -1 between them. */
function trianglesOfStrips(list: readonly number[]): number[][] {
  const strips: number[][] = [[]];
  for (const vertex of list) {
    if (vertex < 0) strips.push([]);
    else strips.at(-1)!.push(vertex);
  }
  return strips.flatMap((strip) => stripTriangles(strip));
}

/** Points without triangles are a cloud, unless something else says how they are joined. */
function refuseOtherThanPoints({ elements }: Header, path: string): void {
  const has = (name: string): boolean =>
    elements.some((element) => element.name === name && element.count > 0);
  if (has('face')) throw malformed(path, 'its faces have no list vertex_indices or vertex_index', CURE);
  if (has('edge')) throw linesOnly(path);
}

interface Header {
  readonly encoding: 'ascii' | 'binary_little_endian' | 'binary_big_endian';
  readonly elements: Element[];
  /** Where the data begin. */
  readonly end: number;
}

function parseHeader(reader: ByteReader, path: string): Header {
  if (reader.line('its header').trim() !== 'ply') throw malformed(path, 'it does not start with "ply"', CURE);
  let encoding: Header['encoding'] | undefined;
  const elements: Element[] = [];
  for (;;) {
    const line = reader.line('its header').trim();
    const words = line.split(/\s+/);
    const [keyword, first = '', second = ''] = words;
    if (keyword === 'end_header') break;
    if (keyword === 'format') {
      if (first !== 'ascii' && first !== 'binary_little_endian' && first !== 'binary_big_endian') {
        throw malformed(path, `its format is ${JSON.stringify(first)}`, CURE);
      }
      encoding = first;
    } else if (keyword === 'element') {
      const count = Number(second);
      if (!Number.isSafeInteger(count) || count < 0) throw malformed(path, `its header says "${line}"`, CURE);
      elements.push({ name: first, count, properties: [] });
    } else if (keyword === 'property') {
      const property =
        first === 'list'
          ? { name: words[4] ?? '', type: words[3] ?? '', countType: second }
          : { name: second, type: first };
      const isKnown = [property.type, property.countType ?? property.type].every((type) => type in BYTES);
      if (elements.length === 0 || !isKnown) throw malformed(path, `its header says "${line}"`, CURE);
      elements.at(-1)?.properties.push(property);
    } else if (keyword !== 'comment' && keyword !== 'obj_info' && line !== '') {
      throw malformed(path, `its header says "${line}"`, CURE);
    }
  }
  if (encoding === undefined) throw malformed(path, 'its header names no format', CURE);
  return { encoding, elements, end: reader.position };
}

interface Values {
  next(type: string, what: string): number;
  need(bytes: number, what: string): void;
}

function asciiValues(body: Uint8Array, path: string): Values {
  const reader = new ByteReader(body, path);
  const words = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    .toString('latin1')
    .matchAll(/\S+/g);
  return {
    next(_type, what) {
      const word = words.next();
      if (word.done === true) {
        reader.need(Infinity, what);
        return NaN;
      }
      const value = Number(word.value[0]);
      if (Number.isNaN(value) && !/^[+-]?nan$/i.test(word.value[0])) {
        throw malformed(path, `${JSON.stringify(word.value[0])} stands where a number is needed`, CURE);
      }
      return value;
    },
    need: (bytes, what) => {
      reader.need(bytes, what);
    },
  };
}

function binaryValues(body: Uint8Array, path: string, encoding: Header['encoding']): Values {
  const reader = new ByteReader(body, path);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const little = encoding === 'binary_little_endian';
  return {
    next(type, what) {
      const bytes = BYTES[type] ?? 0;
      reader.need(bytes, what);
      const at = reader.position;
      reader.position += bytes;
      switch (type) {
        case 'char':
        case 'int8':
          return view.getInt8(at);
        case 'uchar':
        case 'uint8':
          return view.getUint8(at);
        case 'short':
        case 'int16':
          return view.getInt16(at, little);
        case 'ushort':
        case 'uint16':
          return view.getUint16(at, little);
        case 'int':
        case 'int32':
          return view.getInt32(at, little);
        case 'uint':
        case 'uint32':
          return view.getUint32(at, little);
        case 'double':
        case 'float64':
          return view.getFloat64(at, little);
        default:
          return view.getFloat32(at, little);
      }
    },
    need: (bytes, what) => {
      reader.need(bytes, what);
    },
  };
}
