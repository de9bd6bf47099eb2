/** Signatures, distances and ShapeDNA of the meshes of reference/spectral, at the tolerances of its README. */
import { describe, expect, test } from 'vitest';

import {
  biharmonicSignature,
  globalPointSignature,
  heatKernelSignature,
  heatTimes,
  laplaceBeltrami,
  scaleInvariantSignature,
  shapeDna,
  spectralDistances,
  symmetricPolynomials,
  waveEnergies,
  waveKernelSignature,
  waveletScales,
  waveletSignature,
} from '../../src/numerics.js';
import { SPECTRAL_MESHES, spectralMesh, spectralNumbers, worstRelative } from '../support/golden-spectral.js';
import { hasReference } from '../support/reference.js';

describe.skipIf(!hasReference).each(SPECTRAL_MESHES)('%s (skipped without the reference data)', (name) => {
  test('every signature at the selected vertices', async () => {
    const golden = spectralNumbers(name);
    const { vertices, faces } = await spectralMesh(name);
    const pairs = laplaceBeltrami(vertices, faces, { k: golden.k });
    const { eigenvalues } = pairs;
    const selected: number[] = golden.selected_vertices;
    const rowsAt = (table: Float64Array): number[] => {
      const columns = table.length / (vertices.length / 3);
      return selected.flatMap((vertex) => [...table.subarray(vertex * columns, (vertex + 1) * columns)]);
    };
    const compare = (ours: ArrayLike<number>, theirs: unknown, tolerance: number): void => {
      expect(worstRelative(ours, (theirs as number[]).flat(3) as number[])).toBeLessThan(tolerance);
    };

    compare(eigenvalues.subarray(1), golden.eigenvalues.lumped.slice(1), 1e-8);
    compare(rowsAt(heatKernelSignature(pairs, golden.hks.t_values)), golden.hks.raw_at_selected, 1e-6);
    const times = heatTimes(eigenvalues);
    compare([times[0]!, times[99]!], golden.hks.auto_t_min_max_n100, 1e-6);
    const traces = golden.hks.t_values.map((t: number) =>
      eigenvalues.reduce((sum, value) => sum + Math.exp(-value * t), 0),
    );
    compare(traces, golden.hks.heat_trace, 1e-6);

    const energies = waveEnergies(eigenvalues, golden.wks.n_energies);
    compare(
      [energies.energies[0]!, energies.energies.at(-1)!, energies.sigma],
      [golden.wks.energy_first, golden.wks.energy_last, golden.wks.sigma],
      1e-8,
    );
    const wave = waveKernelSignature(pairs, energies);
    const columns = golden.wks.columns as number[];
    compare(
      selected.flatMap((vertex) => columns.map((column) => wave[vertex * 100 + column]!)),
      golden.wks.unit_weight_at_selected,
      1e-5,
    );

    compare(rowsAt(scaleInvariantSignature(pairs, { perStep: false })), golden.si_hks.at_selected, 1e-5);
    compare(rowsAt(biharmonicSignature(pairs)), golden.bks.at_selected, 1e-6);
    const points = rowsAt(globalPointSignature(pairs));
    const width = points.length / selected.length;
    compare(
      selected.map((_, i) =>
        points.slice(i * width, (i + 1) * width).reduce((sum, value) => sum + value ** 2, 0),
      ),
      golden.gps.squared_norm_at_selected,
      1e-6,
    );
    const first = Array.from({ length: 8 }, (_, i) => points.slice(i * width, (i + 1) * width));
    golden.gps.distances_first8_selected.forEach((row: number[], i: number) => {
      row.forEach((wanted, j) => {
        const ours = Math.hypot(...first[i]!.map((value, c) => value - first[j]![c]!));
        expect(Math.abs(ours - wanted)).toBeLessThan(1e-6 * Math.max(1, wanted));
      });
    });

    const { distances_selected_first8: distances } = golden;
    const sources = selected.slice(0, 8);
    for (const [kind, time] of [
      ['commute_time'],
      ['biharmonic'],
      ['diffusion', distances.diffusion_t],
    ] as const) {
      const table = spectralDistances(pairs, kind === 'diffusion' ? { kind, time } : { kind }, sources);
      const n = vertices.length / 3;
      compare(
        sources.flatMap((_, row) => sources.map((vertex) => table[row * n + vertex]!)),
        distances[kind],
        1e-6,
      );
    }

    // On the sphere the stored products of modes depend on the basis that its solver found: only the sum compares.
    const order = name === 'sphere_ico4' ? 1 : 3;
    const polynomials = golden.bates_sp.corrected_e1_e2_e3_per_t_at_selected as number[][][];
    const stored = polynomials.map((perTime) => perTime.map((values) => values.slice(0, order)));
    compare(rowsAt(symmetricPolynomials(pairs, golden.bates_sp.t_values, order)), stored, 1e-6);
    compare(waveletScales(eigenvalues), golden.sgw.scales, 1e-8);
    for (const kernel of ['mexican_hat', 'heat'] as const) {
      compare(
        rowsAt(waveletSignature(pairs, kernel, golden.sgw.scales)),
        golden.sgw[kernel].corrected_diag_g,
        1e-6,
      );
      compare(
        rowsAt(waveletSignature(pairs, kernel, golden.sgw.scales, true)),
        golden.sgw[kernel].corrected_energy_g2,
        1e-6,
      );
    }

    const { area, volume_divergence_theorem: volume } = golden.geometry;
    compare(shapeDna(eigenvalues, 'area', { area }), golden.shapedna.area, 1e-8);
    compare(shapeDna(eigenvalues, 'fiedler'), golden.shapedna.fiedler, 1e-8);
    compare(shapeDna(eigenvalues, 'volume', { volume }), golden.shapedna.volume_2_3, 1e-8);
    expect(shapeDna(eigenvalues, 'weyl', { area }).at(-1)).toBeCloseTo(golden.shapedna.weyl_ratio_at_99, 8);
  });
});
