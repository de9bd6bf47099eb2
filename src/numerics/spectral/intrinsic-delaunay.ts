import { ProcessingError } from '../../errors.js';
import { assemblePair, shapesFromLengths, sideLengths, type OperatorPair } from './mesh-operator.js';
import type { MassKind } from './settings.js';

/** Stiffness and mass of the intrinsic Delaunay triangulation, and what its making took. */
export interface IntrinsicDelaunay {
  readonly pair: OperatorPair;
  /** Edges flipped. */
  readonly flips: number;
  /** Added to every edge length so that no triangle is degenerate, unit of the coordinates. */
  readonly mollification: number;
  /** Corners of the intrinsic triangles, (m, 3). */
  readonly faces: Int32Array;
  /** Their sides, side c opposite corner c, (m, 3). */
  readonly lengths: Float64Array;
}

export interface IntrinsicDelaunayOptions {
  readonly mass?: MassKind;
  /** 1 for each triangle to take; all where absent. */
  readonly used?: Uint8Array;
}

// Least slack of the triangle inequality, as a part of the mean edge length.
const MOLLIFY = 1e-5;
// A sum of cotangents below this is negative beyond rounding; without it two equal diagonals could flip for ever.
const NEGATIVE = -1e-10;

/**
 * Cotangent operator of the intrinsic Delaunay triangulation: edges are flipped, by lengths alone, until the two angles
 * opposite every inner edge have cotangents that add up to 0 or more. The surface stays what it is; weights are no
 * longer negative, so that heat stays positive.
 *
 * An edge with one triangle, or with more than two (non-manifold), is left as it is.
 *
 * @param vertices - (n, 3)
 * @param faces - (m, 3)
 * @throws ProcessingError NOT_CONVERGED when flipping does not end
 * @see Bobenko & Springborn 2007; Sharp & Crane 2020, "A Laplacian for nonmanifold triangle meshes", for mollification
 */
export function intrinsicDelaunay(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  { mass = 'lumped', used }: IntrinsicDelaunayOptions = {},
): IntrinsicDelaunay {
  const kept: number[] = [];
  for (let t = 0; t < faces.length / 3; t++) {
    if (used?.[t] !== 0) kept.push(faces[3 * t]!, faces[3 * t + 1]!, faces[3 * t + 2]!);
  }
  const corners = Int32Array.from(kept);
  const lengths = sideLengths(vertices, corners);
  const mollification = mollify(lengths);
  const flips = flipAll(corners, lengths, opposites(corners));
  const pair = assemblePair(vertices.length / 3, corners, shapesFromLengths(lengths), mass);
  return { pair, flips, mollification, faces: corners, lengths };
}

/** Adds one length to all sides so that every triangle inequality has slack. @returns that length */
export function mollify(lengths: Float64Array): number {
  let mean = 0;
  for (const length of lengths) mean += length / lengths.length;
  let needed = 0;
  for (let t = 0; t < lengths.length; t += 3) {
    const [a, b, c] = [lengths[t]!, lengths[t + 1]!, lengths[t + 2]!];
    const slack = a + b + c - 2 * Math.max(a, b, c);
    needed = Math.max(needed, MOLLIFY * mean - slack);
  }
  if (needed > 0) for (let s = 0; s < lengths.length; s++) lengths[s]! += needed;
  return needed;
}

/**
 * For each side (3 t + c, opposite corner c) the side of the neighbour triangle, -1 at boundaries and where more than
 * two triangles meet.
 */
function opposites(corners: Int32Array): Int32Array {
  const first = new Map<number, number>();
  const twins = new Int32Array(corners.length).fill(-1);
  const crowded = new Set<number>();
  for (let side = 0; side < corners.length; side++) {
    const t = side - (side % 3);
    const a = corners[t + ((side + 1) % 3)]!;
    const b = corners[t + ((side + 2) % 3)]!;
    const edge = Math.min(a, b) * 2 ** 26 + Math.max(a, b);
    const other = first.get(edge);
    if (other === undefined) {
      first.set(edge, side);
    } else if (twins[other] === -1 && !crowded.has(edge)) {
      twins[side] = other;
      twins[other] = side;
    } else {
      crowded.add(edge);
      if (twins[other]! >= 0) twins[twins[other]!] = -1;
      twins[other] = -1;
    }
  }
  return twins;
}

/** Cotangent of the angle opposite a side. */
function cotangentAt(lengths: Float64Array, side: number): number {
  const t = side - (side % 3);
  const a = lengths[side]!;
  const b = lengths[t + ((side + 1) % 3)]!;
  const c = lengths[t + ((side + 2) % 3)]!;
  const product = (a + b + c) * (a + b - c) * (a - b + c) * (b + c - a);
  return (b * b + c * c - a * a) / Math.sqrt(Math.max(product, 0));
}

/**
 * Flips edges in place until none is left to flip.
 *
 * @param corners - (m, 3)
 * @param lengths - (m, 3), side c opposite corner c
 * @param twins - (m, 3), side of the neighbour triangle, -1 for none
 * @returns number of flips
 */
export function flipAll(corners: Int32Array, lengths: Float64Array, twins: Int32Array): number {
  const queue: number[] = [];
  const isQueued = new Uint8Array(corners.length);
  const add = (side: number): void => {
    if (twins[side]! < 0 || isQueued[side] === 1 || isQueued[twins[side]!] === 1) return;
    isQueued[side] = 1;
    queue.push(side);
  };
  for (let side = 0; side < corners.length; side++) if (side < twins[side]!) add(side);
  let flips = 0;
  for (let head = 0; head < queue.length; head++) {
    const side = queue[head]!;
    isQueued[side] = 0;
    const twin = twins[side]!;
    if (twin < 0 || Math.floor(side / 3) === Math.floor(twin / 3)) continue;
    if (!(cotangentAt(lengths, side) + cotangentAt(lengths, twin) < NEGATIVE)) continue;
    flip(corners, lengths, twins, side, twin);
    flips++;
    // Each flip makes the triangulation strictly more Delaunay; far more than this is an error in the lengths.
    if (flips > 100 * corners.length) {
      throw new ProcessingError(
        'NOT_CONVERGED',
        `${flips} edge flips did not reach a Delaunay triangulation`,
        {
          where: 'intrinsicDelaunay',
          cure: 'look for triangles without area or repeated vertices in the mesh',
        },
      );
    }
    const [s, w] = [3 * Math.floor(side / 3), 3 * Math.floor(twin / 3)];
    for (let c = 0; c < 3; c++) {
      add(s + c);
      add(w + c);
    }
  }
  return flips;
}

/**
 * Replaces the diagonal of the quadrilateral of two triangles by the other one.
 *
 * Side lies opposite corner p of its triangle (p, a, b), twin opposite corner q of (q, b, a), possibly turned the other
 * way round when faces are not oriented alike. The new triangles are (p, a, q) in place of the first, (p, q, b).
 */
function flip(
  corners: Int32Array,
  lengths: Float64Array,
  twins: Int32Array,
  side: number,
  twin: number,
): void {
  const t = side - (side % 3);
  const w = twin - (twin % 3);
  const sideA = t + ((side + 1) % 3); // opposite corner a: edge b p
  const sideB = t + ((side + 2) % 3); // opposite corner b: edge p a
  const [p, a, b] = [corners[side]!, corners[sideA]!, corners[sideB]!];
  const q = corners[twin]!;
  const next = w + ((twin + 1) % 3);
  const after = w + ((twin + 2) % 3);
  // In the twin the corner that is b: by orientation the next one; by number where a and b differ.
  const isAligned = corners[next] === b;
  const twinB = isAligned ? next : after; // opposite corner b: edge a q
  const twinA = isAligned ? after : next; // opposite corner a: edge q b
  const diagonal = lengths[side]!;
  const [pa, pb, qa, qb] = [lengths[sideB]!, lengths[sideA]!, lengths[twinB]!, lengths[twinA]!];
  // Lay a at 0 and b on the axis: p above, q below.
  const px = (diagonal ** 2 + pa ** 2 - pb ** 2) / (2 * diagonal);
  const qx = (diagonal ** 2 + qa ** 2 - qb ** 2) / (2 * diagonal);
  const py = heightOver(diagonal, pa, pb);
  const qy = heightOver(diagonal, qa, qb);
  const other = Math.sqrt((px - qx) ** 2 + (py + qy) ** 2);
  const [outPa, outPb, outQa, outQb] = [twins[sideB]!, twins[sideA]!, twins[twinB]!, twins[twinA]!];
  // First triangle: corners (p, a, q) at t, t + 1, t + 2; second (p, q, b) at w, w + 1, w + 2.
  corners.set([p, a, q], t);
  corners.set([p, q, b], w);
  lengths.set([qa, other, pa], t);
  lengths.set([qb, pb, other], w);
  const placed: readonly (readonly [number, number])[] = [
    [t, outQa],
    [t + 1, w + 2],
    [t + 2, outPa],
    [w, outQb],
    [w + 1, outPb],
    [w + 2, t + 1],
  ];
  // Two outer edges of one triangle pair may be glued to each other: old places are translated.
  const moved = new Map([
    [sideB, t + 2],
    [sideA, w + 1],
    [twinB, t],
    [twinA, w],
  ]);
  for (const [place, neighbour] of placed) twins[place] = moved.get(neighbour) ?? neighbour;
  twins[t + 1] = w + 2;
  twins[w + 2] = t + 1;
  for (const place of [t, t + 2, w, w + 1]) if (twins[place]! >= 0) twins[twins[place]!] = place;
}

/** Height of a triangle over its side `base`. */
function heightOver(base: number, left: number, right: number): number {
  const product =
    (base + left + right) * (left + right - base) * (base - left + right) * (base + left - right);
  return Math.sqrt(Math.max(product, 0)) / (2 * base);
}
