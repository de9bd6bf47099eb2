import type { ProcessingError } from '../../errors.js';
import { malformed } from './byte-reader.js';

/** A triangle mesh as a file holds it. */
export interface Surface {
  /** Shape (n, 3), row per vertex, in the file's unit (mm for brain surfaces). float32 files are widened, not rounded. */
  readonly vertices: Float64Array;
  /** Shape (m, 3), row per triangle, 0-based vertex indices. */
  readonly faces: Int32Array;
  /** Scalars per vertex that the file carries beside the geometry, by name. */
  readonly scalars?: ReadonlyMap<string, Float64Array>;
  /** FreeSurfer's `c_ras`, mm: add it to the coordinates (tkregister RAS) to reach scanner RAS. */
  readonly cRas?: readonly [number, number, number];
}

/**
 * The surface, after a check that every triangle names vertices that are there.
 *
 * @throws ProcessingError FILE_FORMAT naming the triangle and the index
 */
export function checkedSurface(surface: Surface, path: string): Surface {
  const count = surface.vertices.length / 3;
  const { faces } = surface;
  for (let i = 0; i < faces.length; i++) {
    const vertex = faces[i] ?? 0;
    if (vertex < 0 || vertex >= count) {
      throw malformed(
        path,
        `triangle ${Math.floor(i / 3)} names vertex ${vertex}, but there are ${count} vertices`,
        'create the surface again; its triangles and its vertices do not belong together',
      );
    }
  }
  return surface;
}

/** Splits polygons into triangles that share the first corner. */
export function fanTriangles(polygons: Iterable<readonly number[]>): Int32Array {
  const faces: number[] = [];
  for (const polygon of polygons) {
    for (let i = 2; i < polygon.length; i++)
      faces.push(polygon[0] ?? 0, polygon[i - 1] ?? 0, polygon[i] ?? 0);
  }
  return Int32Array.from(faces);
}

/** Triangles of a strip; every other one runs the other way round. */
export function stripTriangles(strip: readonly number[]): [number, number, number][] {
  return strip.slice(2).map((c, i) => {
    const [a, b] = [strip[i] ?? 0, strip[i + 1] ?? 0];
    return i % 2 === 0 ? [a, b, c] : [b, a, c];
  });
}

/** What is said of a file whose points are joined by lines and no triangles: their places sample no surface. */
export function linesOnly(path: string): ProcessingError {
  return malformed(
    path,
    'it holds lines, not a surface',
    'give a file with triangles; streamlines are not read',
  );
}
