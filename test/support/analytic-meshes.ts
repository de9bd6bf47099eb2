/** Meshes of shapes whose geometry is known. */
export interface Mesh {
  readonly vertices: Float64Array;
  readonly faces: Int32Array;
}

/** Sphere from an icosahedron, each triangle split in four `levels` times: 10 * 4^levels + 2 vertices. */
export function icosphere(levels: number, radius = 1): Mesh {
  const phi = (1 + Math.sqrt(5)) / 2;
  const points: number[][] = [];
  for (const a of [-1, 1]) {
    for (const b of [-phi, phi]) points.push([a, b, 0], [0, a, b], [b, 0, a]);
  }
  // Triangles of the icosahedron: triples of vertices at the shortest distance from one another, turned outward.
  let triangles: number[][] = [];
  const near = (i: number, j: number): boolean => {
    const [p, q] = [points[i]!, points[j]!];
    return Math.abs(Math.hypot(p[0]! - q[0]!, p[1]! - q[1]!, p[2]! - q[2]!) - 2) < 1e-9;
  };
  for (let i = 0; i < 12; i++) {
    for (let j = i + 1; j < 12; j++) {
      for (let k = j + 1; k < 12; k++) {
        if (near(i, j) && near(j, k) && near(i, k)) triangles.push(outward(points, [i, j, k]));
      }
    }
  }
  for (let level = 0; level < levels; level++) {
    const middles = new Map<string, number>();
    const middle = (i: number, j: number): number => {
      const key = i < j ? `${i},${j}` : `${j},${i}`;
      const found = middles.get(key);
      if (found !== undefined) return found;
      points.push([0, 1, 2].map((axis) => points[i]![axis]! + points[j]![axis]!));
      normalise(points.at(-1)!);
      middles.set(key, points.length - 1);
      return points.length - 1;
    };
    points.forEach(normalise);
    triangles = triangles.flatMap(([a, b, c]) => {
      const [ab, bc, ca] = [middle(a!, b!), middle(b!, c!), middle(c!, a!)];
      return [
        [a!, ab, ca],
        [b!, bc, ab],
        [c!, ca, bc],
        [ab, bc, ca],
      ];
    });
  }
  points.forEach(normalise);
  return {
    vertices: Float64Array.from(points.flat(), (value) => value * radius),
    faces: Int32Array.from(triangles.flat()),
  };
}

function normalise(point: number[]): void {
  const length = Math.hypot(...point);
  for (let axis = 0; axis < 3; axis++) point[axis]! /= length;
}

function outward(points: readonly number[][], [i, j, k]: [number, number, number]): number[] {
  const [a, b, c] = [points[i]!, points[j]!, points[k]!];
  const determinant =
    a[0]! * (b[1]! * c[2]! - b[2]! * c[1]!) +
    a[1]! * (b[2]! * c[0]! - b[0]! * c[2]!) +
    a[2]! * (b[0]! * c[1]! - b[1]! * c[0]!);
  return determinant > 0 ? [i, j, k] : [i, k, j];
}

/** Turned by three angles about the first, second and third axis in that order. */
export function rotated({ vertices, faces }: Mesh, angles: readonly [number, number, number]): Mesh {
  const out = vertices.slice();
  angles.forEach((angle, axis) => {
    const [p, q] = [(axis + 1) % 3, (axis + 2) % 3];
    for (let i = 0; i < out.length; i += 3) {
      const [a, b] = [out[i + p]!, out[i + q]!];
      out[i + p] = Math.cos(angle) * a - Math.sin(angle) * b;
      out[i + q] = Math.sin(angle) * a + Math.cos(angle) * b;
    }
  });
  return { vertices: out, faces };
}
