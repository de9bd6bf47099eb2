import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { reference } from './reference.js';

export interface TestMesh {
  readonly vertices: Float64Array;
  readonly faces: Int32Array;
}

const GOLDEN_RATIO = (1 + Math.sqrt(5)) / 2;

/** Icosahedron on the unit sphere, its triangles cut in four `levels` times: 10 * 4^levels + 2 vertices. */
export function icosphere(levels: number): TestMesh {
  const p = GOLDEN_RATIO;
  // prettier-ignore
  const corners = [-1, p, 0, 1, p, 0, -1, -p, 0, 1, -p, 0, 0, -1, p, 0, 1, p, 0, -1, -p, 0, 1, -p, p, 0, -1, p, 0, 1, -p, 0, -1, -p, 0, 1];
  // prettier-ignore
  let faces = [0, 11, 5, 0, 5, 1, 0, 1, 7, 0, 7, 10, 0, 10, 11, 1, 5, 9, 5, 11, 4, 11, 10, 2, 10, 7, 6, 7, 1, 8, 3, 9, 4, 3, 4, 2, 3, 2, 6, 3, 6, 8, 3, 8, 9, 4, 9, 5, 2, 4, 11, 6, 2, 10, 8, 6, 7, 9, 8, 1];
  const vertices = corners.map((value) => value / Math.hypot(1, p));
  for (let level = 0; level < levels; level++) {
    const middles = new Map<string, number>();
    const middle = (a: number, b: number): number => {
      const key = a < b ? `${a} ${b}` : `${b} ${a}`;
      const known = middles.get(key);
      if (known !== undefined) return known;
      const sum = [0, 1, 2].map((d) => vertices[3 * a + d]! + vertices[3 * b + d]!);
      const length = Math.hypot(...sum);
      vertices.push(...sum.map((value) => value / length));
      const added = vertices.length / 3 - 1;
      middles.set(key, added);
      return added;
    };
    const finer: number[] = [];
    for (let t = 0; t < faces.length; t += 3) {
      const [a, b, c] = [faces[t]!, faces[t + 1]!, faces[t + 2]!];
      const [ab, bc, ca] = [middle(a, b), middle(b, c), middle(c, a)];
      finer.push(a, ab, ca, b, bc, ab, c, ca, bc, ab, bc, ca);
    }
    faces = finer;
  }
  return { vertices: Float64Array.from(vertices), faces: Int32Array.from(faces) };
}

/** Flat rectangle of width x height in nx x ny cells, two triangles each. */
export function grid(nx: number, ny: number, width: number, height: number): TestMesh {
  const vertices: number[] = [];
  const faces: number[] = [];
  for (let y = 0; y <= ny; y++) {
    for (let x = 0; x <= nx; x++) vertices.push((x * width) / nx, (y * height) / ny, 0);
  }
  for (let y = 0; y < ny; y++) {
    for (let x = 0; x < nx; x++) {
      const a = y * (nx + 1) + x;
      const b = a + nx + 1;
      faces.push(a, a + 1, b + 1, a, b + 1, b);
    }
  }
  return { vertices: Float64Array.from(vertices), faces: Int32Array.from(faces) };
}

/** Several meshes as one, each moved along x by its number times `distance`. */
export function together(meshes: readonly TestMesh[], distance: number): TestMesh {
  const vertices: number[] = [];
  const faces: number[] = [];
  meshes.forEach((mesh, number) => {
    const first = vertices.length / 3;
    mesh.vertices.forEach((value, at) => vertices.push(value + (at % 3 === 0 ? number * distance : 0)));
    for (const vertex of mesh.faces) faces.push(vertex + first);
  });
  return { vertices: Float64Array.from(vertices), faces: Int32Array.from(faces) };
}

/** A mesh of reference/meshes. */
export function referenceMesh(name: string): TestMesh {
  const bytes = gunzipSync(readFileSync(reference(`meshes/${name}.mesh.gz`)));
  const [n, m] = [bytes.readInt32LE(0), bytes.readInt32LE(4)];
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  return {
    vertices: Float64Array.from(new Float32Array(copy, 8, 3 * n)),
    faces: new Int32Array(copy, 8 + 12 * n, 3 * m),
  };
}
