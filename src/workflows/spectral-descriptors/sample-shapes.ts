/** Surfaces whose geometry is known. */
import type { Surface } from '../../io/index.js';

type Point = readonly [number, number, number];

/** Unit sphere from an octahedron, each triangle split in four `levels` times: 4^(levels + 1) + 2 vertices. */
export function octasphere(levels: number): Surface {
  const points: Point[] = [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
    [-1, 0, 0],
    [0, -1, 0],
    [0, 0, -1],
  ];
  let triangles: number[][] = [
    [0, 1, 2],
    [1, 3, 2],
    [3, 4, 2],
    [4, 0, 2],
    [1, 0, 5],
    [3, 1, 5],
    [4, 3, 5],
    [0, 4, 5],
  ];
  for (let level = 0; level < levels; level++) {
    const middles = new Map<string, number>();
    const middle = (i: number, j: number): number => {
      const key = i < j ? `${i},${j}` : `${j},${i}`;
      const known = middles.get(key);
      if (known !== undefined) return known;
      const sum = points[i]!.map((value, axis) => value + points[j]![axis]!);
      const length = Math.hypot(...sum);
      points.push(sum.map((value) => value / length) as unknown as Point);
      middles.set(key, points.length - 1);
      return points.length - 1;
    };
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
  return { vertices: Float64Array.from(points.flat()), faces: Int32Array.from(triangles.flat()) };
}

/** Each point moved. */
export function deformed({ vertices, faces }: Surface, move: (point: Point) => Point): Surface {
  const out = new Float64Array(vertices.length);
  for (let i = 0; i < vertices.length; i += 3) {
    out.set(move([vertices[i]!, vertices[i + 1]!, vertices[i + 2]!]), i);
  }
  return { vertices: out, faces };
}

/** Torus around the third axis, normals outward. */
export function torus(large: number, small: number, around: number, across: number): Surface {
  const vertices: number[] = [];
  const faces: number[] = [];
  for (let i = 0; i < around; i++) {
    for (let j = 0; j < across; j++) {
      const [u, v] = [(2 * Math.PI * i) / around, (2 * Math.PI * j) / across];
      const ring = large + small * Math.cos(v);
      vertices.push(ring * Math.cos(u), ring * Math.sin(u), small * Math.sin(v));
      const [right, up] = [(i + 1) % around, (j + 1) % across];
      const at = (row: number, column: number): number => row * across + column;
      faces.push(at(i, j), at(right, j), at(right, up), at(i, j), at(right, up), at(i, up));
    }
  }
  return { vertices: Float64Array.from(vertices), faces: Int32Array.from(faces) };
}
