import { malformed, truncated } from './byte-reader.js';
import type { Surface } from './surface.js';

const HEAD_BYTES = 84;
const FACET_BYTES = 50;
const CURE = 'export the mesh again as STL, binary or ASCII';

/** Binary STL is recognised by its length alone: headers may begin with "solid" too. */
export function isBinaryStl(bytes: Uint8Array, fileLength: number): boolean {
  return bytes.length >= HEAD_BYTES && fileLength === HEAD_BYTES + FACET_BYTES * facetCount(bytes);
}

/**
 * The bytes of an STL mesh, binary or ASCII. The format has no topology: corners with the same three numbers become one
 * vertex, in the order in which they first appear.
 *
 * @throws ProcessingError FILE_FORMAT or FILE_TRUNCATED
 */
export function parseStl(bytes: Uint8Array, path: string): Surface {
  const isText = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 1024))
    .toString('latin1')
    .trimStart()
    .startsWith('solid');
  if (isBinaryStl(bytes, bytes.length)) return mergeCorners(binaryCorners(bytes));
  if (isText) return mergeCorners(asciiCorners(bytes, path));
  if (bytes.length < HEAD_BYTES) throw truncated(path, 'its header');
  const expected = HEAD_BYTES + FACET_BYTES * facetCount(bytes);
  if (bytes.length < expected) throw truncated(path, `its ${facetCount(bytes)} triangles`);
  throw malformed(
    path,
    `it is ${bytes.length} bytes long, its ${facetCount(bytes)} triangles need ${expected}`,
    CURE,
  );
}

function facetCount(bytes: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readUInt32LE(80);
}

function binaryCorners(bytes: Uint8Array): Float64Array {
  const count = facetCount(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const corners = new Float64Array(9 * count);
  for (let facet = 0; facet < count; facet++) {
    // The first three numbers of a facet are its normal.
    const at = HEAD_BYTES + FACET_BYTES * facet + 12;
    for (let i = 0; i < 9; i++) corners[9 * facet + i] = view.getFloat32(at + 4 * i, true);
  }
  return corners;
}

function asciiCorners(bytes: Uint8Array, path: string): Float64Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const numbers: number[] = [];
  for (const match of text.matchAll(/\bvertex\s+(\S+)\s+(\S+)\s+(\S+)/g)) {
    const corner = match.slice(1).map(Number);
    if (!corner.every(Number.isFinite))
      throw malformed(path, `it has the line ${JSON.stringify(match[0])}`, CURE);
    // ASCII writers round float32; without this two spellings of one corner would not merge.
    numbers.push(...corner.map(Math.fround));
  }
  if (!/\bendsolid\b/.test(text)) throw truncated(path, 'its triangles (endsolid is missing)');
  if (numbers.length % 9 !== 0)
    throw malformed(path, `its ${numbers.length / 3} corners are no triangles`, CURE);
  return Float64Array.from(numbers);
}

function mergeCorners(corners: Float64Array): Surface {
  const found = new Map<string, number>();
  const vertices: number[] = [];
  const faces = new Int32Array(corners.length / 3);
  for (let i = 0; i < faces.length; i++) {
    // Adding 0 makes -0 the same corner as 0.
    const [x, y, z] = [0, 1, 2].map((axis) => (corners[3 * i + axis] ?? 0) + 0) as [number, number, number];
    const key = `${x},${y},${z}`;
    let vertex = found.get(key);
    if (vertex === undefined) {
      vertex = found.size;
      found.set(key, vertex);
      vertices.push(x, y, z);
    }
    faces[i] = vertex;
  }
  return { vertices: Float64Array.from(vertices), faces };
}
