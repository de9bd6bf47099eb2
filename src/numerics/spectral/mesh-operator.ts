import { ProcessingError } from '../../errors.js';
import { voronoiCorners } from '../mesh/geometry.js';
import { checkFaceTable, DEGENERATE_AREA } from '../mesh/triangle-check.js';
import type { DegenerateRule, MassKind } from './settings.js';
import type { SparseMatrix } from './sparse-matrix.js';

/** Stiffness and mass of one surface: S phi = lambda M phi. */
export interface OperatorPair {
  /** (n, n), symmetric positive semi-definite, rows sum to 0, without unit. */
  readonly stiffness: SparseMatrix;
  /** (n, n), symmetric positive definite where every vertex belongs to a triangle, unit of the coordinates squared. */
  readonly mass: SparseMatrix;
}

/** What is wrong with the triangles of a mesh, as far as an operator is concerned. */
export interface TriangleReport {
  /** Triangles left out of the operator: area under 1e-12 of the mean, or a corner used twice. */
  readonly degenerate: number;
  /** Triangles without area that were taken with one of 1e-4 of the mean: with the rule `lapy` alone. */
  readonly clamped: number;
  /** Smallest angle of the triangles used, radians. */
  readonly smallestAngle: number;
  /** Largest absolute cotangent; above 1e6 the matrix has lost digits that no solver brings back. */
  readonly largestCotangent: number;
}

/**
 * Checks the arrays of a mesh.
 *
 * @param vertices - (n, 3), row per vertex
 * @param faces - (m, 3), row per triangle, vertex numbers from 0
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT (a face names no vertex), NON_FINITE
 */
export function checkMesh(where: string, vertices: ArrayLike<number>, faces: ArrayLike<number>): void {
  checkFaceTable(where, vertices, faces);
  for (let i = 0; i < vertices.length; i++) {
    if (Number.isFinite(vertices[i])) continue;
    throw new ProcessingError('NON_FINITE', `vertex ${Math.floor(i / 3)} has the coordinate ${vertices[i]}`, {
      where,
      cure: 'remove the vertex and its triangles, or mend the file',
    });
  }
}

/**
 * Lengths of the triangle sides: side c lies opposite corner c.
 *
 * @returns (m, 3), unit of the coordinates
 */
export function sideLengths(vertices: ArrayLike<number>, faces: ArrayLike<number>): Float64Array {
  const lengths = new Float64Array(faces.length);
  for (let t = 0; t < faces.length; t += 3) {
    for (let c = 0; c < 3; c++) {
      const a = 3 * faces[t + ((c + 1) % 3)]!;
      const b = 3 * faces[t + ((c + 2) % 3)]!;
      const x = vertices[b]! - vertices[a]!;
      const y = vertices[b + 1]! - vertices[a + 1]!;
      const z = vertices[b + 2]! - vertices[a + 2]!;
      lengths[t + c] = Math.sqrt(x * x + y * y + z * z);
    }
  }
  return lengths;
}

/** Double area and the three cotangents of every triangle. */
export interface TriangleShapes {
  /** (m), unit squared */
  readonly areas: Float64Array;
  /** (m, 3): cotangent of the angle at corner c. */
  readonly cotangents: Float64Array;
}

/**
 * Areas and cotangents from coordinates: cot = u.v / |u x v| with u, v the edges that leave the corner.
 *
 * @returns cotangents of a triangle without area are not finite
 */
export function triangleShapes(vertices: ArrayLike<number>, faces: ArrayLike<number>): TriangleShapes {
  const count = faces.length / 3;
  const areas = new Float64Array(count);
  const cotangents = new Float64Array(faces.length);
  const edges = new Float64Array(9);
  for (let t = 0; t < count; t++) {
    for (let c = 0; c < 3; c++) {
      const a = 3 * faces[3 * t + ((c + 1) % 3)]!;
      const b = 3 * faces[3 * t + ((c + 2) % 3)]!;
      for (let d = 0; d < 3; d++) edges[3 * c + d] = vertices[b + d]! - vertices[a + d]!;
    }
    const x = edges[1]! * edges[5]! - edges[2]! * edges[4]!;
    const y = edges[2]! * edges[3]! - edges[0]! * edges[5]!;
    const z = edges[0]! * edges[4]! - edges[1]! * edges[3]!;
    const doubleArea = Math.sqrt(x * x + y * y + z * z);
    areas[t] = doubleArea / 2;
    for (let c = 0; c < 3; c++) {
      const p = 3 * ((c + 1) % 3);
      const q = 3 * ((c + 2) % 3);
      const dot = edges[p]! * edges[q]! + edges[p + 1]! * edges[q + 1]! + edges[p + 2]! * edges[q + 2]!;
      cotangents[3 * t + c] = -dot / doubleArea;
    }
  }
  return { areas, cotangents };
}

/**
 * Areas and cotangents from side lengths, by Heron's formula in Kahan's stable order.
 *
 * @param lengths - (m, 3), side c opposite corner c
 */
export function shapesFromLengths(lengths: Float64Array): TriangleShapes {
  const count = lengths.length / 3;
  const areas = new Float64Array(count);
  const cotangents = new Float64Array(lengths.length);
  for (let t = 0; t < count; t++) {
    const sides = [lengths[3 * t]!, lengths[3 * t + 1]!, lengths[3 * t + 2]!] as const;
    const [c, b, a] = sides.toSorted((x, y) => x - y) as [number, number, number];
    const product = (a + (b + c)) * (c - (a - b)) * (c + (a - b)) * (a + (b - c));
    const quadrupleArea = Math.sqrt(Math.max(product, 0));
    areas[t] = quadrupleArea / 4;
    const [p, q, r] = sides.map((side) => side * side) as [number, number, number];
    cotangents[3 * t] = (q + r - p) / quadrupleArea;
    cotangents[3 * t + 1] = (r + p - q) / quadrupleArea;
    cotangents[3 * t + 2] = (p + q - r) / quadrupleArea;
  }
  return { areas, cotangents };
}

/**
 * Cotangent stiffness and mass from the shapes of triangles: S_ij = -sum cot / 2 over the angles opposite edge ij, the
 * diagonal is minus the sum of the others, so that rows sum to 0.
 *
 * Mass: `lumped` gives each corner a third of the area; `consistent` a sixth, and a twelfth to each pair of corners
 * (linear finite elements; the default of LaPy); `voronoi` the mixed Voronoi area of Meyer et al. 2003, which sums to
 * the area of the mesh too.
 *
 * @param n - number of vertices
 * @param used - triangles to take, all where absent
 * @see Pinkall & Polthier 1993; Meyer, Desbrun, Schroeder & Barr 2003
 */
export function assemblePair(
  n: number,
  faces: ArrayLike<number>,
  { areas, cotangents }: TriangleShapes,
  kind: MassKind,
  used?: Uint8Array,
): OperatorPair {
  const count = areas.length;
  const room = new Int32Array(n + 1);
  for (let t = 0; t < count; t++) {
    if (used?.[t] === 0) continue;
    for (let c = 0; c < 3; c++) room[faces[3 * t + c]! + 1]! += 2;
  }
  // One place for the diagonal, then two for each corner at the vertex.
  for (let i = 0; i < n; i++) room[i + 1]! += room[i]! + 1;
  const end = room.slice(0, n);
  const column = new Int32Array(room[n]!);
  const weight = new Float64Array(room[n]!);
  // Two vertices together have mass in a consistent matrix only.
  const isFull = kind === 'consistent';
  const share = new Float64Array(isFull ? room[n]! : 0);
  const own = new Float64Array(n);
  for (let i = 0; i < n; i++) column[end[i]!++] = i;
  const corner = new Float64Array(3);
  for (let t = 0; t < count; t++) {
    if (used?.[t] === 0) continue;
    const area = areas[t]!;
    cornerMasses(kind, area, cotangents, 3 * t, corner);
    for (let c = 0; c < 3; c++) {
      const a = faces[3 * t + ((c + 1) % 3)]!;
      const b = faces[3 * t + ((c + 2) % 3)]!;
      const half = cotangents[3 * t + c]! / 2;
      const atA = end[a]!++;
      const atB = end[b]!++;
      column[atA] = b;
      weight[atA] = -half;
      column[atB] = a;
      weight[atB] = -half;
      if (isFull) share[atA] = share[atB] = area / 12;
      own[faces[3 * t + c]!]! += corner[c]!;
    }
  }
  return compressed({ room, end, column, weight, share, own }, isFull);
}

/** Mass of the three corners of a triangle. */
function cornerMasses(
  kind: MassKind,
  area: number,
  cotangents: Float64Array,
  at: number,
  corner: Float64Array,
): void {
  if (kind !== 'voronoi') {
    corner[0] = corner[1] = corner[2] = kind === 'lumped' ? area / 3 : area / 6;
    return;
  }
  voronoiCorners(area, cotangents.subarray(at, at + 3), corner);
}

interface LooseRows {
  readonly room: Int32Array;
  readonly end: Int32Array;
  readonly column: Int32Array;
  readonly weight: Float64Array;
  /** Mass of two vertices together; empty where the mass matrix is diagonal. */
  readonly share: Float64Array;
  /** Mass of each vertex. */
  readonly own: Float64Array;
}

/** Rows with repeated columns, to sorted rows without. */
function compressed(loose: LooseRows, hasFullMass: boolean): OperatorPair {
  const { room, end, column, weight, share, own } = loose;
  const n = own.length;
  const rowStarts = new Int32Array(n + 1);
  const columnIndices = new Int32Array(column.length);
  const stiffness = new Float64Array(column.length);
  const mass = new Float64Array(hasFullMass ? column.length : 0);
  const place = new Int32Array(n).fill(-1);
  let at = 0;
  for (let i = 0; i < n; i++) {
    const first = at;
    for (let e = room[i]!; e < end[i]!; e++) {
      const j = column[e]!;
      if (place[j]! < first) {
        place[j] = at;
        columnIndices[at++] = j;
      }
    }
    sortFew(columnIndices, first, at);
    for (let e = first; e < at; e++) place[columnIndices[e]!] = e;
    for (let e = room[i]!; e < end[i]!; e++) {
      const to = place[column[e]!]!;
      stiffness[to]! += weight[e]!;
      if (hasFullMass) mass[to]! += share[e]!;
    }
    if (hasFullMass) mass[place[i]!]! += own[i]!;
    let sum = 0;
    for (let e = first; e < at; e++) sum += columnIndices[e] === i ? 0 : stiffness[e]!;
    stiffness[place[i]!] = -sum;
    rowStarts[i + 1] = at;
  }
  const shape = { rows: n, columns: n };
  const pattern = { ...shape, rowStarts, columnIndices: columnIndices.slice(0, at) };
  return {
    stiffness: { ...pattern, values: stiffness.slice(0, at) },
    mass: hasFullMass ? { ...pattern, values: mass.slice(0, at) } : diagonal(own),
  };
}

/** Sorts a short run in place: a row has a handful of columns, for which a call of sort would take longer. */
function sortFew(values: Int32Array, from: number, to: number): void {
  for (let i = from + 1; i < to; i++) {
    const value = values[i]!;
    let at = i;
    for (; at > from && values[at - 1]! > value; at--) values[at] = values[at - 1]!;
    values[at] = value;
  }
}

function diagonal(values: Float64Array): SparseMatrix {
  const n = values.length;
  const counting = new Int32Array(n + 1);
  for (let i = 0; i <= n; i++) counting[i] = i;
  return { rows: n, columns: n, rowStarts: counting, columnIndices: counting.slice(0, n), values };
}

/**
 * Which triangles an operator can be built from, and the shape of the worst of them.
 *
 * @param lengthScale - areas under 1e-12 of their mean are left out
 * @returns used: 1 for a triangle that counts
 */
export function usableTriangles(
  faces: ArrayLike<number>,
  { areas, cotangents }: TriangleShapes,
): { readonly used: Uint8Array; readonly report: TriangleReport } {
  let mean = 0;
  for (const area of areas) mean += area / areas.length;
  const used = new Uint8Array(areas.length);
  let degenerate = 0;
  let largest = 0;
  let steepest = -Infinity;
  for (let t = 0; t < areas.length; t++) {
    const a = faces[3 * t]!;
    const b = faces[3 * t + 1]!;
    const c = faces[3 * t + 2]!;
    if (a === b || b === c || c === a || !(areas[t]! > DEGENERATE_AREA * mean)) {
      degenerate++;
      continue;
    }
    used[t] = 1;
    for (let corner = 0; corner < 3; corner++) {
      const cotangent = cotangents[3 * t + corner]!;
      largest = Math.max(largest, Math.abs(cotangent));
      steepest = Math.max(steepest, cotangent);
    }
  }
  // Angles fall where cotangents rise.
  const smallestAngle = steepest === -Infinity ? Math.PI : Math.atan2(1, steepest);
  return { used, report: { degenerate, clamped: 0, smallestAngle, largestCotangent: largest } };
}

/** Part of the mean area that stands for the area of a triangle without one, in LaPy's finite elements. */
const LAPY_AREA = 1e-4;

/**
 * The triangles that an operator is made of, and their shapes.
 *
 * With the rule `lapy` a triangle whose area is under a quarter of the rounding of 1 (2.2e-16, in the unit of the coordinates
 * squared, whatever that is) counts with 1e-4 of the mean area: its cotangents are u.v over twice that area, its mass is that
 * area's. All other triangles are taken as they are, however small.
 *
 * @returns used: 1 for a triangle that counts; areas: (m), as the coordinates have them, unit squared
 */
export function operatorTriangles(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  rule: DegenerateRule,
): {
  readonly shapes: TriangleShapes;
  readonly areas: Float64Array;
  readonly used: Uint8Array;
  readonly report: TriangleReport;
} {
  const shapes = triangleShapes(vertices, faces);
  const mean = shapes.areas.reduce((sum, area) => sum + area, 0) / shapes.areas.length;
  // Where no triangle has an area there is nothing that could stand for it.
  if (rule === 'drop' || !(mean > 0)) {
    return { shapes, areas: shapes.areas, ...usableTriangles(faces, shapes) };
  }
  const areas = shapes.areas.slice();
  const cotangents = shapes.cotangents.slice();
  const clampedArea = LAPY_AREA * mean;
  let [clamped, largest, steepest] = [0, 0, -Infinity];
  for (let t = 0; t < areas.length; t++) {
    if (4 * areas[t]! < Number.EPSILON) {
      clamped++;
      areas[t] = clampedArea;
      for (let c = 0; c < 3; c++)
        cotangents[3 * t + c] = cornerProduct(vertices, faces, t, c) / (2 * clampedArea);
    }
    for (let c = 0; c < 3; c++) {
      largest = Math.max(largest, Math.abs(cotangents[3 * t + c]!));
      steepest = Math.max(steepest, cotangents[3 * t + c]!);
    }
  }
  return {
    shapes: { areas, cotangents },
    areas: shapes.areas,
    used: new Uint8Array(areas.length).fill(1),
    report: {
      degenerate: 0,
      clamped,
      smallestAngle: Math.atan2(1, steepest),
      largestCotangent: largest,
    },
  };
}

/** u.v of the two edges that leave corner c of triangle t. */
function cornerProduct(vertices: ArrayLike<number>, faces: ArrayLike<number>, t: number, c: number): number {
  const at = 3 * faces[3 * t + c]!;
  const one = 3 * faces[3 * t + ((c + 1) % 3)]!;
  const other = 3 * faces[3 * t + ((c + 2) % 3)]!;
  let dot = 0;
  for (let d = 0; d < 3; d++) {
    dot += (vertices[one + d]! - vertices[at + d]!) * (vertices[other + d]! - vertices[at + d]!);
  }
  return dot;
}

/**
 * Cotangent stiffness and mass of a triangle mesh, natural (Neumann) boundary. Triangles without area are left out, or with
 * the rule `lapy` taken as LaPy takes them; a vertex in no triangle gets an empty row: laplaceBeltrami drops it, other solvers need that done before.
 *
 * @param vertices - (n, 3), mm in this product, any unit works
 * @param faces - (m, 3), vertex numbers from 0; orientation and manifoldness do not matter
 * @param degenerateTriangles - what becomes of triangles without area
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT, NON_FINITE
 * @see {@link assemblePair} for the formulas, {@link operatorTriangles} for the rule
 */
export function cotangentOperator(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  mass: MassKind = 'lumped',
  degenerateTriangles: DegenerateRule = 'drop',
): OperatorPair {
  checkMesh('cotangentOperator', vertices, faces);
  const { shapes, used } = operatorTriangles(vertices, faces, degenerateTriangles);
  return assemblePair(vertices.length / 3, faces, shapes, mass, used);
}
