import { meshGeometry, triangle, voronoiCorners } from './geometry.js';
import { cross, dot, minus, norm, planeFrame, plus, row3, scaled, unit, type Vector3 } from './vector3.js';

/** Principal curvatures and their directions at every vertex. */
export interface PrincipalDirections {
  /** (n), largest and smallest principal curvature, positive where the surface is convex under outward normals. */
  readonly kappa1: Float64Array;
  readonly kappa2: Float64Array;
  /** (n, 3), unit vectors in the tangent plane, signs arbitrary; NaN for a vertex in no triangle. */
  readonly direction1: Float64Array;
  readonly direction2: Float64Array;
  /** (n): 1 where the two curvatures differ by less than 1e-3 of the larger: the directions are arbitrary there. */
  readonly umbilic: Uint8Array;
}

/** Curvatures nearer than this part of the larger one have no directions. */
const UMBILIC = 1e-3;

/**
 * Principal curvatures and directions from the shape operator of each triangle: the change of the vertex normals along
 * its three sides, by least squares, averaged to the vertices by Voronoi area.
 *
 * @param vertices - (n, 3)
 * @param faces - (m, 3), counter-clockwise seen from outside
 * @see Rusinkiewicz 2004
 */
export function principalDirections(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
): PrincipalDirections {
  const n = vertices.length / 3;
  const { vertexNormals } = meshGeometry(vertices, faces);
  const frames = Array.from({ length: n }, (_, i) => planeFrame(row3(vertexNormals, i)));
  const operators = new Float64Array(3 * n);
  const weights = new Float64Array(n);
  const corners = new Float64Array(3);
  for (let t = 0; t < faces.length; t += 3) {
    const shape = triangle(vertices, faces, t);
    if (!(shape.area > 0)) continue;
    voronoiCorners(shape.area, shape.cotangents, corners);
    const { u, v, second } = shapeOperator(vertices, faces, t, vertexNormals);
    for (let c = 0; c < 3; c++) {
      const vertex = faces[t + c]!;
      const [a, b, d] = turned(second, u, v, frames[vertex]!);
      operators[3 * vertex]! += corners[c]! * a;
      operators[3 * vertex + 1]! += corners[c]! * b;
      operators[3 * vertex + 2]! += corners[c]! * d;
      weights[vertex]! += corners[c]!;
    }
  }
  const [kappa1, kappa2] = [new Float64Array(n).fill(NaN), new Float64Array(n).fill(NaN)];
  const [direction1, direction2] = [new Float64Array(3 * n).fill(NaN), new Float64Array(3 * n).fill(NaN)];
  const umbilic = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    if (!(weights[i]! > 0)) continue;
    const [a, b, d] = [0, 1, 2].map((e) => operators[3 * i + e]! / weights[i]!) as [number, number, number];
    const { larger, smaller, angle, isUmbilic } = mainAxis(a, b, d);
    kappa1[i] = larger;
    kappa2[i] = smaller;
    umbilic[i] = isUmbilic ? 1 : 0;
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const [p, q] = frames[i]!;
    direction1.set(plus(scaled(p, c), scaled(q, s)), 3 * i);
    direction2.set(plus(scaled(p, -s), scaled(q, c)), 3 * i);
  }
  return { kappa1, kappa2, direction1, direction2, umbilic };
}

/** Directions of largest curvature of every triangle. */
export interface FaceDirections {
  /** (m, 3), direction of the largest curvature in the plane of the triangle, sign arbitrary. */
  readonly directions: Float64Array;
  /** (m): 1 where the two curvatures of the triangle differ by less than 1e-3 of the larger. */
  readonly umbilic: Uint8Array;
}

/**
 * Direction of largest curvature of each triangle, from the mean of the curvature tensors of its corners: averages of
 * the directions themselves would depend on their arbitrary signs.
 */
export function faceDirections(
  { kappa1, kappa2, direction1, direction2 }: PrincipalDirections,
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
): FaceDirections {
  const directions = new Float64Array(faces.length);
  const umbilic = new Uint8Array(faces.length / 3);
  for (let t = 0; t < umbilic.length; t++) {
    const corners = [faces[3 * t]!, faces[3 * t + 1]!, faces[3 * t + 2]!] as const;
    const [u, v] = planeFrame(
      unit(
        cross(
          minus(row3(vertices, corners[1]), row3(vertices, corners[0])),
          minus(row3(vertices, corners[2]), row3(vertices, corners[0])),
        ),
      ),
    );
    let [uu, uv, vv] = [0, 0, 0];
    for (const corner of corners) {
      for (const [kappa, table] of [
        [kappa1, direction1],
        [kappa2, direction2],
      ] as const) {
        const axis = row3(table, corner);
        const [x, y] = [dot(axis, u), dot(axis, v)];
        uu += kappa[corner]! * x * x;
        uv += kappa[corner]! * x * y;
        vv += kappa[corner]! * y * y;
      }
    }
    const { angle, isUmbilic } = mainAxis(uu, uv, vv);
    umbilic[t] = isUmbilic ? 1 : 0;
    directions.set(plus(scaled(u, Math.cos(angle)), scaled(v, Math.sin(angle))), 3 * t);
  }
  return { directions, umbilic };
}

/** Angle of the larger eigenvalue of a symmetric 2 x 2 matrix. */
function mainAxis(
  uu: number,
  uv: number,
  vv: number,
): {
  readonly larger: number;
  readonly smaller: number;
  readonly angle: number;
  readonly isUmbilic: boolean;
} {
  const middle = (uu + vv) / 2;
  const radius = Math.hypot((uu - vv) / 2, uv);
  const [larger, smaller] = [middle + radius, middle - radius];
  const isUmbilic = 2 * radius <= UMBILIC * Math.max(Math.abs(larger), Math.abs(smaller));
  return { larger, smaller, angle: Math.atan2(2 * uv, uu - vv) / 2, isUmbilic };
}

interface FaceOperator {
  readonly u: Vector3;
  readonly v: Vector3;
  /** (2, 2) symmetric: uu, uv, vv. */
  readonly second: readonly [number, number, number];
}

/** Least squares of the three sides: second fundamental form times side = change of normal, in the plane. */
function shapeOperator(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  t: number,
  normals: Float64Array,
): FaceOperator {
  const row = (table: ArrayLike<number>, corner: number): Vector3 => row3(table, faces[t + (corner % 3)]!);
  const sides = [0, 1, 2].map((c) => minus(row(vertices, c + 2), row(vertices, c + 1)));
  const changes = [0, 1, 2].map((c) => minus(row(normals, c + 2), row(normals, c + 1)));
  const normal = cross(sides[0]!, sides[1]!);
  const u = unit(sides[0]!);
  const v = scaled(cross(normal, u), 1 / norm(normal));
  // Normal equations for (uu, uv, vv): rows (x, y, 0) and (0, x, y) of each side (x, y).
  let [xx, xy, yy, rx, rm, ry] = [0, 0, 0, 0, 0, 0];
  for (let c = 0; c < 3; c++) {
    const [x, y] = [dot(sides[c]!, u), dot(sides[c]!, v)];
    const [a, b] = [dot(changes[c]!, u), dot(changes[c]!, v)];
    xx += x * x;
    xy += x * y;
    yy += y * y;
    rx += x * a;
    rm += y * a + x * b;
    ry += y * b;
  }
  return { u, v, second: solveSymmetric(xx, xy, yy, rx, rm, ry) };
}

/** Solves [xx xy 0; xy xx + yy xy; 0 xy yy] z = r. */
function solveSymmetric(
  xx: number,
  xy: number,
  yy: number,
  rx: number,
  rm: number,
  ry: number,
): [number, number, number] {
  const middle = xx + yy - (xy * xy) / xx - (xy * xy) / yy;
  const b = (rm - (xy * rx) / xx - (xy * ry) / yy) / middle;
  return [(rx - xy * b) / xx, b, (ry - xy * b) / yy];
}

/** A form of a triangle in the frame of a vertex, after the plane of the triangle is turned into that of the vertex. */
function turned(
  [uu, uv, vv]: readonly [number, number, number],
  u: Vector3,
  v: Vector3,
  frame: readonly [Vector3, Vector3],
): [number, number, number] {
  const normal = cross(frame[0], frame[1]);
  const own = cross(u, v);
  const axis = cross(normal, own);
  const cosine = dot(normal, own);
  // Rodrigues' formula with the sine in the length of the axis.
  const rotate = (x: Vector3): Vector3 =>
    plus(plus(scaled(x, cosine), cross(axis, x)), scaled(axis, dot(axis, x) / (1 + cosine)));
  // A normal that points away from the triangle has no turn of least angle.
  const [p, q] = cosine > -0.999 ? [rotate(frame[0]), rotate(frame[1])] : frame;
  const [pu, pv, qu, qv] = [dot(p, u), dot(p, v), dot(q, u), dot(q, v)];
  return [
    pu * pu * uu + 2 * pu * pv * uv + pv * pv * vv,
    pu * qu * uu + (pu * qv + pv * qu) * uv + pv * qv * vv,
    qu * qu * uu + 2 * qu * qv * uv + qv * qv * vv,
  ];
}
