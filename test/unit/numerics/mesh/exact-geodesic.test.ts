import { describe, expect, test } from 'vitest';

import { EdgeGeodesics, ExactGeodesics, HeatGeodesics, meshTopology } from '../../../../src/numerics.js';
import { icosphere, rotated, type Mesh } from '../../../support/analytic-meshes.js';

/** A grid of right triangles over the cells that are there. */
function grid(cells: number, isThere: (i: number, j: number) => boolean = () => true): Mesh {
  const place = new Map<string, number>();
  const vertices: number[] = [];
  const faces: number[] = [];
  const at = (i: number, j: number): number => {
    const key = `${i} ${j}`;
    const known = place.get(key);
    if (known !== undefined) return known;
    place.set(key, vertices.length / 3);
    vertices.push(i, j, 0);
    return vertices.length / 3 - 1;
  };
  for (let i = 0; i < cells; i++) {
    for (let j = 0; j < cells; j++) {
      if (!isThere(i, j)) continue;
      faces.push(at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j), at(i + 1, j + 1), at(i, j + 1));
    }
  }
  return { vertices: Float64Array.from(vertices), faces: Int32Array.from(faces) };
}

/** The surface of the cube from 0 to 1, each side a grid. */
function cube(cells: number): Mesh {
  const place = new Map<string, number>();
  const vertices: number[] = [];
  const faces: number[] = [];
  for (let axis = 0; axis < 3; axis++) {
    for (const level of [0, 1]) {
      const at = (i: number, j: number): number => {
        const point = [0, 0, 0];
        point[axis] = level;
        point[(axis + 1) % 3] = i / cells;
        point[(axis + 2) % 3] = j / cells;
        const key = point.join(' ');
        const known = place.get(key);
        if (known !== undefined) return known;
        place.set(key, vertices.length / 3);
        vertices.push(...point);
        return vertices.length / 3 - 1;
      };
      for (let i = 0; i < cells; i++) {
        for (let j = 0; j < cells; j++) {
          const corners = [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)] as const;
          const [a, b, c, d] =
            level === 1 ? corners : ([...corners].reverse() as [number, number, number, number]);
          faces.push(a, b, c, a, c, d);
        }
      }
    }
  }
  return { vertices: Float64Array.from(vertices), faces: Int32Array.from(faces) };
}

const point = ({ vertices }: Mesh, v: number): number[] => [0, 1, 2].map((d) => vertices[3 * v + d]!);
const vertexAt = (mesh: Mesh, wanted: number[]): number =>
  Array.from({ length: mesh.vertices.length / 3 }, (_, v) => v).find((v) =>
    point(mesh, v).every((value, d) => Math.abs(value - wanted[d]!) < 1e-12),
  )!;

describe('exact distances', () => {
  test('in the plane they are straight, whatever the triangles', () => {
    const mesh = grid(9);
    const source = vertexAt(mesh, [2, 3, 0]);
    const found = new ExactGeodesics(mesh.vertices, mesh.faces).from([source]);
    found.forEach((distance, v) => {
      const [x, y] = point(mesh, v) as [number, number, number];
      expect(distance).toBeCloseTo(Math.hypot(x - 2, y - 3), 10);
    });
  });

  test('around a corner they bend there', () => {
    const mesh = grid(8, (i, j) => i < 4 || j < 4);
    const source = vertexAt(mesh, [1, 8, 0]);
    const target = vertexAt(mesh, [8, 2, 0]);
    const found = new ExactGeodesics(mesh.vertices, mesh.faces).from([source]);
    expect(found[target]).toBeCloseTo(Math.hypot(3, 4) + Math.hypot(4, 2), 10);
  });

  test('on a cube they go over the unfolded sides', () => {
    const mesh = cube(4);
    const geodesics = new ExactGeodesics(mesh.vertices, mesh.faces);
    const fromCorner = geodesics.from([vertexAt(mesh, [0, 0, 0])]);
    expect(fromCorner[vertexAt(mesh, [1, 1, 1])]).toBeCloseTo(Math.sqrt(5), 10);
    expect(fromCorner[vertexAt(mesh, [1, 1, 0])]).toBeCloseTo(Math.SQRT2, 10);
    expect(fromCorner[vertexAt(mesh, [1, 0.5, 0.25])]).toBeCloseTo(
      Math.min(Math.hypot(1.5, 0.25), Math.hypot(1.25, 0.5)),
      10,
    );
    const fromMiddle = geodesics.from([vertexAt(mesh, [0.5, 0.5, 0])]);
    expect(fromMiddle[vertexAt(mesh, [0.5, 0.5, 1])]).toBeCloseTo(2, 10);
    expect(fromMiddle[vertexAt(mesh, [1, 0.5, 0.5])]).toBeCloseTo(1, 10);
  });

  test('on spheres they converge with the square of the edge length to the great circle', () => {
    const errors = [2, 3, 4].map((levels) => {
      const mesh = icosphere(levels);
      const found = new ExactGeodesics(mesh.vertices, mesh.faces).from([0]);
      const [x, y, z] = point(mesh, 0) as [number, number, number];
      return found.reduce((worst, distance, v) => {
        const [a, b, c] = point(mesh, v) as [number, number, number];
        return Math.max(
          worst,
          Math.abs(distance - Math.acos(Math.min(1, Math.max(-1, x * a + y * b + z * c)))),
        );
      }, 0);
    });
    expect(errors[0]! / errors[1]!).toBeGreaterThan(3.4);
    expect(errors[1]! / errors[2]!).toBeGreaterThan(3.4);
    expect(errors[2]).toBeLessThan(0.004);
  });

  test('never longer than along edges, symmetric, the same for another order and place, near the heat method', () => {
    const ball = icosphere(3);
    const mesh = {
      faces: ball.faces,
      vertices: ball.vertices.map((value, i) => {
        const [x, y, z] = point(ball, Math.floor(i / 3)) as [number, number, number];
        const bump = 1 + 0.3 * Math.sin(4 * x + 1) * Math.cos(3 * y) + 0.2 * Math.sin(5 * z);
        return 10 * value * bump;
      }),
    };
    const n = mesh.vertices.length / 3;
    const exact = new ExactGeodesics(mesh.vertices, mesh.faces);
    const rows = [0, 100, 400].map((source) => exact.from([source]));
    const edges = new EdgeGeodesics(mesh.vertices, meshTopology(mesh.faces, n)).from([0]);
    const heat = new HeatGeodesics(mesh.vertices, mesh.faces).from([0]);
    const largest = Math.max(...rows[0]!);
    rows[0]!.forEach((distance, v) => {
      expect(distance).toBeLessThanOrEqual(edges[v]! * (1 + 1e-12));
      expect(Math.abs(distance - heat[v]!)).toBeLessThan(0.08 * largest);
    });
    expect(rows[0]![100]).toBeCloseTo(rows[1]![0]!, 9);
    expect(rows[1]![400]).toBeCloseTo(rows[2]![100]!, 9);
    const both = exact.from([0, 100]);
    both.forEach((distance, v) => expect(distance).toBeCloseTo(Math.min(rows[0]![v]!, rows[1]![v]!), 9));
    const turned = rotated(mesh, [0.3, 1.1, 2]);
    const again = new ExactGeodesics(
      turned.vertices,
      turned.faces.map((_, i) => turned.faces[turned.faces.length - 1 - i]!),
    ).from([0]);
    again.forEach((distance, v) => expect(distance).toBeCloseTo(rows[0]![v]!, 9));
  });

  test('paths pass a vertex where two pieces only touch', () => {
    // Two pyramids on triangles, apex to apex: no angle there is large.
    const vertices = [0, 0, 0, ...[1, -1].flatMap((z) => [0.5, 0, z, -0.25, 0.4, z, -0.25, -0.4, z])];
    const pyramid = ([a, b, c]: readonly [number, number, number]): number[] => {
      return [0, a, b, 0, b, c, 0, c, a, a, c, b];
    };
    const faces = [...pyramid([1, 2, 3]), ...pyramid([4, 5, 6])];
    const exact = new ExactGeodesics(vertices, faces).from([1]);
    expect(exact[4]).toBeCloseTo(2 * Math.hypot(0.5, 1), 12);
    expect(exact[5]).toBeCloseTo(Math.hypot(0.5, 1) + Math.hypot(0.25, 0.4, 1), 12);
  });

  test('what has no exact distance is refused; other parts are out of reach', () => {
    const two = {
      vertices: [0, 0, 0, 1, 0, 0, 0, 1, 0, 5, 0, 0, 6, 0, 0, 5, 1, 0],
      faces: [0, 1, 2, 3, 4, 5],
    };
    expect(new ExactGeodesics(two.vertices, two.faces).from([0])[3]).toBe(Infinity);
    const fin = {
      vertices: [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 1],
      faces: [0, 1, 2, 0, 1, 3, 0, 1, 4],
    };
    expect(() => new ExactGeodesics(fin.vertices, fin.faces)).toThrow(
      /more than two triangles meet at the edge 0-1/,
    );
    expect(() => new ExactGeodesics([0, 0, 0, 1, 0, 0, 2, 0, 0], [0, 1, 2])).toThrow(
      /triangle 0 has no area/,
    );
    expect(() => new ExactGeodesics(two.vertices, two.faces).from([6])).toThrow(/no vertex of the surface/);
  });
});
