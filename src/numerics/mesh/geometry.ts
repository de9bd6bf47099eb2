/** The geometry of one triangle mesh, once computed for all descriptors. */
export interface MeshGeometry {
  /** (m), unit of the coordinates squared. */
  readonly faceAreas: Float64Array;
  /** (m, 3), unit vectors by the right-hand rule; 0 for a triangle without area. */
  readonly faceNormals: Float64Array;
  /** (n, 3), unit vectors: face normals weighted by area; 0 where they cancel. */
  readonly vertexNormals: Float64Array;
  /** (n), a third of the area of the triangles around. */
  readonly barycentricAreas: Float64Array;
  /** Total area, unit squared. */
  readonly area: number;
  /** Enclosed volume by the divergence theorem, unit cubed: positive for outward normals; without meaning when open. */
  readonly volume: number;
}

/**
 * Areas, normals and volume of a triangle mesh, in the unit of the coordinates.
 *
 * @param vertices - (n, 3), row per vertex
 * @param faces - (m, 3), row per triangle
 */
export function meshGeometry(vertices: ArrayLike<number>, faces: ArrayLike<number>): MeshGeometry {
  const faceCount = faces.length / 3;
  const faceAreas = new Float64Array(faceCount);
  const faceNormals = new Float64Array(faces.length);
  const vertexNormals = new Float64Array(vertices.length);
  const barycentricAreas = new Float64Array(vertices.length / 3);
  let area = 0;
  let volume = 0;
  for (let t = 0; t < faceCount; t++) {
    const [a, b, c] = [3 * faces[3 * t]!, 3 * faces[3 * t + 1]!, 3 * faces[3 * t + 2]!];
    const ux = vertices[b]! - vertices[a]!;
    const uy = vertices[b + 1]! - vertices[a + 1]!;
    const uz = vertices[b + 2]! - vertices[a + 2]!;
    const vx = vertices[c]! - vertices[a]!;
    const vy = vertices[c + 1]! - vertices[a + 1]!;
    const vz = vertices[c + 2]! - vertices[a + 2]!;
    const nx = uy * vz - uz * vy;
    const ny = uz * vx - ux * vz;
    const nz = ux * vy - uy * vx;
    const double = Math.sqrt(nx * nx + ny * ny + nz * nz);
    faceAreas[t] = double / 2;
    area += double / 2;
    volume += (vertices[a]! * nx + vertices[a + 1]! * ny + vertices[a + 2]! * nz) / 6;
    if (double > 0) {
      faceNormals[3 * t] = nx / double;
      faceNormals[3 * t + 1] = ny / double;
      faceNormals[3 * t + 2] = nz / double;
    }
    for (const corner of [a, b, c]) {
      vertexNormals[corner]! += nx;
      vertexNormals[corner + 1]! += ny;
      vertexNormals[corner + 2]! += nz;
      barycentricAreas[corner / 3]! += double / 6;
    }
  }
  normaliseRows(vertexNormals);
  return { faceAreas, faceNormals, vertexNormals, barycentricAreas, area, volume };
}

function normaliseRows(rows: Float64Array): void {
  for (let i = 0; i < rows.length; i += 3) {
    const length = Math.hypot(rows[i]!, rows[i + 1]!, rows[i + 2]!);
    if (length === 0) continue;
    rows[i]! /= length;
    rows[i + 1]! /= length;
    rows[i + 2]! /= length;
  }
}

/**
 * Mixed Voronoi area of each vertex: Voronoi cells in triangles without an obtuse angle, else half the triangle for
 * the obtuse corner and a quarter for the others. They add up to the area of the mesh.
 *
 * @returns (n), unit squared
 * @see Meyer, Desbrun, Schroeder & Barr 2003, section 3.3
 */
export function mixedVoronoiAreas(vertices: ArrayLike<number>, faces: ArrayLike<number>): Float64Array {
  const areas = new Float64Array(vertices.length / 3);
  const corners = new Float64Array(3);
  for (let t = 0; t < faces.length; t += 3) {
    const { cotangents, area } = triangle(vertices, faces, t);
    voronoiCorners(area, cotangents, corners);
    for (let c = 0; c < 3; c++) areas[faces[t + c]!]! += corners[c]!;
  }
  return areas;
}

/**
 * How a triangle is shared between its corners: see {@link mixedVoronoiAreas}.
 *
 * @param cotangents - of the three angles
 * @param corners - (3), the shares, which add up to the area
 */
export function voronoiCorners(area: number, cotangents: ArrayLike<number>, corners: Float64Array): void {
  const obtuse = cotangents[0]! < 0 ? 0 : cotangents[1]! < 0 ? 1 : cotangents[2]! < 0 ? 2 : -1;
  for (let c = 0; c < 3; c++) {
    if (obtuse >= 0) {
      corners[c] = obtuse === c ? area / 2 : area / 4;
      continue;
    }
    // The side opposite corner p has the square 2 area (cot of the two corners at its ends).
    const own = cotangents[c]!;
    const p = cotangents[(c + 1) % 3]!;
    const q = cotangents[(c + 2) % 3]!;
    corners[c] = ((2 * area) / 8) * ((own + q) * p + (own + p) * q);
  }
}

export interface Triangle {
  /** Cotangent of the angle at each corner. */
  readonly cotangents: readonly [number, number, number];
  /** Angle at each corner, radians. */
  readonly angles: readonly [number, number, number];
  readonly area: number;
}

/** Shape of the triangle whose first corner stands at `faces[start]`. */
export function triangle(vertices: ArrayLike<number>, faces: ArrayLike<number>, start: number): Triangle {
  const cotangents: [number, number, number] = [0, 0, 0];
  const angles: [number, number, number] = [0, 0, 0];
  let area = 0;
  for (let c = 0; c < 3; c++) {
    const a = 3 * faces[start + c]!;
    const b = 3 * faces[start + ((c + 1) % 3)]!;
    const d = 3 * faces[start + ((c + 2) % 3)]!;
    const ux = vertices[b]! - vertices[a]!;
    const uy = vertices[b + 1]! - vertices[a + 1]!;
    const uz = vertices[b + 2]! - vertices[a + 2]!;
    const vx = vertices[d]! - vertices[a]!;
    const vy = vertices[d + 1]! - vertices[a + 1]!;
    const vz = vertices[d + 2]! - vertices[a + 2]!;
    const x = uy * vz - uz * vy;
    const y = uz * vx - ux * vz;
    const z = ux * vy - uy * vx;
    const double = Math.sqrt(x * x + y * y + z * z);
    const dot = ux * vx + uy * vy + uz * vz;
    cotangents[c] = dot / double;
    angles[c] = Math.atan2(double, dot);
    area = double / 2;
  }
  return { cotangents, angles, area };
}
