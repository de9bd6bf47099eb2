import { writeAtomic } from '../atomic-write.js';
import { ByteReader, malformed } from './byte-reader.js';

const MAGIC = 0xffffff;

/**
 * The bytes of a FreeSurfer file of one number per vertex (`lh.thickness`, `.curv`, `.sulc`, `.area`), new (float32)
 * or old (int16, 1/100) form.
 *
 * Note that `.curv` is positive in sulci, the opposite of the curvature of an outward normal.
 *
 * @returns shape (n), in the file's unit
 * @throws ProcessingError FILE_FORMAT or FILE_TRUNCATED
 */
export function parseFreesurferMorph(bytes: Uint8Array, path: string): Float64Array {
  const reader = new ByteReader(bytes, path);
  const first = reader.uint24('its magic number');
  if (first !== MAGIC) {
    reader.uint24('the number of triangles');
    return Float64Array.from(reader.int16s(first, 'its values'), (value) => value / 100);
  }
  const vertexCount = reader.int32('the number of vertices');
  reader.int32('the number of triangles');
  const perVertex = reader.int32('the number of values per vertex');
  if (perVertex !== 1 || vertexCount < 0) {
    throw malformed(
      path,
      `it says ${vertexCount} vertices with ${perVertex} values each`,
      'give a file of one value per vertex, such as lh.thickness',
    );
  }
  return reader.float32s(vertexCount, 'its values');
}

/** True where the length of a file that starts with FF FF FF is that of values, not of an old quadrangle surface. */
export function hasMorphLength(bytes: Uint8Array, fileLength: number): boolean {
  if (bytes.length < 15) return false;
  const vertexCount = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readInt32BE(3);
  return fileLength === 15 + 4 * vertexCount;
}

/**
 * Writes one float32 per vertex in FreeSurfer's new form, atomically.
 *
 * @param faceCount - number of triangles of the surface, as the header wants it
 * @throws StorageError IO_FULL, IO_DENIED or IO
 */
export async function writeFreesurferMorph(
  path: string,
  values: ArrayLike<number>,
  faceCount: number,
): Promise<void> {
  const bytes = Buffer.alloc(15 + 4 * values.length);
  bytes.writeUIntBE(MAGIC, 0, 3);
  bytes.writeInt32BE(values.length, 3);
  bytes.writeInt32BE(faceCount, 7);
  bytes.writeInt32BE(1, 11);
  for (let i = 0; i < values.length; i++) bytes.writeFloatBE(values[i] ?? 0, 15 + 4 * i);
  await writeAtomic(path, bytes);
}
