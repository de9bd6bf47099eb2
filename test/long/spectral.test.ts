/** Every reference mesh at k = 50 and 300, both masses at 50: accuracy of the solver, proof that none was missed. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { laplaceBeltrami } from '../../src/numerics.js';
import { nativeStatus } from '../../src/native/index.js';
import { referenceMesh } from '../support/meshes.js';
import { hasReference, reference } from '../support/reference.js';

interface Known {
  readonly eigenvalues: readonly number[];
}

/** Largest relative residual, and difference from the stored eigenvalues. */
const MESHES = [
  ['hipp_sub03_L', 1e-10, 1e-12],
  ['hipp_sub04_R', 1e-10, 1e-12],
  ['fsa5_pial_left', 1e-10, 1e-12],
  ['conte69_lh', 1e-10, 1e-12],
  ['icbm152_lh', 1e-10, 1e-12],
  ['colin71k_R', 1e-9, 1e-12],
  ['mc_wm_sub01_lh', 1e-9, 1e-11],
] as const;

describe.skipIf(!hasReference || !nativeStatus().available)(
  'reference meshes (skipped without data or addon)',
  () => {
    for (const [name, residual, difference] of MESHES) {
      test.each([
        [50, 'lumped'],
        [50, 'consistent'],
        [300, 'lumped'],
      ] as const)(`${name}: %i pairs with %s mass`, (k, mass) => {
        const { vertices, faces } = referenceMesh(name);
        const { eigenvalues, quality, certificate } = laplaceBeltrami(vertices, faces, {
          k,
          mass,
          solver: 'native',
        });
        const known = JSON.parse(readFileSync(reference(`meshes/${name}.eig.json`), 'utf8')) as Record<
          string,
          Known
        >;
        const stored = known[mass === 'lumped' ? 'lumped' : 'full']!.eigenvalues;
        for (let i = 1; i < 50; i++)
          expect(Math.abs(eigenvalues[i]! / stored[i]! - 1)).toBeLessThan(difference);
        expect(certificate.count).toBe(k);
        expect(quality.resLambda).toBeLessThan(residual);
        expect(quality.resBack).toBeLessThan(1e-14);
        expect(quality.orthonormality).toBeLessThan(1e-13);
      });
    }
  },
);
