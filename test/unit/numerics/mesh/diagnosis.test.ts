import { describe, expect, test } from 'vitest';

import {
  diagnoseMesh,
  laplaceBeltrami,
  meshGeometry,
  onOriginalVertices,
  repairMesh,
  type MeshDiagnosis,
} from '../../../../src/numerics.js';
import { torus } from '../../../../src/workflows/spectral-descriptors/sample-shapes.js';
import { icosphere, rotated } from '../../../support/analytic-meshes.js';
import { grid, together } from '../../../support/meshes.js';

const codes = ({ findings }: MeshDiagnosis): string[] => findings.map(({ code }) => code);
/** Size of a brain, so that nothing is said about units. */
const sphere = icosphere(2, 50);

describe('closed forms', () => {
  test('a sphere in mm has nothing to mend', () => {
    const { findings, ...facts } = diagnoseMesh(sphere.vertices, sphere.faces);
    expect(findings).toEqual([]);
    expect(facts).toMatchObject({
      vertices: 162,
      faces: 320,
      edges: 480,
      euler_characteristic: 2,
      genus: 0,
      components: 1,
      component_sizes: [162],
      boundary_edges: 0,
      boundary_loops: 0,
      is_closed: true,
      is_orientable: true,
      unit_guess: 'mm',
    });
    expect(facts.volume).toBeGreaterThan(0);
    expect(facts.extent).toBeCloseTo(100, 9);
    expect(facts.smallest_angle).toBeGreaterThan(50);
  });

  test('a torus has genus 1, a sheet one boundary loop, a ring two', () => {
    const ring = torus(40, 10, 24, 12);
    expect(diagnoseMesh(ring.vertices, ring.faces).genus).toBe(1);
    const sheet = grid(6, 4, 60, 40);
    expect(diagnoseMesh(sheet.vertices, sheet.faces)).toMatchObject({
      boundary_edges: 20,
      boundary_loops: 1,
      genus: null,
      volume: null,
      is_closed: false,
    });
    // Without the triangles of one tube section the torus is a tube.
    const tube = ring.faces.subarray(0, ring.faces.length - 6 * 12);
    expect(diagnoseMesh(ring.vertices, tube)).toMatchObject({ boundary_loops: 2, euler_characteristic: 0 });
  });

  test('rotation and renumbering change no count', () => {
    const { vertices, faces } = together([sphere, sphere], 200);
    const n = vertices.length / 3;
    const turned = rotated({ vertices, faces }, [0.3, 1, 2]);
    const place = (i: number): number => (i * 101) % n;
    const moved = new Float64Array(vertices.length);
    for (let i = 0; i < n; i++) moved.set(turned.vertices.subarray(3 * i, 3 * i + 3), 3 * place(i));
    const strip = ({ area, volume, extent, smallest_angle, ...counts }: MeshDiagnosis): unknown => {
      expect([area, volume, extent, smallest_angle].every((value) => value! > 0)).toBe(true);
      return counts;
    };
    expect(strip(diagnoseMesh(moved, faces.map(place)))).toEqual(strip(diagnoseMesh(vertices, faces)));
  });
});

describe('what is found is named, with its cure', () => {
  test('each defect on its own', () => {
    const { vertices, faces } = sphere;
    const far = [900, 0, 0];
    const cases: [string, ArrayLike<number>, ArrayLike<number>, number][] = [
      ['unreferenced_vertices', [...vertices, ...far], faces, 1],
      ['duplicate_faces', vertices, [...faces, faces[1]!, faces[0]!, faces[2]!], 1],
      ['degenerate_faces', vertices, [...faces, 4, 4, 9, 7, 8, 8], 2],
      ['components', ...apart(), 2],
      ['boundary', vertices, faces.subarray(3), 3],
      ['inward', vertices, turnedOver(faces, () => true), 1],
      ['orientation', vertices, turnedOver(faces, (t) => t === 5), 3],
    ];
    for (const [code, points, triangles, count] of cases) {
      const found = diagnoseMesh(points, triangles).findings.find((finding) => finding.code === code);
      expect([code, found?.count]).toEqual([code, count]);
      expect(found?.cure).not.toBe('');
    }
    expect(codes(diagnoseMesh([...vertices, NaN, 0, 0], faces))).toEqual([
      'non_finite',
      'unreferenced_vertices',
    ]);
    expect(codes(diagnoseMesh([0, 0, 0, 1, 1, 1], []))).toContain('empty');
    expect(codes(diagnoseMesh([], []))).toEqual(['empty']);
  });

  test('whole texts', () => {
    const [vertices, faces] = apart();
    const { findings } = diagnoseMesh(vertices, faces);
    expect(findings).toEqual([
      {
        code: 'components',
        severity: 'warning',
        count: 2,
        message:
          '2 connected parts of 162, 162 vertices: one eigenvalue 0 each, and no geodesic between them',
        cure: 'keep the largest one, or treat each part as a surface of its own',
        repair: 'largest_component',
      },
    ]);
    const metres = diagnoseMesh(
      sphere.vertices.map((value) => value / 1000),
      sphere.faces,
    ).findings;
    expect(metres.map(({ message }) => message)).toEqual(['the longest side is 0.100: the unit may be m']);
  });

  test('fins, pinched vertices, one-sided strips and slivers', () => {
    const { vertices, faces } = sphere;
    const fin = diagnoseMesh([...vertices, 0, 0, 70], [...faces, faces[0]!, faces[1]!, 162]);
    expect(fin.non_manifold_edges).toBe(1);
    // Two tetrahedra that share one corner.
    const corners = [0, 0, 0, 30, 0, 0, 0, 30, 0, 0, 0, 30, -30, 0, 0, 0, -30, 0, 0, 0, -30];
    const tetrahedra = [0, 2, 1, 0, 1, 3, 1, 2, 3, 2, 0, 3, 0, 4, 5, 0, 6, 4, 4, 6, 5, 5, 6, 0];
    expect(diagnoseMesh(corners, tetrahedra)).toMatchObject({ non_manifold_vertices: 1, components: 1 });
    const strip = moebius(12);
    expect(diagnoseMesh(strip.vertices, strip.faces)).toMatchObject({
      is_orientable: false,
      boundary_loops: 1,
    });
    const sliver = diagnoseMesh([0, 0, 0, 100, 0, 0, 50, 0.2, 0, 50, 60, 0], [0, 1, 2, 2, 1, 3]);
    expect(sliver.sliver_faces).toBe(1);
    expect(sliver.smallest_angle).toBeCloseTo((Math.atan2(0.2, 50) * 180) / Math.PI, 9);
  });

  test('tables that do not fit are refused', () => {
    expect(() => diagnoseMesh([0, 0], [])).toThrow('vertices has 2 numbers');
    expect(() => diagnoseMesh([0, 0, 0], [0, 0, 1])).toThrow('face 0 names vertex 1 of 1');
  });
});

describe('repairs', () => {
  test('a mesh with every safe defect becomes the sphere it was', () => {
    const { vertices, faces } = sphere;
    // Every triangle with corners of its own, as STL files have them; one is repeated, one has no area, one looks inward.
    const points: number[] = [];
    faces.forEach((vertex) => points.push(...vertices.subarray(3 * vertex, 3 * vertex + 3)));
    const triangles = turnedOver(
      Int32Array.from({ length: faces.length }, (_, i) => i),
      (t) => t === 3,
    );
    const broken = [...triangles, 9, 10, 11, 0, 0, 1];
    const mended = repairMesh([...points, 999, 0, 0], broken);
    expect(mended.changes).toEqual([
      { repair: 'merge_duplicate_vertices', count: 960 - 162 },
      { repair: 'drop_degenerate_faces', count: 1 },
      { repair: 'drop_duplicate_faces', count: 1 },
      { repair: 'drop_unreferenced', count: 1 },
      { repair: 'orient', count: 1 },
    ]);
    expect(diagnoseMesh(mended.vertices, mended.faces).findings).toEqual([]);
    expect(meshGeometry(mended.vertices, mended.faces).volume).toBeCloseTo(
      meshGeometry(vertices, faces).volume,
      6,
    );
    const x = Float64Array.from({ length: 162 }, (_, i) => mended.vertices[3 * i]!);
    const back = onOriginalVertices(x, 1, mended.vertexMap);
    expect([...back.subarray(0, 960)]).toEqual(points.filter((_, at) => at % 3 === 0));
    expect(back[960]).toBeNaN();
  });

  test('a mesh without defect stays as it is, to the last bit', () => {
    const mended = repairMesh(sphere.vertices, sphere.faces);
    expect(mended.changes).toEqual([]);
    expect(mended.vertices).toEqual(sphere.vertices);
    expect(mended.faces).toEqual(sphere.faces);
  });

  test('the largest part is kept on request only, and its eigenvalues are those of the part', () => {
    const { vertices, faces } = together([icosphere(1, 20), sphere], 200);
    expect(repairMesh(vertices, faces).changes).toEqual([]);
    const mended = repairMesh(vertices, faces, ['largest_component']);
    expect(mended.changes).toEqual([{ repair: 'largest_component', count: 80 }]);
    expect(mended.vertexMap.subarray(0, 42).every((vertex) => vertex === -1)).toBe(true);
    const options = { k: 4, solver: 'typescript' } as const;
    expect(laplaceBeltrami(mended.vertices, mended.faces, options).eigenvalues[1]).toBeCloseTo(
      laplaceBeltrami(sphere.vertices, sphere.faces, options).eigenvalues[1]!,
      14,
    );
  });

  test('closed parts are turned outward, the wall of a cavity into it', () => {
    const inner = icosphere(1, 10);
    const shell = together([sphere, inner], 0);
    const turned = repairMesh(shell.vertices, shell.faces, ['orient']);
    expect(turned.changes).toEqual([{ repair: 'orient', count: 80 }]);
    const volumes = [sphere, inner].map(({ vertices, faces }) => meshGeometry(vertices, faces).volume);
    expect(meshGeometry(turned.vertices, turned.faces).volume).toBeCloseTo(volumes[0]! - volumes[1]!, 6);
    const inside = repairMesh(
      sphere.vertices,
      turnedOver(sphere.faces, (t) => t > 10),
      ['orient'],
    );
    expect(diagnoseMesh(inside.vertices, inside.faces).findings).toEqual([]);
  });

  test('an empty mesh passes, an unknown repair does not', () => {
    expect(repairMesh([], []).changes).toEqual([]);
    expect(() => repairMesh([], [], ['smooth' as never])).toThrow('no repair is called smooth');
  });
});

function apart(): [Float64Array, Int32Array] {
  const { vertices, faces } = together([sphere, sphere], 110);
  return [vertices, faces];
}

function turnedOver(faces: Int32Array, choose: (triangle: number) => boolean): Int32Array {
  const out = faces.slice();
  for (let t = 0; 3 * t < faces.length; t++) {
    if (choose(t)) out.set([faces[3 * t + 1]!, faces[3 * t]!, faces[3 * t + 2]!], 3 * t);
  }
  return out;
}

/** A strip of `count` quadrilaterals with a half turn. */
function moebius(count: number): { vertices: number[]; faces: number[] } {
  const vertices: number[] = [];
  const faces: number[] = [];
  for (let i = 0; i < count; i++) {
    const angle = (2 * Math.PI * i) / count;
    for (const side of [-5, 5]) {
      const r = 30 + side * Math.cos(angle / 2);
      vertices.push(r * Math.cos(angle), r * Math.sin(angle), side * Math.sin(angle / 2));
    }
    const [a, b] = [2 * i, 2 * i + 1];
    const [c, d] = i + 1 < count ? [2 * i + 2, 2 * i + 3] : [1, 0];
    faces.push(a, c, b, b, c, d);
  }
  return { vertices, faces };
}
