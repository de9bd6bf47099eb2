import { readFile } from 'node:fs/promises';
import { deflateSync, unzipSync } from 'node:zlib';

import { ProcessingError } from '../errors.js';
import { writeAtomic } from './atomic-write.js';
import { escapeXml, walkXml } from './gifti-xml.js';
import { isGzip } from './gzip.js';
import { fortranToC, sizeOf, type NumericArray } from './layout.js';
import { readError } from './storage-error.js';

/** One array of a GIfTI file: a map, a time point, the points or the triangles of a surface. */
export interface GiftiArray {
  /** Without its prefix: `POINTSET`, `TRIANGLE`, `TIME_SERIES`, `SHAPE`, `LABEL`, `NONE` ... */
  readonly intent: string;
  readonly shape: readonly number[];
  /** C order. */
  readonly data: NumericArray;
  readonly metadata: Readonly<Record<string, string>>;
  /** Of a POINTSET: which space its points are in, and how they get to another one. */
  readonly coordinateSystem: GiftiCoordinateSystem | null;
}

/** Where the points of a GIfTI surface lie, and the matrix to another space. */
export interface GiftiCoordinateSystem {
  readonly dataSpace: string;
  readonly transformedSpace: string;
  /** Row-major 4x4, points to the transformed space. */
  readonly matrix: readonly number[];
}

/** A label of a GIfTI label table. */
export interface GiftiLabel {
  readonly key: number;
  readonly name: string;
  /** Red, green, blue, opacity, 0 to 1; null where the file has none. */
  readonly rgba: readonly [number, number, number, number] | null;
}

/** A whole GIfTI file: metadata, labels, arrays. */
export interface GiftiImage {
  readonly metadata: Readonly<Record<string, string>>;
  readonly labels: readonly GiftiLabel[];
  readonly arrays: readonly GiftiArray[];
}

interface Type {
  readonly bytes: number;
  readonly make: (length: number) => NumericArray;
  readonly get: (view: DataView, at: number, littleEndian: boolean) => number;
}

const TYPES: Readonly<Record<string, Type>> = {
  INT8: { bytes: 1, make: (n) => new Int8Array(n), get: (v, at) => v.getInt8(at) },
  UINT8: { bytes: 1, make: (n) => new Uint8Array(n), get: (v, at) => v.getUint8(at) },
  INT16: { bytes: 2, make: (n) => new Int16Array(n), get: (v, at, le) => v.getInt16(at, le) },
  UINT16: { bytes: 2, make: (n) => new Uint16Array(n), get: (v, at, le) => v.getUint16(at, le) },
  INT32: { bytes: 4, make: (n) => new Int32Array(n), get: (v, at, le) => v.getInt32(at, le) },
  UINT32: { bytes: 4, make: (n) => new Uint32Array(n), get: (v, at, le) => v.getUint32(at, le) },
  FLOAT32: { bytes: 4, make: (n) => new Float32Array(n), get: (v, at, le) => v.getFloat32(at, le) },
  FLOAT64: { bytes: 8, make: (n) => new Float64Array(n), get: (v, at, le) => v.getFloat64(at, le) },
};

/**
 * Reads a `.gii` file: text or binary arrays, either byte order, row or column major; compressed files as a whole, too.
 *
 * @throws ProcessingError FILE_MISSING, FILE_FORMAT (no GIfTI, data in another file), FILE_CORRUPT, FILE_TRUNCATED
 */
export async function readGifti(path: string): Promise<GiftiImage> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
    if (isGzip(bytes)) bytes = unzipSync(bytes);
  } catch (error) {
    throw readError(error, path);
  }
  return parseGifti(bytes.toString('utf8'), path);
}

/** Interprets the text of a file; `path` is for messages. */
export function parseGifti(xml: string, path: string): GiftiImage {
  const reader = new GiftiReader(path);
  walkXml(xml, path, reader);
  return reader.image();
}

class GiftiReader {
  readonly #path: string;
  readonly #stack: string[] = [];
  readonly #metadata: Record<string, string> = {};
  readonly #labels: GiftiLabel[] = [];
  readonly #arrays: GiftiArray[] = [];
  #isGifti = false;
  #text: string[] = [];
  #name = '';
  #attributes: Readonly<Record<string, string>> = {};
  #label: Readonly<Record<string, string>> = {};
  #own: Record<string, string> = {};
  #space: { dataSpace: string; transformedSpace: string; matrix: number[] } | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    if (this.#stack.length === 0) this.#isGifti = name === 'GIFTI';
    this.#stack.push(name);
    this.#text = [];
    if (name === 'DataArray') {
      this.#attributes = attributes;
      this.#own = {};
      this.#space = null;
    } else if (name === 'Label') this.#label = attributes;
    else if (name === 'CoordinateSystemTransformMatrix') {
      this.#space ??= { dataSpace: 'UNKNOWN', transformedSpace: 'UNKNOWN', matrix: [] };
    }
  }

  text(content: string): void {
    this.#text.push(content);
  }

  close(name: string): void {
    this.#stack.pop();
    const text = this.#text.join('');
    this.#text = [];
    const isInArray = this.#stack.includes('DataArray');
    const space = this.#space;
    switch (name) {
      case 'Name':
        this.#name = text.trim();
        break;
      case 'Value':
        (isInArray ? this.#own : this.#metadata)[this.#name] = text.trim();
        break;
      case 'Label':
        this.#labels.push(labelOf(this.#label, text.trim()));
        break;
      case 'DataSpace':
        if (space !== null) space.dataSpace = spaceName(text);
        break;
      case 'TransformedSpace':
        if (space !== null) space.transformedSpace = spaceName(text);
        break;
      case 'MatrixData':
        if (space !== null) space.matrix = numbersOf(text);
        break;
      case 'Data':
        this.#arrays.push(this.#array(text));
        break;
    }
  }

  image(): GiftiImage {
    if (!this.#isGifti) throw this.#format('its first tag is not GIFTI');
    return { metadata: this.#metadata, labels: this.#labels, arrays: this.#arrays };
  }

  #array(text: string): GiftiArray {
    const given = this.#attributes;
    const shape = Array.from({ length: Number(given['Dimensionality'] ?? 0) }, (_, i) =>
      Number(given[`Dim${i}`]),
    );
    if (shape.length === 0 || !shape.every((length) => Number.isSafeInteger(length) && length >= 0)) {
      throw this.#format(`array ${this.#arrays.length} has the shape (${shape.join(', ')})`);
    }
    const typeName = (given['DataType'] ?? '').replace('NIFTI_TYPE_', '');
    const type = TYPES[typeName];
    if (type === undefined) throw this.#format(`data type ${given['DataType'] ?? '(none)'} is not read`);
    const values = this.#values(text, type, sizeOf(shape));
    const isColumnMajor = given['ArrayIndexingOrder'] === 'ColumnMajorOrder' && shape.length > 1;
    return {
      intent: (given['Intent'] ?? 'NIFTI_INTENT_NONE').replace('NIFTI_INTENT_', ''),
      shape,
      data: isColumnMajor ? fortranToC(values, shape) : values,
      metadata: this.#own,
      coordinateSystem: this.#space?.matrix.length === 16 ? this.#space : null,
    };
  }

  #values(text: string, type: Type, count: number): NumericArray {
    const encoding = this.#attributes['Encoding'] ?? '';
    const values = type.make(count);
    if (encoding === 'ASCII') {
      const numbers = numbersOf(text);
      if (numbers.length !== count) throw this.#short(numbers.length, count);
      values.set(numbers);
      return values;
    }
    if (encoding !== 'Base64Binary' && encoding !== 'GZipBase64Binary') {
      throw this.#format(`its data are in ${encoding === '' ? 'no known form' : encoding}`);
    }
    const raw = Buffer.from(text, 'base64');
    const bytes = encoding === 'Base64Binary' ? raw : this.#inflate(raw);
    if (bytes.length !== count * type.bytes) throw this.#short(bytes.length / type.bytes, count);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const littleEndian = this.#attributes['Endian'] !== 'BigEndian';
    for (let i = 0; i < count; i++) values[i] = type.get(view, i * type.bytes, littleEndian);
    return values;
  }

  #inflate(bytes: Buffer): Buffer {
    try {
      return unzipSync(bytes);
    } catch (error) {
      throw new ProcessingError(
        'FILE_CORRUPT',
        `${this.#path}: the compressed data of array ${this.#arrays.length} are damaged`,
        { where: this.#path, cure: 'copy or create the file again', cause: error },
      );
    }
  }

  #short(found: number, count: number): ProcessingError {
    return new ProcessingError(
      'FILE_TRUNCATED',
      `${this.#path}: array ${this.#arrays.length} has ${found} of ${count} values`,
      { where: this.#path, cure: 'copy or create the file again; the copy here is incomplete' },
    );
  }

  #format(what: string): ProcessingError {
    return new ProcessingError('FILE_FORMAT', `${this.#path} cannot be read as GIfTI: ${what}`, {
      where: this.#path,
      cure: 'save it as GIfTI with its data inside the file',
    });
  }
}

function labelOf(attributes: Readonly<Record<string, string>>, name: string): GiftiLabel {
  const colour = ['Red', 'Green', 'Blue', 'Alpha'].map((key) => Number(attributes[key]));
  const hasColour = colour.every((value) => Number.isFinite(value));
  return {
    key: Number(attributes['Key'] ?? attributes['Index'] ?? 0),
    name,
    rgba: hasColour ? (colour as unknown as [number, number, number, number]) : null,
  };
}

function spaceName(text: string): string {
  return text.trim().replace('NIFTI_XFORM_', '');
}

function numbersOf(text: string): number[] {
  return text.trim() === '' ? [] : text.trim().split(/\s+/).map(Number);
}

/** What is written of an array; the rest has neutral values. */
export type GiftiContent = Pick<GiftiArray, 'intent' | 'shape' | 'data'> &
  Partial<Pick<GiftiArray, 'metadata' | 'coordinateSystem'>>;

/**
 * Writes a GIfTI file with compressed little-endian arrays: floats as FLOAT32, integers as INT32, bytes as UINT8 (the
 * three types of the standard). Equal content gives equal bytes.
 *
 * @throws ProcessingError SHAPE_MISMATCH; StorageError IO_FULL, IO_DENIED or IO
 */
export async function writeGifti(
  path: string,
  image: {
    readonly arrays: readonly GiftiContent[];
    readonly metadata?: Readonly<Record<string, string>>;
    readonly labels?: readonly GiftiLabel[];
  },
): Promise<void> {
  await writeAtomic(path, encodeGifti(image));
}

/** The text of `writeGifti`. */
export function encodeGifti({
  arrays,
  metadata = {},
  labels = [],
}: Parameters<typeof writeGifti>[1]): string {
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE GIFTI SYSTEM "http://www.nitrc.org/frs/download.php/115/gifti.dtd">',
    `<GIFTI Version="1.0" NumberOfDataArrays="${arrays.length}">`,
    ...metadataLines(metadata),
    '<LabelTable>',
    ...labels.map(labelLine),
    '</LabelTable>',
    ...arrays.flatMap(arrayLines),
    '</GIFTI>',
  ];
  return `${lines.join('\n')}\n`;
}

function metadataLines(metadata: Readonly<Record<string, string>>): string[] {
  const entries = Object.entries(metadata).map(
    ([name, value]) => `<MD><Name>${escapeXml(name)}</Name><Value>${escapeXml(value)}</Value></MD>`,
  );
  return ['<MetaData>', ...entries, '</MetaData>'];
}

function labelLine({ key, name, rgba }: GiftiLabel): string {
  const colour =
    rgba === null ? '' : ` Red="${rgba[0]}" Green="${rgba[1]}" Blue="${rgba[2]}" Alpha="${rgba[3]}"`;
  return `<Label Key="${key}"${colour}>${escapeXml(name)}</Label>`;
}

function arrayLines({ intent, shape, data, metadata = {}, coordinateSystem = null }: GiftiContent): string[] {
  if (data.length !== sizeOf(shape) || shape.length < 1 || shape.length > 6) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${data.length} values do not fill the shape ${shape.join('x')}`,
      {
        cure: 'give 1 to 6 axes whose product is the number of values',
      },
    );
  }
  const { type, bytes } = storedAs(data);
  const dims = shape.map((length, i) => `Dim${i}="${length}"`).join(' ');
  return [
    `<DataArray Intent="NIFTI_INTENT_${escapeXml(intent)}" DataType="NIFTI_TYPE_${type}"` +
      ` ArrayIndexingOrder="RowMajorOrder" Dimensionality="${shape.length}" ${dims}` +
      ' Encoding="GZipBase64Binary" Endian="LittleEndian" ExternalFileName="" ExternalFileOffset="">',
    ...metadataLines(metadata),
    ...(coordinateSystem === null ? [] : spaceLines(coordinateSystem)),
    `<Data>${deflateSync(bytes, { level: 6 }).toString('base64')}</Data>`,
    '</DataArray>',
  ];
}

function spaceLines({ dataSpace, transformedSpace, matrix }: GiftiCoordinateSystem): string[] {
  return [
    '<CoordinateSystemTransformMatrix>',
    `<DataSpace>NIFTI_XFORM_${escapeXml(dataSpace)}</DataSpace>`,
    `<TransformedSpace>NIFTI_XFORM_${escapeXml(transformedSpace)}</TransformedSpace>`,
    `<MatrixData>${matrix.join(' ')}</MatrixData>`,
    '</CoordinateSystemTransformMatrix>',
  ];
}

function storedAs(data: NumericArray): { type: string; bytes: Buffer } {
  if (data instanceof Uint8Array) return { type: 'UINT8', bytes: Buffer.from(data) };
  const isFloat = data instanceof Float32Array || data instanceof Float64Array;
  const bytes = Buffer.alloc(4 * data.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < data.length; i++) {
    if (isFloat) view.setFloat32(4 * i, data[i]!, true);
    else view.setInt32(4 * i, data[i]!, true);
  }
  return { type: isFloat ? 'FLOAT32' : 'INT32', bytes };
}
