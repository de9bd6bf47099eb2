import { faceNormalSides } from '../mesh/edge-fans.js';
import { flipAll, mollify } from './intrinsic-delaunay.js';
import { assemblePair, shapesFromLengths, sideLengths, type OperatorPair } from './mesh-operator.js';
import type { MassKind } from './settings.js';

/** Stiffness and mass of the tufted cover, and what its making took. */
export interface RobustOperator {
  readonly pair: OperatorPair;
  /** Edges flipped on the cover, which has each triangle twice. */
  readonly flips: number;
  /** Added to every edge length so that no triangle is degenerate, unit of the coordinates. */
  readonly mollification: number;
}

/**
 * Cotangent operator of any triangles: those of the tufted cover. Each triangle is taken twice, front and back, and the
 * copies are glued around every edge so that two meet at each; this surface is made intrinsic Delaunay, and half of its
 * matrices are those of the mesh. On a closed manifold this is the intrinsic Delaunay operator; fins, inner walls and
 * triangles listed twice need no repair.
 *
 * @param vertices - (n, 3)
 * @param faces - (m, 3), in any orientation
 * @param used - 1 for each triangle to take; all where absent
 * @throws ProcessingError NOT_CONVERGED when flipping does not end
 * @see Sharp & Crane 2020, "A Laplacian for nonmanifold triangle meshes"
 */
export function robustOperator(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  { mass = 'lumped', used }: { readonly mass?: MassKind; readonly used?: Uint8Array } = {},
): RobustOperator {
  const kept: number[] = [];
  for (let t = 0; t < faces.length / 3; t++) {
    if (used?.[t] !== 0) kept.push(faces[3 * t]!, faces[3 * t + 1]!, faces[3 * t + 2]!);
  }
  const half = kept.length;
  const corners = new Int32Array(2 * half);
  for (let t = 0; t < half; t += 3) {
    corners.set([kept[t]!, kept[t + 1]!, kept[t + 2]!], t);
    corners.set([kept[t]!, kept[t + 2]!, kept[t + 1]!], half + t);
  }
  const twins = new Int32Array(2 * half).fill(-1);
  for (const [front, back] of faceNormalSides(vertices, kept)) {
    const one = front.isBack ? half + backSide(front.side) : front.side;
    const other = back.isBack ? half + backSide(back.side) : back.side;
    twins[one] = other;
    twins[other] = one;
  }
  const lengths = sideLengths(vertices, corners);
  const mollification = mollify(lengths);
  const flips = flipAll(corners, lengths, twins);
  const whole = assemblePair(vertices.length / 3, corners, shapesFromLengths(lengths), mass);
  const halved = (a: OperatorPair['mass']): OperatorPair['mass'] => ({
    ...a,
    values: a.values.map((value) => value / 2),
  });
  return { pair: { stiffness: halved(whole.stiffness), mass: halved(whole.mass) }, flips, mollification };
}

/** The second and third corner of a back copy are exchanged, and so are the sides opposite to them. */
function backSide(side: number): number {
  const corner = side % 3;
  return corner === 0 ? side : side - corner + (3 - corner);
}
