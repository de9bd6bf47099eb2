import { mixedVoronoiAreas, meshGeometry, triangle } from './geometry.js';
import { boundaryMask, meshTopology } from './topology.js';

/** The area that curvatures are divided by. */
export type CurvatureArea = 'barycentric' | 'voronoi';

/** Curvatures of a triangle mesh, (n) each, per unit of the coordinates; NaN at boundary vertices. */
export interface Curvatures {
  /** Angle defect over area, unit^-2. */
  readonly gaussian: Float64Array;
  /** Signed: positive where the surface is convex under outward normals, 1/R on a sphere, unit^-1. */
  readonly mean: Float64Array;
  /** Squared length of the mean curvature vector: `mean` is its part along the vertex normal, unit^-2. */
  readonly meanSquared: Float64Array;
  /** H + sqrt(max(H^2 - K, 0)) and H - sqrt(...), unit^-1. */
  readonly kappa1: Float64Array;
  readonly kappa2: Float64Array;
  /** Vertices where H^2 < K was rounding or sampling and both principal curvatures were set to H. */
  readonly clamped: number;
  /** (n), the area of each vertex, unit squared. */
  readonly areas: Float64Array;
  /** (n): 1 at boundary vertices. */
  readonly boundary: Uint8Array;
}

/**
 * Gaussian curvature from angle defects and mean curvature from the cotangent Laplacian of the coordinates.
 *
 * FreeSurfer's `.curv` has the opposite sign (positive in sulci).
 *
 * @param vertices - (n, 3), row per vertex; triangles run counter-clockwise seen from outside
 * @param faces - (m, 3), row per triangle
 * @see Meyer, Desbrun, Schroeder & Barr 2003, eq. 8 to 11
 */
export function meshCurvatures(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  area: CurvatureArea = 'barycentric',
): Curvatures {
  const n = vertices.length / 3;
  const { vertexNormals, barycentricAreas } = meshGeometry(vertices, faces);
  const areas = area === 'voronoi' ? mixedVoronoiAreas(vertices, faces) : barycentricAreas;
  const boundary = boundaryMask(meshTopology(faces, n));
  const defects = angleDefects(vertices, faces);
  const laplacian = cotangentLaplacian(vertices, faces);
  const [gaussian, mean, meanSquared, kappa1, kappa2] = [0, 1, 2, 3, 4].map(() =>
    new Float64Array(n).fill(NaN),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
  let clamped = 0;
  for (let i = 0; i < n; i++) {
    if (boundary[i] === 1 || areas[i] === 0) continue;
    const k = defects[i]! / areas[i]!;
    let [h, squares] = [0, 0];
    for (let axis = 3 * i; axis < 3 * i + 3; axis++) {
      h += vertexNormals[axis]! * laplacian[axis]!;
      squares += laplacian[axis]! ** 2;
    }
    meanSquared[i] = squares / (4 * areas[i]! ** 2);
    h /= 2 * areas[i]!;
    const difference = h * h - k;
    if (difference < 0) clamped++;
    const root = Math.sqrt(Math.max(difference, 0));
    gaussian[i] = k;
    mean[i] = h;
    kappa1[i] = h + root;
    kappa2[i] = h - root;
  }
  return { gaussian, mean, meanSquared, kappa1, kappa2, clamped, areas, boundary };
}

/**
 * 2 pi minus the angles around a vertex, pi minus them on a boundary: their sum is 2 pi times the Euler characteristic.
 *
 * @returns (n), radians; 0 for a vertex in no triangle
 */
export function angleDefects(vertices: ArrayLike<number>, faces: ArrayLike<number>): Float64Array {
  const n = vertices.length / 3;
  const topology = meshTopology(faces, n);
  const boundary = boundaryMask(topology);
  const defects = Float64Array.from(boundary, (isBoundary, i) => {
    const isUsed = topology.neighbourStarts[i] !== topology.neighbourStarts[i + 1];
    return isUsed ? (isBoundary === 1 ? Math.PI : 2 * Math.PI) : 0;
  });
  for (let t = 0; t < faces.length; t += 3) {
    const { angles } = triangle(vertices, faces, t);
    for (let c = 0; c < 3; c++) defects[faces[t + c]!]! -= angles[c]!;
  }
  return defects;
}

/** Cotangent stiffness times coordinates, (n, 3). */
function cotangentLaplacian(vertices: ArrayLike<number>, faces: ArrayLike<number>): Float64Array {
  const out = new Float64Array(vertices.length);
  for (let t = 0; t < faces.length; t += 3) {
    const { cotangents } = triangle(vertices, faces, t);
    for (let c = 0; c < 3; c++) {
      const [p, q] = [3 * faces[t + ((c + 1) % 3)]!, 3 * faces[t + ((c + 2) % 3)]!];
      const weight = cotangents[c]! / 2;
      for (let axis = 0; axis < 3; axis++) {
        const step = weight * (vertices[p + axis]! - vertices[q + axis]!);
        out[p + axis]! += step;
        out[q + axis]! -= step;
      }
    }
  }
  return out;
}
