/** Eigenvalues of scipy (ARPACK) on real surfaces: reference/meshes. Relative tolerances of spec/spectral_solver.md 8. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { nativeStatus, selectIsa, type Isa } from '../../src/native/index.js';
import { laplaceBeltrami } from '../../src/numerics/spectral/laplace-beltrami.js';
import { hasReference, reference } from '../support/reference.js';
import { referenceMesh } from '../support/meshes.js';

interface Known {
  readonly eigenvalues: readonly number[];
}

const known = (name: string): { readonly lumped: Known; readonly full: Known } =>
  JSON.parse(readFileSync(reference(`meshes/${name}.eig.json`), 'utf8')) as { lumped: Known; full: Known };

const status = nativeStatus();
const paths: readonly ('typescript' | Isa)[] = ['typescript', ...(status.available ? status.isas : [])];

describe.skipIf(!hasReference)('reference meshes', () => {
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
