/** Eigenvalues of scipy (ARPACK) on real surfaces: reference/meshes. Relative tolerances of spec/spectral_solver.md 8. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { nativeStatus, selectIsa, type Isa } from '../../src/native/index.js';
import { laplaceBeltrami, meshOperator } from '../../src/numerics/spectral/laplace-beltrami.js';
import { hasReference, reference } from '../support/reference.js';
import { referenceMesh, type TestMesh } from '../support/meshes.js';

interface Known {
  readonly eigenvalues: readonly number[];
}
interface KnownMesh {
  readonly lumped: Known;
  readonly full: Known;
  readonly vertices: number;
  readonly faces: number;
  readonly area: number;
  /** These three are not stored of the mesh with vertices in no triangle. */
  readonly trace_L?: number;
  readonly sum_M_lumped?: number;
  readonly sum_M_full?: number;
}

const known = (name: string): KnownMesh =>
  JSON.parse(readFileSync(reference(`meshes/${name}.eig.json`), 'utf8')) as KnownMesh;

/** Sum of the cotangents of all angles, (a^2 + b^2 + c^2) / 4A in each triangle: each counts in two diagonal entries by half. */
function sumOfCotangents({ vertices, faces }: TestMesh): number {
  const square = (a: number, b: number): number =>
    [0, 1, 2].reduce((sum, d) => sum + (vertices[3 * a + d]! - vertices[3 * b + d]!) ** 2, 0);
  let total = 0;
  for (let t = 0; t < faces.length; t += 3) {
    const [i, j, k] = [faces[t]!, faces[t + 1]!, faces[t + 2]!];
    const [a, b, c] = [square(j, k), square(k, i), square(i, j)];
    total += (a + b + c) / Math.sqrt(4 * a * b - (a + b - c) ** 2);
  }
  return total;
}

const status = nativeStatus();
const paths: readonly ('typescript' | Isa)[] = ['typescript', ...(status.available ? status.isas : [])];

describe.skipIf(!hasReference)('reference meshes', () => {
  test.each([
    ...['hipp_sub03_L', 'hipp_sub04_R', 'fsa5_pial_left', 'conte69_lh', 'icbm152_lh'],
    ...['colin71k_R', 'mc_wm_sub01_lh'],
  ])('assembly of %s: counts, area, trace of the stiffness, sums of the masses', (name) => {
    const { vertices, faces } = referenceMesh(name);
    const wanted = known(name);
    expect([vertices.length / 3, faces.length / 3]).toEqual([wanted.vertices, wanted.faces]);
    for (const [kind, sum] of [
      ['lumped', wanted.sum_M_lumped ?? wanted.area],
      ['consistent', wanted.sum_M_full ?? wanted.area],
    ] as const) {
      const { stiffness, mass, area } = meshOperator(vertices, faces, { mass: kind });
      expect(area / wanted.area - 1).toBeCloseTo(0, 11);
      expect(mass.values.reduce((total, value) => total + value, 0) / sum - 1).toBeCloseTo(0, 11);
      let trace = 0;
      for (let i = 0; i < stiffness.rows; i++) {
        for (let e = stiffness.rowStarts[i]!; e < stiffness.rowStarts[i + 1]!; e++) {
          if (stiffness.columnIndices[e] === i) trace += stiffness.values[e]!;
        }
      }
      expect(trace / (wanted.trace_L ?? sumOfCotangents({ vertices, faces })) - 1).toBeCloseTo(0, 11);
    }
  });

  for (const path of paths) {
    test.each([
      ['hipp_sub03_L', 'lumped'],
      ['hipp_sub04_R', 'consistent'],
    ] as const)(`the first 50 eigenvalues of %s with %s mass, ${path}`, (name, mass) => {
      if (path !== 'typescript') selectIsa(path);
      const { vertices, faces } = referenceMesh(name);
      const solver = path === 'typescript' ? 'typescript' : 'native';
      const result = laplaceBeltrami(vertices, faces, { k: 50, mass, solver });
      const { eigenvalues } = known(name)[mass === 'lumped' ? 'lumped' : 'full'];
      expect(result.eigenvalues[0]).toBe(0);
      for (let i = 1; i < 50; i++) {
        expect(Math.abs(result.eigenvalues[i]! / eigenvalues[i]! - 1)).toBeLessThan(1e-12);
      }
      expect(result.certificate.count).toBe(50);
      expect(result.quality.resLambda).toBeLessThan(1e-10);
      expect(result.quality.resBack).toBeLessThan(1e-14);
      expect(result.quality.orthonormality).toBeLessThan(1e-13);
    });
  }
});
