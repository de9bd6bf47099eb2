/** Descriptors that need no eigenpairs, against reference/spectral at the tolerances of its README. */
import { beforeAll, describe, expect, test } from 'vitest';

import type { Surface } from '../../src/io/index.js';
import {
  ballFractions,
  boxCounts,
  curvedness,
  distanceScalars,
  EdgeGeodesics,
  eulerCurves,
  heightDiagrams,
  meshCurvatures,
  meshGeometry,
  meshTopology,
  mixedVoronoiAreas,
  shapeDiameter,
  shapeIndex,
  willmoreEnergy,
  zernikeDescriptor,
} from '../../src/numerics.js';
import { worstRelative, SPECTRAL_MESHES, spectralMesh, spectralNumbers } from '../support/golden-spectral.js';
import { hasReference } from '../support/reference.js';

describe.skipIf(!hasReference).each(SPECTRAL_MESHES)('%s (skipped without the reference data)', (name) => {
  const golden = hasReference ? spectralNumbers(name) : undefined;
  const selected: number[] = golden?.selected_vertices ?? [];
  const at = (values: ArrayLike<number>): number[] => selected.map((vertex) => values[vertex]!);
  let surface: Surface;
  beforeAll(async () => {
    surface = await spectralMesh(name);
  });

  test('area, volume, Voronoi areas', () => {
    const { area, volume } = meshGeometry(surface.vertices, surface.faces);
    const { geometry, laplacian } = golden;
    expect(worstRelative([area, volume], [geometry.area, geometry.volume_divergence_theorem])).toBeLessThan(
      1e-11,
    );
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
      expect(worstRelative(at(ours), theirs)).toBeLessThan(1e-8);
    }
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
    expect(worstRelative(at(distances), golden.geodesic.dijkstra_edge_graph_at_selected)).toBeLessThan(1e-10);
    if (name !== 'sphere_ico4') return;
    const { barycentricAreas } = meshGeometry(surface.vertices, surface.faces);
    const scalars = distanceScalars((source) => geodesics.from([source]), barycentricAreas, Infinity);
    expect(worstRelative(at(scalars.average), golden.agd.at_selected)).toBeLessThan(1e-10);
    expect(worstRelative(at(scalars.eccentricity), golden.eccentricity.at_selected)).toBeLessThan(1e-10);
  });

  test('shape diameter to 1e-6, ball fractions to 0.02', () => {
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

  test('Zernike to 1e-8', () => {
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
