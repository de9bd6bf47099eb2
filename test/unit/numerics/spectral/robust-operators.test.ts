import { describe, expect, test } from 'vitest';

import {
  cloudLaplaceBeltrami,
  cloudOperator,
  cloudThickness,
  describeSurface,
  DescriptorSettings,
  diagnoseCloud,
  gaussianCloudOperator,
  laplaceBeltrami,
  meshOperator,
  operatorSpectrum,
  robustOperator,
  sparseMultiply,
} from '../../../../src/numerics.js';
import { icosphere, rotated } from '../../../support/analytic-meshes.js';
import { spectralMesh, spectralNumbers, worstRelative } from '../../../support/golden-spectral.js';
import { grid } from '../../../support/meshes.js';
import { hasReference } from '../../../support/reference.js';

const solver = 'typescript';
const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);

describe('tufted cover', () => {
  const sphere = icosphere(3);
  const stretched = sphere.vertices.map((value, at) => value * [2.5, 1, 0.7][at % 3]!);

  test('on a closed manifold it is the intrinsic Delaunay operator, in any orientation of the triangles', () => {
    const wanted = laplaceBeltrami(stretched, sphere.faces, { k: 8, operator: 'intrinsic_delaunay', solver });
    const mixed = sphere.faces.slice();
    for (let t = 0; t < mixed.length; t += 9) mixed.set([mixed[t + 1]!, mixed[t]!], t);
    for (const faces of [sphere.faces, mixed]) {
      const { eigenvalues } = laplaceBeltrami(stretched, faces, { k: 8, operator: 'robust', solver });
      for (let i = 1; i < 8; i++) expect(eigenvalues[i]! / wanted.eigenvalues[i]!).toBeCloseTo(1, 10);
    }
  });

  test('acute triangles listed twice count twice in stiffness and mass: eigenvalues stay', () => {
    const twice = [...sphere.faces, ...sphere.faces];
    const one = robustOperator(sphere.vertices, sphere.faces).pair;
    const two = robustOperator(sphere.vertices, twice).pair;
    expect(total(two.mass.values) / total(one.mass.values)).toBeCloseTo(2, 12);
    const spectra = [one, two].map((pair) => operatorSpectrum(pair, { k: 6, solver }).eigenvalues);
    for (let i = 1; i < 6; i++) expect(spectra[1]![i]! / spectra[0]![i]!).toBeCloseTo(1, 10);
  });

  test('three sheets at one edge: no negative weight, rows sum to 0, the area is kept', () => {
    // A book of three pages with obtuse triangles.
    const vertices = [0, 0, 0, 4, 0, 0];
    const faces: number[] = [];
    for (let page = 0; page < 3; page++) {
      const angle = (2 * Math.PI * page) / 3;
      vertices.push(2, 0.4 * Math.cos(angle), 0.4 * Math.sin(angle));
      vertices.push(2, 1.5 * Math.cos(angle), 1.5 * Math.sin(angle));
      faces.push(0, 1, 2 + 2 * page, 0, 2 + 2 * page, 3 + 2 * page, 1, 3 + 2 * page, 2 + 2 * page);
    }
    const { stiffness, mass } = robustOperator(vertices, faces).pair;
    expect(total(mass.values)).toBeCloseTo(meshOperator(vertices, faces).area, 9);
    const sums = sparseMultiply(stiffness, new Float64Array(8).fill(1));
    expect(Math.max(...sums.map(Math.abs))).toBeLessThan(1e-12);
    const isNegative = (operator: typeof stiffness): boolean =>
      operator.values.some((value, e) => {
        const row = operator.rowStarts.findLastIndex((start) => start <= e);
        return operator.columnIndices[e] !== row && value > 1e-9;
      });
    expect(isNegative(meshOperator(vertices, faces).stiffness)).toBe(true);
    expect(isNegative(stiffness)).toBe(false);
  });

  test('an open sheet has its eigenvalues; nothing at all gives nothing', () => {
    const { vertices, faces } = grid(20, 16, 1.25, 1);
    const { eigenvalues } = laplaceBeltrami(vertices, faces, { k: 4, operator: 'robust', solver });
    [0.64, 1, 1.64].forEach((sum, i) => expect(eigenvalues[i + 1]! / (Math.PI ** 2 * sum)).toBeCloseTo(1, 1));
    expect(robustOperator([0, 0, 0], []).flips).toBe(0);
  });
});

describe('point clouds', () => {
  const { vertices } = icosphere(3);

  test('points of a sphere: l (l + 1), and an area near 4 pi', () => {
    const pair = cloudOperator(vertices);
    expect(total(pair.mass.values) / (4 * Math.PI)).toBeCloseTo(1, 1);
    const { eigenvalues } = operatorSpectrum(pair, { k: 9, solver });
    expect(eigenvalues[0]).toBe(0);
    for (let i = 1; i < 9; i++) expect(eigenvalues[i]! / (i < 4 ? 2 : 6)).toBeCloseTo(1, 1);
  });

  test('rotation and renumbering leave eigenvalues, scaling divides them by the square', () => {
    // Shifted a little, so that no four points lie on a circle: there the triangles may be chosen either way.
    const bumpy = vertices.map((value, at) => value * [1, 1.3, 0.8][at % 3]! + 0.01 * Math.sin(7 * at));
    const n = bumpy.length / 3;
    const turned = rotated({ vertices: bumpy, faces: new Int32Array() }, [0.4, 1, 2]).vertices;
    const moved = new Float64Array(turned.length);
    for (let i = 0; i < n; i++) {
      moved.set(
        turned.subarray(3 * i, 3 * i + 3).map((value) => 5 * value),
        3 * ((i * 101) % n),
      );
    }
    const [one, two] = [bumpy, moved].map(
      (points) => operatorSpectrum(cloudOperator(points), { k: 5, solver }).eigenvalues,
    );
    for (let i = 1; i < 5; i++) expect((25 * two![i]!) / one![i]!).toBeCloseTo(1, 6);
  });

  test('the Gaussian operator of a sphere: near l (l + 1), below it by the order of epsilon', () => {
    const { vertices: points } = icosphere(3);
    const n = points.length / 3;
    const { eigenvalues } = operatorSpectrum(
      gaussianCloudOperator(points, { epsilon: 0.01, areas: (4 * Math.PI) / n }),
      { k: 9, solver },
    );
    expect(Math.abs(eigenvalues[0]!)).toBeLessThan(1e-12);
    for (let i = 1; i < 4; i++) expect(eigenvalues[i]! / 2).toBeCloseTo(1, 1);
    for (let i = 4; i < 9; i++) expect(eigenvalues[i]! / 6).toBeCloseTo(1, 1);
  });

  test('eigenpairs with the area of every point: they add up to the area, and k and mass are taken', () => {
    const { eigenvalues, areas, area, warnings, components } = cloudLaplaceBeltrami(vertices, {
      k: 5,
      solver,
    });
    expect(areas).toHaveLength(vertices.length / 3);
    expect(total(areas)).toBeCloseTo(area, 12);
    expect(area / (4 * Math.PI)).toBeCloseTo(1, 1);
    expect([eigenvalues.length, components, warnings]).toEqual([5, 1, []]);
    const consistent = cloudLaplaceBeltrami(vertices, { k: 5, mass: 'consistent', solver });
    expect(consistent.area / area).toBeCloseTo(1, 12);
    expect(consistent.eigenvalues[4]).toBeGreaterThan(eigenvalues[4]!);
    const twins = [...vertices, ...vertices.map((value, at) => value + (at % 3 === 0 ? 9 : 0))];
    const apart = cloudLaplaceBeltrami(twins, { k: 4, solver });
    expect([...apart.eigenvalues.subarray(0, 2), ...apart.warnings]).toEqual([
      0,
      0,
      'the points fall into 2 connected parts, and there are as many eigenvalues 0',
    ]);
  });

  test('points of a surface are thin, points of a volume are not', () => {
    expect(cloudThickness(vertices)).toBeLessThan(0.2);
    const solid = Float64Array.from(
      { length: 3000 },
      (_, at) => ((at + 1) * [0.754878, 0.56984, 0.41964][at % 3]!) % 1,
    );
    expect(cloudThickness(solid)).toBeGreaterThan(0.5);
    expect(diagnoseCloud(solid, cloudThickness(solid)).findings.map(({ code }) => code)).toEqual([
      'point_cloud',
      'solid',
      'units',
    ]);
    expect(diagnoseCloud([0, 0, NaN, 1, 1, 1], null).findings[0]).toMatchObject({
      code: 'non_finite',
      severity: 'error',
      message: '1 vertex with a coordinate that is not finite',
    });
    expect(diagnoseCloud([], null).findings[0]).toMatchObject({ code: 'empty', severity: 'error' });
  });

  test('descriptors of the spectrum of a cloud are those of its sphere; descriptors of triangles are refused', () => {
    const points = vertices.map((value) => 10 * value);
    const { areas, area, ...spectrum } = cloudLaplaceBeltrami(points, { k: 9, solver });
    const subject = { vertices: points, faces: new Int32Array(), spectrum, areas };
    const settings = DescriptorSettings.parse({ hks_times: 3 });
    const hks = describeSurface('hks', subject, { settings, range: null });
    // At area 1 heat at a point of a sphere is the same everywhere: its mean is the trace over the area.
    const t = (hks.parameters['times'] as number[])[1]!;
    const trace = spectrum.eigenvalues.reduce((sum, value) => sum + Math.exp(-value * area * t), 0);
    expect(hks.features.find(({ name }) => name === 't2_mean')!.value / trace).toBeCloseTo(1, 9);
    const dna = describeSurface('shapedna', subject, { settings, range: null }).values;
    for (const value of dna.subarray(0, 3)) expect(value / (8 * Math.PI)).toBeCloseTo(1, 1);
    expect(() => describeSurface('sdf', subject, { settings, range: null })).toThrow(
      'sdf needs triangles, and a point cloud has none',
    );
    const byVolume = DescriptorSettings.parse({ shapedna_normalisation: 'volume' });
    expect(() => describeSurface('shapedna', subject, { settings: byVolume, range: null })).toThrow(
      'normalisation by volume needs a closed surface',
    );
    expect(() => describeSurface('hks', { ...subject, areas: null }, { settings, range: null })).toThrow(
      'a point cloud of 642 points has 0 areas',
    );
  });

  test.skipIf(!hasReference)(
    'the Gaussian operator of the golden sphere (skipped without the reference data)',
    async () => {
      const { vertices: points } = await spectralMesh('sphere_ico4');
      const { belkin_niyogi_corrected_all_pairs: all } =
        spectralNumbers('point_cloud_and_dirichlet').point_cloud_sphere;
      const { eps, area_per_point: areas, eigenvalues: wanted } = all[0];
      // 10 roots of epsilon: what lies beyond weighs 1e-11.
      const pair = gaussianCloudOperator(points, { epsilon: eps, areas, reach: 10 });
      const { eigenvalues } = operatorSpectrum(pair, { k: wanted.length });
      expect(Math.abs(eigenvalues[0]!)).toBeLessThan(1e-10);
      expect(worstRelative(eigenvalues.subarray(1), wanted.slice(1))).toBeLessThan(1e-8);
    },
  );

  test('what is no cloud is refused', () => {
    expect(() => cloudOperator([0, 0])).toThrow('2 numbers are no rows of three');
    expect(() => cloudOperator([0, 0, NaN])).toThrow('point 0 has the coordinate NaN');
    expect(() => cloudOperator([0, 0, 0, 1, 1, 1])).toThrow('2 points are no neighbourhood');
    expect(() => gaussianCloudOperator([0, 0, 0], { epsilon: 0, areas: 1 })).toThrow(
      'epsilon 0 and 1 areas for 1 points',
    );
  });
});
