/** The anisotropic operator on the pial template of reference/spectral, at the tolerances of its README. */
import { expect, test } from 'vitest';

import { anisotropicOperator, heatKernelSignature, operatorSpectrum } from '../../src/numerics.js';
import { largeSpectralMesh, spectralNumbers, worstRelative } from '../support/golden-spectral.js';
import { hasReference } from '../support/reference.js';

interface Case {
  readonly alpha: number;
  readonly theta: number;
  readonly eigenvalues_first21: number[];
  readonly hks_t: number[];
  readonly hks_20_modes_at_selected: number[][];
}

test.skipIf(!hasReference)(
  'alpha 5, turned by a right angle (skipped without the reference data)',
  async () => {
    const { anisotropic } = spectralNumbers('pairs_and_anisotropic');
    const { selected_vertices: selected } = spectralNumbers('fsaverage5_pial_left');
    const { vertices, faces } = await largeSpectralMesh('fsaverage5_pial_left');
    const axis = anisotropic.axis as number[];
    const directions = Float64Array.from({ length: faces.length }, (_, at) => axis[at % 3]!);
    const { alpha, theta, ...wanted } = (anisotropic.cases as Case[]).at(-1)!;
    expect(alpha).toBe(5);
    const pairs = operatorSpectrum(anisotropicOperator(vertices, faces, { directions, alpha, theta }), {
      k: 21,
    });
    expect(worstRelative(pairs.eigenvalues.subarray(1), wanted.eigenvalues_first21.slice(1))).toBeLessThan(
      1e-8,
    );
    // The stored signature has 20 modes.
    const eigenvalues = pairs.eigenvalues.subarray(0, 20);
    const eigenvectors = Float64Array.from({ length: (vertices.length / 3) * 20 }, (_, at) => {
      const vertex = Math.floor(at / 20);
      return pairs.eigenvectors[vertex * 21 + (at % 20)]!;
    });
    const signature = heatKernelSignature({ eigenvalues, eigenvectors }, wanted.hks_t);
    const columns = wanted.hks_t.length;
    const rows = (selected as number[]).flatMap((vertex) => [
      ...signature.subarray(vertex * columns, (vertex + 1) * columns),
    ]);
    expect(worstRelative(rows, wanted.hks_20_modes_at_selected.flat())).toBeLessThan(1e-6);
  },
);
