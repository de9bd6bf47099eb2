/** Operators and eigenvalues of the open and the folded mesh of reference/spectral, at the tolerances of its README. */
import { beforeAll, describe, expect, test } from 'vitest';

import {
  boundaryVertices,
  diagnoseMesh,
  intrinsicDelaunay,
  laplaceBeltrami,
  meshOperator,
} from '../../src/numerics.js';
import type { Surface } from '../../src/io/index.js';
import { icosphere } from '../support/analytic-meshes.js';
import {
  largeSpectralMesh,
  spectralMesh,
  spectralNumbers,
  worstRelative,
} from '../support/golden-spectral.js';
import { hasReference } from '../support/reference.js';

const MESHES = ['hipp_open_sub03L', 'fsaverage5_pial_left', 'hipp_closed_sub01L'] as const;

describe.skipIf(!hasReference).each(MESHES)('%s (skipped without the reference data)', (name) => {
  const golden = hasReference ? spectralNumbers(name) : undefined;
  let surface: Surface;
  beforeAll(async () => {
    surface = await (name === 'hipp_closed_sub01L' ? spectralMesh(name) : largeSpectralMesh(name));
  });

  test('diagnosis, entries of stiffness and mass, negative weights', () => {
    const { vertices, faces } = surface;
    const { geometry, laplacian } = golden;
    const diagnosis = diagnoseMesh(vertices, faces);
    expect(diagnosis).toMatchObject({
      vertices: geometry.n_vertices,
      faces: geometry.n_faces,
      edges: geometry.n_edges,
      euler_characteristic: geometry.euler,
      is_closed: geometry.closed,
      components: 1,
      unit_guess: 'mm',
    });
    const { stiffness, mass } = meshOperator(vertices, faces);
    const diagonal = (i: number): number => {
      for (let e = stiffness.rowStarts[i]!; ; e++)
        if (stiffness.columnIndices[e] === i) return stiffness.values[e]!;
    };
    const selected: number[] = golden.selected_vertices;
    expect(worstRelative(selected.map(diagonal), laplacian.stiffness_diag_at_selected)).toBeLessThan(1e-11);
    expect(
      worstRelative(
        selected.map((i) => mass.values[i]!),
        laplacian.lumped_mass_at_selected,
      ),
    ).toBeLessThan(1e-11);
    expect(stiffness.values).toHaveLength(laplacian.stiffness_nnz);
    let [trace, negative] = [0, 0];
    for (let i = 0; i < stiffness.rows; i++) {
      trace += diagonal(i);
      for (let e = stiffness.rowStarts[i]!; e < stiffness.rowStarts[i + 1]!; e++) {
        // A positive entry beside the diagonal is a negative weight; rounding is no weight.
        if (stiffness.columnIndices[e]! > i && stiffness.values[e]! > 1e-12) negative++;
      }
    }
    expect(trace / laplacian.stiffness_trace - 1).toBeCloseTo(0, 10);
    const frobenius = Math.sqrt(stiffness.values.reduce((sum, value) => sum + value * value, 0));
    expect(frobenius / laplacian.stiffness_frobenius - 1).toBeCloseTo(0, 10);
    const { mass: consistent } = meshOperator(vertices, faces, { mass: 'consistent' });
    const consistentDiagonal = selected.map((i) => {
      for (let e = consistent.rowStarts[i]!; ; e++)
        if (consistent.columnIndices[e] === i) return consistent.values[e]!;
    });
    expect(worstRelative(consistentDiagonal, laplacian.consistent_mass_diag_at_selected)).toBeLessThan(1e-11);
    expect(Math.abs(negative - laplacian.n_edges_negative_weight)).toBeLessThanOrEqual(2);
  });

  test('intrinsic Delaunay: area kept, eigenvalues to 1e-8; Dirichlet on the open surface', () => {
    const { vertices, faces } = surface;
    const { area, flips } = {
      area: golden.geometry.area as number,
      flips: golden.eigenvalues.intrinsic_delaunay_flips,
    };
    const delaunay = intrinsicDelaunay(vertices, faces);
    const total = delaunay.pair.mass.values.reduce((sum, value) => sum + value, 0);
    expect(total / area - 1).toBeCloseTo(0, 10);
    // The number of flips depends on their order where four vertices lie on a circle.
    expect(Math.abs(delaunay.flips / flips - 1)).toBeLessThan(0.01);
    const { eigenvalues } = laplaceBeltrami(vertices, faces, { k: 30, operator: 'intrinsic_delaunay' });
    const wanted = golden.eigenvalues.intrinsic_delaunay_lumped_first30 as number[];
    expect(worstRelative(eigenvalues.subarray(1), wanted.slice(1))).toBeLessThan(1e-8);
    const consistent = laplaceBeltrami(vertices, faces, { k: 50, mass: 'consistent' });
    const wantedConsistent = golden.eigenvalues.consistent_mass_first50 as number[];
    expect(worstRelative(consistent.eigenvalues.subarray(1), wantedConsistent.slice(1))).toBeLessThan(1e-8);
    if (name === 'hipp_closed_sub01L') {
      const robust = laplaceBeltrami(vertices, faces, { k: 10, operator: 'robust' });
      expect(worstRelative(robust.eigenvalues.subarray(1), wanted.slice(1, 10))).toBeLessThan(1e-8);
    }
    if (name !== 'hipp_open_sub03L') return;
    const { dirichlet } = spectralNumbers('point_cloud_and_dirichlet');
    expect(boundaryVertices(faces)).toHaveLength(dirichlet.n_boundary_vertices);
    const fixed = laplaceBeltrami(vertices, faces, { k: 20, boundary: 'dirichlet' });
    expect(worstRelative(fixed.eigenvalues, dirichlet.eigenvalues)).toBeLessThan(1e-8);
  });
});

test('eigenvalues of finer spheres approach l (l + 1) / R^2 with the square of the edge length', () => {
  const radius = 3;
  const errors = [2, 3, 4].map((levels) => {
    const { vertices, faces } = icosphere(levels, radius);
    const { eigenvalues } = laplaceBeltrami(vertices, faces, { k: 16, mass: 'consistent' });
    return [1, 2, 3].map((l) => {
      const group = eigenvalues.subarray(l * l, (l + 1) * (l + 1));
      const mean = group.reduce((sum, value) => sum + value, 0) / group.length;
      return Math.abs((mean * radius ** 2) / (l * (l + 1)) - 1);
    });
  });
  for (let l = 0; l < 3; l++) {
    for (let level = 1; level < 3; level++) {
      // Halved edges: a fourth of the error is order 2.
      const order = Math.log2(errors[level - 1]![l]! / errors[level]![l]!);
      expect(order).toBeGreaterThan(1.85);
      expect(order).toBeLessThan(2.15);
    }
    expect(errors[2]![l]!).toBeLessThan(0.012);
  }
});
