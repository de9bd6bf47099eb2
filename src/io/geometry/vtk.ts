import { ByteReader, malformed, truncated } from './byte-reader.js';
import { checkedSurface, fanTriangles, linesOnly, stripTriangles, type Surface } from './surface.js';

const CURE = 'save the surface again as legacy VTK PolyData, ASCII or binary';

type Numbers = (view: DataView, at: number) => number;
/** Bytes and decoder of each VTK type; legacy binary files are big-endian. */
const TYPES: Readonly<Record<string, { readonly bytes: number; readonly decode: Numbers }>> = {
  char: { bytes: 1, decode: (view, at) => view.getInt8(at) },
  signed_char: { bytes: 1, decode: (view, at) => view.getInt8(at) },
  unsigned_char: { bytes: 1, decode: (view, at) => view.getUint8(at) },
  short: { bytes: 2, decode: (view, at) => view.getInt16(at) },
  unsigned_short: { bytes: 2, decode: (view, at) => view.getUint16(at) },
  int: { bytes: 4, decode: (view, at) => view.getInt32(at) },
  unsigned_int: { bytes: 4, decode: (view, at) => view.getUint32(at) },
  long: { bytes: 8, decode: (view, at) => Number(view.getBigInt64(at)) },
  unsigned_long: { bytes: 8, decode: (view, at) => Number(view.getBigUint64(at)) },
  vtktypeint64: { bytes: 8, decode: (view, at) => Number(view.getBigInt64(at)) },
  vtkidtype: { bytes: 4, decode: (view, at) => view.getInt32(at) },
  float: { bytes: 4, decode: (view, at) => view.getFloat32(at) },
  double: { bytes: 8, decode: (view, at) => view.getFloat64(at) },
};

/**
 * The bytes of a legacy VTK file with PolyData: ASCII or binary, polygons in the old form or as OFFSETS and
 * CONNECTIVITY (5.x), triangle strips; arrays of one number per point become scalars.
 *
 * @throws ProcessingError FILE_FORMAT or FILE_TRUNCATED
 */
export function parseVtk(bytes: Uint8Array, path: string): Surface {
  const head = new ByteReader(bytes, path);
  if (!head.line('its header').startsWith('# vtk DataFile'))
    throw malformed(path, 'it is no legacy VTK file', CURE);
  head.line('its title');
  const encoding = head.line('its encoding').trim().toUpperCase();
  if (encoding !== 'ASCII' && encoding !== 'BINARY')
    throw malformed(path, `its third line is "${encoding}"`, CURE);
  return new VtkParser(bytes, head.position, encoding === 'BINARY', path).parse();
}

class VtkParser {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #position: number;
  readonly #isBinary: boolean;
  readonly #path: string;
  #vertices: Float64Array | undefined;
  readonly #polygons: number[][] = [];
  #lines = 0;
  readonly #scalars = new Map<string, Float64Array>();

  constructor(bytes: Uint8Array, position: number, isBinary: boolean, path: string) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#position = position;
    this.#isBinary = isBinary;
    this.#path = path;
  }

  parse(): Surface {
    for (let words = this.#section(); words !== undefined; words = this.#section()) this.#read(words);
    if (this.#vertices === undefined) throw malformed(this.#path, 'it has no POINTS', CURE);
    if (this.#lines > 0 && this.#polygons.length === 0) throw linesOnly(this.#path);
    const surface = { vertices: this.#vertices, faces: fanTriangles(this.#polygons) };
    return checkedSurface(
      this.#scalars.size === 0 ? surface : { ...surface, scalars: this.#scalars },
      this.#path,
    );
  }

  /** Sections of cells are passed over, those of points kept. */
  #isPointData = false;
  #tuples = 0;

  #read(words: string[]): void {
    const [keyword = '', first = '', second = '', third = ''] = words;
    switch (keyword.toUpperCase()) {
      case 'DATASET':
        if (first.toUpperCase() !== 'POLYDATA') throw malformed(this.#path, `its data set is ${first}`, CURE);
        return;
      case 'POINTS':
        this.#vertices = this.#numbers(3 * this.#whole(first), second, 'its points');
        return;
      case 'POLYGONS':
        this.#cells(this.#whole(first), this.#whole(second), (polygon) => this.#polygons.push(polygon));
        return;
      case 'TRIANGLE_STRIPS':
        this.#cells(this.#whole(first), this.#whole(second), (strip) => {
          this.#polygons.push(...stripTriangles(strip));
        });
        return;
      case 'LINES':
        this.#cells(this.#whole(first), this.#whole(second), () => this.#lines++);
        return;
      case 'VERTICES':
        this.#cells(this.#whole(first), this.#whole(second), () => undefined);
        return;
      case 'POINT_DATA':
      case 'CELL_DATA':
        this.#isPointData = keyword.toUpperCase() === 'POINT_DATA';
        this.#tuples = this.#whole(first);
        return;
      case 'SCALARS': {
        const components = third === '' ? 1 : this.#whole(third);
        const table = this.#section();
        if (table?.[0]?.toUpperCase() !== 'LOOKUP_TABLE')
          throw malformed(this.#path, `SCALARS ${first} names no LOOKUP_TABLE`, CURE);
        this.#keep(
          first,
          components,
          this.#numbers(this.#tuples * components, second, `its scalars ${first}`),
        );
        return;
      }
      case 'LOOKUP_TABLE':
        this.#colours(4 * this.#whole(second));
        return;
      case 'VECTORS':
      case 'NORMALS':
        this.#numbers(3 * this.#tuples, second, `its ${keyword.toLowerCase()} ${first}`);
        return;
      case 'TENSORS':
        this.#numbers(9 * this.#tuples, second, `its tensors ${first}`);
        return;
      case 'TEXTURE_COORDINATES':
        this.#numbers(this.#whole(second) * this.#tuples, third, `its texture coordinates ${first}`);
        return;
      case 'COLOR_SCALARS':
        this.#colours(this.#whole(second) * this.#tuples);
        return;
      case 'FIELD':
        this.#field(this.#whole(second));
        return;
      case 'METADATA':
        while (this.#line().trim() !== '');
        return;
      default:
        throw malformed(this.#path, `it has a section ${JSON.stringify(keyword)}`, CURE);
    }
  }

  #field(arrays: number): void {
    for (let i = 0; i < arrays; i++) {
      let words = this.#section();
      if (words?.[0] === 'METADATA') {
        while (this.#line().trim() !== '');
        words = this.#section();
      }
      const [name = '', components = '', tuples = '', type = ''] = words ?? [];
      const each = this.#whole(components);
      const values = this.#numbers(each * this.#whole(tuples), type, `its field ${name}`);
      this.#keep(name, each, values);
    }
  }

  /** VTK writes blanks of names as %20. */
  #keep(name: string, components: number, values: Float64Array): void {
    const isPerPoint = this.#vertices !== undefined && values.length === this.#vertices.length / 3;
    if (this.#isPointData && components === 1 && isPerPoint) {
      this.#scalars.set(
        name.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
        values,
      );
    }
  }

  #cells(first: number, second: number, add: (cell: number[]) => void): void {
    const start = this.#position;
    const words = this.#section();
    if (words?.[0]?.toUpperCase() === 'OFFSETS') {
      const offsets = this.#numbers(first, words[1] ?? '', 'its offsets');
      const next = this.#section();
      if (next?.[0]?.toUpperCase() !== 'CONNECTIVITY')
        throw malformed(this.#path, 'OFFSETS has no CONNECTIVITY', CURE);
      const connectivity = this.#numbers(second, next[1] ?? '', 'its connectivity');
      for (let i = 1; i < offsets.length; i++) add([...connectivity.subarray(offsets[i - 1], offsets[i])]);
      return;
    }
    this.#position = start;
    const numbers = this.#numbers(second, 'int', 'its polygons');
    let at = 0;
    for (let i = 0; i < first; i++) {
      const length = numbers[at] ?? 0;
      if (length < 0 || at + 1 + length > numbers.length)
        throw malformed(this.#path, `polygon ${i} is longer than its list`, CURE);
      add([...numbers.subarray(at + 1, at + 1 + length)]);
      at += 1 + length;
    }
  }

  /** Colours are bytes in binary files and numbers from 0 to 1 in ASCII ones; nothing here uses them. */
  #colours(count: number): void {
    this.#numbers(count, this.#isBinary ? 'unsigned_char' : 'float', 'its colours');
  }

  #numbers(count: number, type: string, what: string): Float64Array {
    const stored = TYPES[type.toLowerCase()];
    if (stored === undefined)
      throw malformed(this.#path, `${what} have the type ${JSON.stringify(type)}`, CURE);
    const left = this.#bytes.length - this.#position;
    if (count * (this.#isBinary ? stored.bytes : 2) > left + 1) throw truncated(this.#path, what);
    const values = new Float64Array(count);
    if (this.#isBinary) {
      for (let i = 0; i < count; i++)
        values[i] = stored.decode(this.#view, this.#position + i * stored.bytes);
      this.#position += count * stored.bytes;
      return values;
    }
    for (let i = 0; i < count; i++) {
      const word = this.#word();
      if (word === '') throw truncated(this.#path, what);
      const value = /^[+-]?nan$/i.test(word) ? NaN : Number(word);
      if (Number.isNaN(value) && !/nan/i.test(word)) {
        throw malformed(this.#path, `${what} have ${JSON.stringify(word)} where a number is needed`, CURE);
      }
      values[i] = value;
    }
    return values;
  }

  /** Words of the next line that is not empty; undefined at the end. */
  #section(): string[] | undefined {
    while (this.#position < this.#bytes.length) {
      const line = this.#line().trim();
      if (line !== '') return line.split(/\s+/);
    }
    return undefined;
  }

  #line(): string {
    if (this.#position >= this.#bytes.length) throw truncated(this.#path, 'a section');
    const end = this.#bytes.indexOf(0x0a, this.#position);
    const stop = end < 0 ? this.#bytes.length : end;
    const line = this.#bytes.toString('latin1', this.#position, stop);
    this.#position = stop + 1;
    return line;
  }

  #word(): string {
    const isBlank = (at: number): boolean => (this.#bytes[at] ?? 0x20) <= 0x20;
    while (this.#position < this.#bytes.length && isBlank(this.#position)) this.#position++;
    const start = this.#position;
    while (this.#position < this.#bytes.length && !isBlank(this.#position)) this.#position++;
    return this.#bytes.toString('latin1', start, this.#position);
  }

  #whole(word: string): number {
    const number = Number(word);
    if (word === '' || !Number.isSafeInteger(number) || number < 0) {
      throw malformed(this.#path, `it has ${JSON.stringify(word)} where a count is needed`, CURE);
    }
    return number;
  }
}
