import { malformed } from './byte-reader.js';
import { checkedSurface, fanTriangles, linesOnly, type Surface } from './surface.js';

const CURE = 'export the mesh again as OBJ with v and f lines';

/**
 * The text of a Wavefront OBJ mesh: `v` and `f` lines (`v`, `v/vt`, `v//vn`, `v/vt/vn`; negative indices count back
 * from the last vertex so far; a backslash continues a line). Polygons are split into triangles; the rest is passed over.
 *
 * @throws ProcessingError FILE_FORMAT naming the line
 */
export function parseObj(bytes: Uint8Array, path: string): Surface {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const vertices: number[] = [];
  const polygons: number[][] = [];
  let hasLines = false;
  let continued = '';
  text.split(/\r?\n/).forEach((raw, i) => {
    const line = continued + raw;
    if (line.endsWith('\\')) {
      continued = `${line.slice(0, -1)} `;
      return;
    }
    continued = '';
    const [keyword, ...words] = (line.split('#')[0] ?? '').trim().split(/\s+/);
    if (keyword === 'v') {
      const point = words.slice(0, 3).map(Number);
      if (point.length < 3 || !point.every(Number.isFinite)) {
        throw malformed(path, `line ${i + 1} is not a vertex: ${JSON.stringify(raw)}`, CURE);
      }
      vertices.push(...point);
    } else if (keyword === 'l') hasLines = true;
    else if (keyword === 'f') {
      if (words.length < 3) {
        throw malformed(path, `line ${i + 1} is not a face of three corners: ${JSON.stringify(raw)}`, CURE);
      }
      polygons.push(words.map((word) => vertexIndex(word, vertices.length / 3, `line ${i + 1}`, path)));
    }
  });
  if (hasLines && polygons.length === 0) throw linesOnly(path);
  return checkedSurface({ vertices: Float64Array.from(vertices), faces: fanTriangles(polygons) }, path);
}

function vertexIndex(word: string, vertexCount: number, where: string, path: string): number {
  const index = Number(word.split('/')[0]);
  if (!Number.isSafeInteger(index) || index === 0) {
    throw malformed(path, `${where} has ${JSON.stringify(word)} where a vertex index is needed`, CURE);
  }
  return index > 0 ? index - 1 : vertexCount + index;
}
