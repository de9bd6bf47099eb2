import { writeAtomic } from '../atomic-write.js';
import { ByteReader, malformed } from './byte-reader.js';

/** A region of a FreeSurfer annotation: name and colour. */
export interface AnnotationEntry {
  readonly name: string;
  /** Red, green, blue and transparency, 0 to 255. */
  readonly rgbt: readonly [number, number, number, number];
}

/** A parcellation of a surface. */
export interface Annotation {
  /** Shape (n): position of the vertex' region in `entries`; -1 for a vertex whose value is in no entry. */
  readonly regions: Int32Array;
  readonly entries: readonly AnnotationEntry[];
}

/** The number that stands for an entry in the file: R + 256 G + 65536 B. */
export function annotationValue({ rgbt: [red, green, blue] }: AnnotationEntry): number {
  return red + 256 * green + 65536 * blue;
}

/**
 * The bytes of a FreeSurfer annotation (`lh.aparc.annot`), both forms of its colour table.
 *
 * A region's id is its position in the table, not its colour; positions that the table leaves out have an empty name.
 *
 * @throws ProcessingError FILE_FORMAT or FILE_TRUNCATED
 */
export function parseAnnotation(bytes: Uint8Array, path: string): Annotation {
  const reader = new ByteReader(bytes, path);
  const vertexCount = reader.count('vertices', 8);
  const pairs = reader.int32s(2 * vertexCount, 'its values per vertex');
  if (reader.remaining < 4 || reader.int32('its colour table') !== 1) {
    throw malformed(
      path,
      'it has no colour table, so its regions have no names',
      'write the annotation again with its colour table',
    );
  }
  const entries = colourTable(reader, path);
  const positions = new Map<number, number>();
  entries.forEach((entry, i) => {
    if (entry.name !== '' && !positions.has(annotationValue(entry))) positions.set(annotationValue(entry), i);
  });
  const regions = new Int32Array(vertexCount).fill(-1);
  for (let i = 0; i < vertexCount; i++) {
    const vertex = pairs[2 * i] ?? 0;
    if (vertex < 0 || vertex >= vertexCount) {
      throw malformed(path, `it names vertex ${vertex} of ${vertexCount}`, 'copy or create the file again');
    }
    regions[vertex] = positions.get(pairs[2 * i + 1] ?? 0) ?? -1;
  }
  return { regions, entries };
}

/** The largest table that is believed; real ones have some hundreds of entries. */
const MAX_ENTRIES = 100_000;

function colourTable(reader: ByteReader, path: string): AnnotationEntry[] {
  const version = reader.int32('the version of its colour table');
  if (version !== -2 && version <= 0) {
    throw malformed(
      path,
      `its colour table has version ${version}`,
      'write the annotation with a current FreeSurfer',
    );
  }
  const size = version > 0 ? version : reader.int32('the size of its colour table');
  if (size < 0 || size > MAX_ENTRIES) {
    throw malformed(path, `its colour table has ${size} entries`, 'copy or create the file again');
  }
  text(reader);
  const listed = version > 0 ? size : reader.int32('the size of its colour table');
  const entries = new Array<AnnotationEntry>(size).fill({ name: '', rgbt: [0, 0, 0, 0] });
  for (let i = 0; i < listed; i++) {
    const position = version > 0 ? i : reader.int32('an entry of its colour table');
    if (position < 0 || position >= size) {
      throw malformed(
        path,
        `its colour table has an entry ${position} of ${size}`,
        'copy or create the file again',
      );
    }
    const name = text(reader);
    const [red = 0, green = 0, blue = 0, transparency = 0] = reader.int32s(4, 'an entry of its colour table');
    entries[position] = { name, rgbt: [red, green, blue, transparency] };
  }
  return entries;
}

function text(reader: ByteReader): string {
  return reader.text(reader.count('letters of a name', 1), 'a name in its colour table');
}

/**
 * Writes an annotation with a colour table of the current form, atomically. Two entries of one colour would be one
 * region for every reader, so they are refused.
 *
 * @throws ProcessingError INVALID_ARGUMENT; StorageError IO_FULL, IO_DENIED or IO
 */
export async function writeAnnotation(path: string, { regions, entries }: Annotation): Promise<void> {
  const values = entries.map(annotationValue);
  const twice = values.findIndex((value, i) => values.indexOf(value) !== i);
  if (twice >= 0) {
    const [first, second] = [entries[values.indexOf(values[twice] ?? 0)]?.name, entries[twice]?.name];
    throw malformed(
      path,
      `regions ${first} and ${second} have the same colour`,
      'give each region its own colour',
    );
  }
  const words: Buffer[] = [];
  const int32 = (...numbers: number[]): void => {
    const bytes = Buffer.alloc(4 * numbers.length);
    numbers.forEach((number, i) => bytes.writeInt32BE(number, 4 * i));
    words.push(bytes);
  };
  const name = (value: string): void => {
    const bytes = Buffer.from(`${value}\0`, 'utf8');
    int32(bytes.length);
    words.push(bytes);
  };
  int32(regions.length);
  regions.forEach((region, vertex) => {
    int32(vertex, region < 0 ? 0 : (values[region] ?? 0));
  });
  int32(1, -2, entries.length);
  name('neuroloom');
  int32(entries.length);
  entries.forEach((entry, position) => {
    int32(position);
    name(entry.name);
    int32(...entry.rgbt);
  });
  await writeAtomic(path, Buffer.concat(words));
}
