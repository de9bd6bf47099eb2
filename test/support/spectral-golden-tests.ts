/** What is compared with the numbers of reference/spectral, for any of its meshes, at the tolerances of its README. */
import { beforeAll, describe, expect, test } from 'vitest';

import type { Surface } from '../../src/io/index.js';
import {
  ballFractions,
  biharmonicSignature,
  boxCounts,
  curvedness,
  distanceScalars,
  EdgeGeodesics,
  eulerCurves,
  globalPointSignature,
  heatKernelSignature,
  heatTimes,
  heightDiagrams,
  laplaceBeltrami,
  meshCurvatures,
  meshGeometry,
  meshTopology,
  mixedVoronoiAreas,
  scaleInvariantSignature,
  shapeDiameter,
  shapeDna,
  shapeIndex,
  spectralDistances,
  symmetricPolynomials,
  waveEnergies,
  waveKernelSignature,
  waveletScales,
  waveletSignature,
  willmoreEnergy,
  zernikeDescriptor,
} from '../../src/numerics.js';
import { goldenMesh, spectralNumbers, worstRelative, type GoldenMesh } from './golden-spectral.js';
import { hasReference } from './reference.js';

/** Signatures, distances and ShapeDNA. */
export function signatureTests(names: readonly GoldenMesh[]): void {
  describe.skipIf(!hasReference).each(names)('%s (skipped without the reference data)', (name) => {
    test('every signature at the selected vertices', async () => {
      const golden = spectralNumbers(name);
      const { vertices, faces } = await goldenMesh(name);
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
      const norms = (table: Float64Array, of: number[], width: number): number[] =>
        of.map((column) =>
          Math.sqrt(table.reduce((sum, value, at) => (at % width === column ? sum + value * value : sum), 0)),
        );
      const heat = heatKernelSignature(pairs, golden.hks.t_values);
      const heatColumns = Object.keys(golden.hks.t_values).map(Number);
      compare(norms(heat, heatColumns, heatColumns.length), golden.hks.l2_column_norms_over_vertices, 1e-6);
      const scaled = heatKernelSignature(pairs, golden.hks.t_values, 'l2');
      for (const norm of norms(scaled, heatColumns, heatColumns.length)) expect(norm).toBeCloseTo(1, 10);
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
      compare(norms(wave, columns, 100), golden.wks.l2_column_norms_for_columns, 1e-5);

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
      if (golden.geometry.closed === true) {
        compare(shapeDna(eigenvalues, 'volume', { volume }), golden.shapedna.volume_2_3, 1e-8);
      }
      expect(shapeDna(eigenvalues, 'weyl', { area }).at(-1)).toBeCloseTo(golden.shapedna.weyl_ratio_at_99, 8);
    });
  });
}

/** Descriptors that need no eigenpairs. */
export function shapeTests(names: readonly GoldenMesh[]): void {
  describe.skipIf(!hasReference).each(names)('%s (skipped without the reference data)', (name) => {
    const golden = hasReference ? spectralNumbers(name) : undefined;
    const selected: number[] = golden?.selected_vertices ?? [];
    const at = (values: ArrayLike<number>): number[] => selected.map((vertex) => values[vertex]!);
    const isClosed: boolean = golden?.geometry.closed ?? true;
    let surface: Surface;
    beforeAll(async () => {
      surface = await goldenMesh(name);
    });

    test('area, volume, Voronoi areas', () => {
      const { area, volume, vertexNormals } = meshGeometry(surface.vertices, surface.faces);
      const normals = selected.flatMap((vertex) => [...vertexNormals.subarray(3 * vertex, 3 * vertex + 3)]);
      golden.geometry.normal_at_selected_area_weighted.flat().forEach((value: number, i: number) => {
        expect(Math.abs(normals[i]! - value)).toBeLessThan(1e-10);
      });
      const { geometry, laplacian } = golden;
      const wanted = [geometry.area, ...(isClosed ? [geometry.volume_divergence_theorem] : [])];
      expect(worstRelative(isClosed ? [area, volume] : [area], wanted)).toBeLessThan(1e-11);
      const areas = mixedVoronoiAreas(surface.vertices, surface.faces);
      expect(worstRelative(at(areas), laplacian.mixed_voronoi_area_at_selected)).toBeLessThan(1e-11);
      expect(areas.reduce((a, b) => a + b, 0) / laplacian.mixed_voronoi_sum - 1).toBeCloseTo(0, 11);
    });

    test('curvatures to 1e-8', () => {
      const { curvature } = golden;
      const curvatures = meshCurvatures(surface.vertices, surface.faces);
      const voronoi = meshCurvatures(surface.vertices, surface.faces, 'voronoi');
      for (const [ours, theirs] of [
        [curvatures.gaussian, curvature.gaussian_angle_defect_over_barycentric_area],
        [voronoi.gaussian, curvature.gaussian_over_mixed_voronoi],
        [curvatures.mean, curvature.mean_signed_outward_normal_positive_convex],
        [voronoi.mean, curvature.mean_signed_mixed_voronoi],
        [curvatures.kappa1, curvature.kappa1],
        [curvatures.kappa2, curvature.kappa2],
        [shapeIndex(curvatures), curvature.shape_index_corrected],
        [curvedness(curvatures), curvature.curvedness],
      ] as const) {
        // At a boundary ours are NaN; the stored ones are meaningless there.
        const isInner = (i: number): boolean => curvatures.boundary[selected[i]!] === 0;
        const [own, stored] = [at(ours), theirs as number[]].map((row) => row.filter((_, i) => isInner(i)));
        expect(worstRelative(own!, stored!)).toBeLessThan(1e-8);
      }
      if (!isClosed) return;
      expect(curvatures.clamped).toBe(curvature.n_vertices_H2_lt_K_clamped);
      const { meanSquared } = willmoreEnergy(curvatures);
      expect(meanSquared / curvature.willmore_energy_barycentric - 1).toBeCloseTo(0, 8);
    });

    test('distances along edges to 1e-10; on the sphere also their mean and their largest', () => {
      const geodesics = new EdgeGeodesics(
        surface.vertices,
        meshTopology(surface.faces, surface.vertices.length / 3),
      );
      const distances = geodesics.from([golden.geodesic.source]);
      expect(worstRelative(at(distances), golden.geodesic.dijkstra_edge_graph_at_selected)).toBeLessThan(
        1e-10,
      );
      if (name !== 'sphere_ico4') return;
      const { barycentricAreas } = meshGeometry(surface.vertices, surface.faces);
      const scalars = distanceScalars((source) => geodesics.from([source]), barycentricAreas, Infinity);
      expect(worstRelative(at(scalars.average), golden.agd.at_selected)).toBeLessThan(1e-10);
      expect(worstRelative(at(scalars.eccentricity), golden.eccentricity.at_selected)).toBeLessThan(1e-10);
    });

    test.skipIf(!isClosed)('shape diameter to 1e-6, ball fractions to 0.02', () => {
      interface Diameter {
        readonly vertex: number;
        readonly weighted_diameter: number;
      }
      const diameters: Diameter[] = golden.sdf.values;
      const ours = shapeDiameter(surface.vertices, surface.faces, {
        vertices: diameters.map(({ vertex }) => vertex),
      });
      expect(
        worstRelative(
          ours,
          diameters.map((entry) => entry.weighted_diameter),
        ),
      ).toBeLessThan(1e-6);
      interface Fraction {
        readonly vertex: number;
        readonly fraction: number[];
      }
      const { radii, ball_volume_fraction: rows }: { radii: number[]; ball_volume_fraction: Fraction[] } =
        golden.integral_invariant;
      const fractions = ballFractions(surface.vertices, surface.faces, radii, {
        vertices: rows.map(({ vertex }) => vertex),
      });
      rows
        .flatMap(({ fraction }) => fraction)
        .forEach((wanted, i) => {
          expect(Math.abs(fractions[i]! - wanted)).toBeLessThan(0.02);
        });
    });

    test.skipIf(!isClosed)('Zernike to 1e-8', () => {
      const { values, orders } = zernikeDescriptor(surface.vertices, surface.faces, 8);
      const wanted = orders.map(([n, l]) => golden.zernike_3d.F_nl[`${n},${l}`] as number);
      values.forEach((value, i) => expect(Math.abs(value - wanted[i]!)).toBeLessThan(1e-8));
      expect(values).toHaveLength(Object.keys(golden.zernike_3d.F_nl).length);
    });

    test('Euler curves exactly, height diagrams: counts exactly, values to 1e-8', () => {
      const { curves } = eulerCurves(surface.vertices, surface.faces);
      expect([...curves]).toEqual(golden.ect.curves.flat());
      heightDiagrams(surface.vertices, surface.faces).forEach((diagram, i) => {
        const wanted = golden.pht_h0.directions[i];
        expect(diagram.components.length / 2).toBe(wanted.n_pairs);
        expect(diagram.essentialBirths[0]).toBeCloseTo(wanted.essential_birth, 8);
        wanted.top10_birth_death.flat().forEach((value: number, j: number) => {
          expect(Math.abs(diagram.components[j]! - value)).toBeLessThan(1e-8);
        });
      });
    });

    test('box counts exactly', () => {
      const { counts, dimension } = boxCounts(surface.vertices, surface.faces);
      expect(counts).toEqual(golden.fractal_dim.counts);
      expect(dimension).toBeCloseTo(golden.fractal_dim.dimension_lsq_slope, 10);
    });
  });
}
