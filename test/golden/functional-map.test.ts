/** The functional map between two hippocampi of reference/spectral, at the tolerances of its README. */
import { expect, test } from 'vitest';

import {
  derivativeWaveSignature,
  functionalMap,
  functionCoefficients,
  heatKernelSignature,
  laplaceBeltrami,
  meshGeometry,
  shapeDifferences,
} from '../../src/numerics.js';
import type { Surface } from '../../src/io/index.js';
import { largeSpectralMesh, spectralMesh, spectralNumbers } from '../support/golden-spectral.js';
import { hasReference } from '../support/reference.js';

test.skipIf(!hasReference)(
  'map, shape differences and their signature (skipped without the reference data)',
  async () => {
    const golden = spectralNumbers('pairs_and_anisotropic').functional_map;
    const size = golden.n_basis as number;
    const shapes = [await largeSpectralMesh('hipp_open_sub03L'), await spectralMesh('hipp_closed_sub01L')];
    const [source, target] = shapes.map(({ vertices, faces }: Surface) => {
      const { area, barycentricAreas: masses } = meshGeometry(vertices, faces);
      const pairs = laplaceBeltrami(vertices, faces, { k: 100 });
      const times = (golden.tau as number[]).map((tau) => tau * area);
      const signature = heatKernelSignature(pairs, times).map((value) => value * area);
      const coefficients = functionCoefficients({ ...pairs, masses }, signature, size);
      return { pairs, coefficients, eigenvalues: pairs.eigenvalues.slice(0, size), area };
    }) as [Side, Side];
    const worst = (ours: Float64Array, theirs: number[][]): number => {
      const flat = theirs.flat();
      return (
        flat.reduce((most, value, at) => Math.max(most, Math.abs(value - Math.abs(ours[at]!))), 0) /
        Math.max(...flat)
      );
    };
    const plain = functionalMap(source.coefficients, target.coefficients, { commutativity: 0 });
    expect(worst(plain.values, golden.abs_C)).toBeLessThan(1e-4);
    const commuting = functionalMap(source.coefficients, target.coefficients, {
      eigenvalues: [source, target].map(({ eigenvalues, area }) =>
        eigenvalues.map((value) => value * area),
      ) as [Float64Array, Float64Array],
    });
    expect(worst(commuting.values, golden.abs_C_laplacian_commuting.abs_C)).toBeLessThan(1e-4);

    const { area, areaEigenvalues, conformalEigenvalues } = shapeDifferences(
      plain,
      source.eigenvalues,
      target.eigenvalues,
    );
    for (const [ours, theirs] of [
      [areaEigenvalues, golden.area_operator_eigenvalues],
      [conformalEigenvalues, golden.conformal_operator_eigenvalues_corrected],
    ] as const) {
      // Twelve functions leave the rest to rounding.
      (theirs as number[]).slice(-12).forEach((value, at) => {
        expect(Math.abs(ours[ours.length - 12 + at]! - value) / Math.max(1e-3, value)).toBeLessThan(1e-4);
      });
    }

    // The stored signature counts eigenvalues below 1e-10 as that, and leaves two sigma at both ends of the range.
    const floor = 1e-10;
    const [low, high] = [Math.log(floor), Math.log(areaEigenvalues.at(-1)!)];
    const count = golden.dwks_sb.n_energies as number;
    const sigma = (7 * (high - low)) / count;
    const energies = Float64Array.from(
      { length: count },
      (_, e) => low + 2 * sigma + ((high - low - 4 * sigma) * e) / (count - 1),
    );
    const signature = derivativeWaveSignature(source.pairs, area, { energies, sigma }, { floor });
    (golden.dwks_sb.selected_vertices as number[]).forEach((vertex, row) => {
      (golden.dwks_sb.values[row] as number[]).forEach((value, e) => {
        expect(Math.abs(signature[vertex * count + e]! / value - 1)).toBeLessThan(1e-3);
      });
    });
  },
);

interface Side {
  readonly pairs: ReturnType<typeof laplaceBeltrami>;
  readonly coefficients: ReturnType<typeof functionCoefficients>;
  readonly eigenvalues: Float64Array;
  readonly area: number;
}
