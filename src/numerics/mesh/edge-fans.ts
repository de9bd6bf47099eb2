import { meshTopology } from './topology.js';
import { cross, dot, minus, planeFrame, row3, unit } from './vector3.js';

/** One side of a sheet at an edge: the side (opposite a corner) of a triangle, seen from its front or its back. */
export interface SheetSide {
  /** 3 t + c: opposite corner c of triangle t. */
  readonly side: number;
  readonly isBack: boolean;
}

/**
 * Which faces of triangles see each other around every edge: each triangle has a front (the side of its normal) and a
 * back; going around the edge, the far side of one triangle faces the near side of the next. At an edge of one triangle
 * its front faces its back; at one of two, front faces front where they are oriented alike.
 *
 * @param faces - (m, 3)
 * @returns pairs that cover every front and back at every edge once
 */
export function faceNormalSides(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
): (readonly [SheetSide, SheetSide])[] {
  const { edges, faceEdges } = meshTopology(faces, vertices.length / 3);
  const around: number[][] = Array.from({ length: edges.length / 2 }, () => []);
  faceEdges.forEach((edge, side) => around[edge]!.push(side));
  const pairs: (readonly [SheetSide, SheetSide])[] = [];
  around.forEach((sides, edge) => {
    const start = edges[2 * edge]!;
    const sorted = sides.length > 2 ? byAngle(vertices, faces, sides, start, edges[2 * edge + 1]!) : sides;
    sorted.forEach((side, i) => {
      const next = sorted[(i + 1) % sorted.length]!;
      // The front looks the way the angle grows where the triangle runs along the edge from its smaller end.
      const isForward = firstOf(faces, side) === start;
      const isNextForward = firstOf(faces, next) === start;
      pairs.push([
        { side, isBack: !isForward },
        { side: next, isBack: isNextForward },
      ]);
    });
  });
  return pairs;
}

/** The vertex from which a triangle runs along its side. */
function firstOf(faces: ArrayLike<number>, side: number): number {
  return faces[side - (side % 3) + ((side + 1) % 3)]!;
}

function byAngle(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  sides: readonly number[],
  from: number,
  to: number,
): number[] {
  const origin = row3(vertices, from);
  const axis = unit(minus(row3(vertices, to), origin));
  const [first] = planeFrame(axis);
  const second = cross(axis, first);
  const angles = new Map(
    sides.map((side) => {
      const toward = minus(row3(vertices, faces[side]!), origin);
      return [side, Math.atan2(dot(toward, second), dot(toward, first))];
    }),
  );
  return [...sides].sort((a, b) => angles.get(a)! - angles.get(b)! || a - b);
}
