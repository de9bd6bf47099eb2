import { ProcessingError } from '../../errors.js';
import { triangle } from './geometry.js';

/** A triangle smaller than this part of the mean is taken as degenerate: its cotangents would be rounding noise. */
export const DEGENERATE_AREA = 1e-12;

/**
 * Checks that two tables fit together; coordinates may be anything.
 *
 * @param vertices - (n, 3)
 * @param faces - (m, 3)
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT
 */
export function checkFaceTable(where: string, vertices: ArrayLike<number>, faces: ArrayLike<number>): void {
  for (const [name, array] of [
    ['vertices', vertices],
    ['faces', faces],
  ] as const) {
    if (array.length % 3 === 0) continue;
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${name} has ${array.length} numbers, which is no multiple of 3`,
      {
        where,
        cure: 'give three numbers a row, row after row',
      },
    );
  }
  const n = vertices.length / 3;
  for (let e = 0; e < faces.length; e++) {
    const vertex = faces[e]!;
    if (Number.isInteger(vertex) && vertex >= 0 && vertex < n) continue;
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `face ${Math.floor(e / 3)} names vertex ${vertex} of ${n}`,
      {
        where,
        cure: 'count vertices from 0; the face may belong to another mesh',
      },
    );
  }
}

/**
 * (m): 1 for each triangle with three different corners, finite coordinates and an area above 1e-12 of the mean.
 */
export function properFaces(vertices: ArrayLike<number>, faces: ArrayLike<number>): Uint8Array {
  const count = faces.length / 3;
  const areas = new Float64Array(count);
  let [sum, finite] = [0, 0];
  for (let t = 0; t < count; t++) {
    const [a, b, c] = [faces[3 * t]!, faces[3 * t + 1]!, faces[3 * t + 2]!];
    areas[t] = a === b || b === c || c === a ? 0 : triangle(vertices, faces, 3 * t).area;
    if (!Number.isFinite(areas[t])) continue;
    sum += areas[t]!;
    finite++;
  }
  const least = finite === 0 ? 0 : (DEGENERATE_AREA * sum) / finite;
  return Uint8Array.from(areas, (area) => (Number.isFinite(area) && area > least ? 1 : 0));
}

/** The triangles whose mark is 1. */
export function selectFaces(faces: ArrayLike<number>, kept: Uint8Array): Int32Array {
  const out = new Int32Array(3 * kept.reduce((sum, mark) => sum + mark, 0));
  let at = 0;
  kept.forEach((mark, t) => {
    if (mark === 0) return;
    for (let c = 0; c < 3; c++) out[at++] = faces[3 * t + c]!;
  });
  return out;
}
