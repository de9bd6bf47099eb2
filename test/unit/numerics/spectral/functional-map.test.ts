import { describe, expect, test } from 'vitest';

import {
  alignSpectrum,
  derivativeEnergies,
  derivativeWaveSignature,
  functionalMap,
  functionCoefficients,
  KdTree,
  laplaceBeltrami,
  mapOfPoints,
  matrix,
  meshCurvatures,
  meshGeometry,
  meshTopology,
  nearestOrthogonal,
  neighbourBiharmonicSignature,
  pointMap,
  shapeDifferences,
  zoomOut,
  type AlignmentShape,
  type MappedShape,
} from '../../../../src/numerics.js';
import { biharmonicSignature } from '../../../../src/numerics/descriptors/signatures.js';
import { seededRandom } from '../../../../src/numerics/random.js';
import { icosphere, type Mesh } from '../../../support/analytic-meshes.js';

const K = 12;
const sphere = icosphere(2);
/** A body without symmetry; `bend` deforms it a little. */
const body = (bend = 0): Mesh => ({
  faces: sphere.faces,
  vertices: sphere.vertices.map((value, at, all) => {
    const first = at - (at % 3);
    const [x, y, z] = [all[first]!, all[first + 1]!, all[first + 2]!];
    const bump = 1 + 0.25 * x * y + 0.2 * z * z * z + 0.15 * y + bend * Math.sin(2 * x + z);
    return value * [2, 1.4, 1][at % 3]! * bump;
  }),
});

function shapeOf({ vertices, faces }: Mesh): AlignmentShape {
  const { eigenvalues, eigenvectors } = laplaceBeltrami(vertices, faces, { k: K, solver: 'typescript' });
  return { eigenvalues, eigenvectors, vertices, masses: meshGeometry(vertices, faces).barycentricAreas };
}

const reference = shapeOf(body());
const bent = shapeOf(body(0.03));

/** Signs and an exchange of two modes: what another solver, or another subject, may do. */
const scrambled = (shape: AlignmentShape): AlignmentShape => {
  const order = [0, 2, 1, 3, 4, 5, 7, 6, 8, 9, 10, 11];
  return {
    ...shape,
    eigenvectors: shape.eigenvectors.map((_, at) => {
      const column = at % K;
      const from = order[column]!;
      return (column % 2 === 0 ? 1 : -1) * shape.eigenvectors[at - column + from]!;
    }),
  };
};

const flipped = (shape: AlignmentShape): AlignmentShape => ({
  ...shape,
  eigenvectors: shape.eigenvectors.map((value, at) => ((at % K) % 2 === 0 ? value : -value)),
});

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((worst, value, at) => Math.max(worst, Math.abs(value - b[at]!)), 0);

describe('k-d tree', () => {
  const draws = seededRandom(2, 'points');
  const points = Float64Array.from({ length: 300 * 4 }, () => draws.normal());
  const square = (a: number, b: number): number =>
    [0, 1, 2, 3].reduce((sum, c) => sum + (points[4 * a + c]! - points[4 * b + c]!) ** 2, 0);
  const tree = new KdTree(points, 4);

  test('neighbours are those of the full search, also among some points only', () => {
    for (const query of [0, 17, 299]) {
      const order = Array.from({ length: 300 }, (_, i) => i).sort(
        (a, b) => square(a, query) - square(b, query),
      );
      expect(tree.nearest(points, query, 7).points).toEqual(order.slice(0, 7));
      const radius = Math.sqrt(square(order[20]!, query)) + 1e-9;
      expect(tree.within(points, query, radius).points.sort()).toEqual(order.slice(0, 21).sort());
      const odd = Int32Array.from({ length: 150 }, (_, i) => 2 * i + 1);
      expect(new KdTree(points, 4, odd).nearest(points, query, 3).points).toEqual(
        order.filter((i) => i % 2 === 1).slice(0, 3),
      );
    }
  });

  test('no points, fewer than asked for, and points at one place', () => {
    expect(new KdTree(new Float64Array(0), 3).nearest(points, 0, 2).points).toEqual([]);
    expect(new KdTree(new Float64Array(60), 3).nearest(new Float64Array(3), 0, 3).points).toEqual([0, 1, 2]);
    expect(new KdTree(Float64Array.of(1, 2, 3), 3).nearest(new Float64Array(3), 0, 5).points).toEqual([0]);
  });
});

describe('functional maps', () => {
  test('a surface to itself: the identity, from functions and from points; area and conformal difference are too', () => {
    const draws = seededRandom(5, 'functions');
    const table = Float64Array.from({ length: reference.masses.length * 20 }, () => draws.normal());
    const own = functionCoefficients(reference, table);
    const map = functionalMap(own, own, { ridge: 1e-12, commutativity: 0 });
    const identity = matrix(K, K);
    for (let i = 0; i < K; i++) identity.values[i * K + i] = 1;
    expect(distance(map.values, identity.values)).toBeLessThan(1e-8);
    expect([...pointMap(identity, reference, reference)]).toEqual(Array.from(reference.masses, (_, x) => x));
    const everyone = Int32Array.from(reference.masses, (_, x) => x);
    expect(
      distance(mapOfPoints(everyone, reference, reference, [K, K]).values, identity.values),
    ).toBeLessThan(1e-12);
    const differences = shapeDifferences(identity, reference.eigenvalues, reference.eigenvalues);
    expect(distance(differences.areaEigenvalues, new Float64Array(K).fill(1))).toBeLessThan(1e-12);
    expect(distance(differences.conformalEigenvalues, new Float64Array(K - 1).fill(1))).toBeLessThan(1e-12);
  });

  test('scaling by 3: the conformal difference stays, since energies in the plane do not change', () => {
    const { vertices, faces } = body();
    const large = shapeOf({ vertices: vertices.map((value) => 3 * value), faces });
    const everyone = Int32Array.from(reference.masses, (_, x) => x);
    const map = mapOfPoints(everyone, reference, large, [K, K]);
    const signs = map.values.map(Math.abs);
    for (let i = 0; i < K; i++) expect(signs[i * K + i]).toBeCloseTo(3, 8);
    const { areaEigenvalues, conformalEigenvalues } = shapeDifferences(
      map,
      reference.eigenvalues,
      large.eigenvalues,
    );
    areaEigenvalues.forEach((value) => expect(value).toBeCloseTo(9, 7));
    conformalEigenvalues.forEach((value) => expect(value).toBeCloseTo(1, 8));
  });

  test('a rectangular map, and what does not fit', () => {
    const source = matrix(3, 2, [1, 0, 0, 1, 1, 1]);
    const target = matrix(2, 2, [1, 2, 3, 4]);
    const map = functionalMap(source, target, { commutativity: 0, ridge: 1e-9 });
    expect([map.rows, map.columns]).toEqual([2, 3]);
    expect(() => functionalMap(source, matrix(2, 1), { commutativity: 0 })).toThrow(
      '3 x 2 and 2 x 1 coefficients',
    );
    expect(() => functionalMap(source, target)).toThrow('with 0 and 0 eigenvalues');
    expect(() => shapeDifferences(map, [0, 1], [0, 1])).toThrow('2 and 2 eigenvalues for a 2 x 3 map');
    expect(() => functionCoefficients(reference, [1, 2])).toThrow('2 values and');
  });

  test('the nearest orthogonal matrix of an orthogonal one is itself', () => {
    const [c, s] = [Math.cos(0.3), Math.sin(0.3)];
    const turn = [c, -s, s, c];
    expect(
      distance(
        nearestOrthogonal(
          matrix(
            2,
            2,
            turn.map((value) => 5 * value),
          ),
        ).values,
        turn,
      ),
    ).toBeLessThan(1e-14);
  });
});

describe('alignment', () => {
  test('signs and exchanged modes of a surface are undone exactly', () => {
    const { eigenvectors, agreement, singularValues } = alignSpectrum(scrambled(reference), reference, {
      start: 'vertices',
    });
    expect(distance(eigenvectors, reference.eigenvectors)).toBeLessThan(1e-9);
    expect(agreement[0]).toBeCloseTo(1, 12);
    expect(agreement[1]).toBeCloseTo(0, 12);
    singularValues.forEach((value) => expect(value).toBeCloseTo(1, 10));
  });

  test.each(['vertices', 'coordinates', 'descriptors'] as const)(
    'a deformed surface, start %s: the result is orthonormal, near the reference, and knows nothing of signs',
    (start) => {
      const options = { start, startSize: 6 };
      const plain = alignSpectrum(bent, reference, options);
      // Signatures rest on pairs of values and vectors: there only signs may change.
      const other = alignSpectrum(
        start === 'descriptors' ? flipped(bent) : scrambled(bent),
        reference,
        options,
      );
      expect(distance(plain.eigenvectors, other.eigenvectors)).toBeLessThan(1e-8);
      const n = bent.masses.length;
      for (let i = 0; i < K; i++) {
        let [square, overlap] = [0, 0];
        for (let x = 0; x < n; x++) {
          square += bent.masses[x]! * plain.eigenvectors[x * K + i]! ** 2;
          overlap += bent.masses[x]! * plain.eigenvectors[x * K + i]! * reference.eigenvectors[x * K + i]!;
        }
        expect(square).toBeCloseTo(1, 10);
        expect(overlap).toBeGreaterThan(start === 'vertices' ? 0.95 : 0.8);
      }
    },
  );

  test('a vertex in no triangle takes no part', () => {
    const { vertices, faces } = body();
    const loose = shapeOf({ vertices: Float64Array.of(...vertices, 50, 50, 50), faces });
    const { points, eigenvectors } = alignSpectrum(loose, reference, { refine: false });
    expect(points.at(-1)).toBe(-1);
    expect(eigenvectors.at(-1)).toBeNaN();
    expect(distance(eigenvectors.subarray(0, -K), reference.eigenvectors)).toBeLessThan(1e-9);
  });

  test('what does not fit is refused', () => {
    const { eigenvalues, eigenvectors, masses } = reference;
    const blind = { eigenvalues, eigenvectors, masses };
    expect(() => alignSpectrum(blind, reference)).toThrow(
      "the start 'coordinates' needs the vertices of both surfaces",
    );
    const small = shapeOf(icosphere(1));
    expect(() => alignSpectrum(small, reference, { start: 'vertices' })).toThrow(
      '42 vertices and 162 of the reference do not correspond by number',
    );
    expect(() => alignSpectrum({ ...small, eigenvalues: [0] }, reference)).toThrow(
      '1 modes for 12 of the reference',
    );
  });
});

describe('signatures of differences and of neighbours', () => {
  test('an operator that is the identity gives the mean of the squared modes at every energy', () => {
    const identity = matrix(K, K);
    for (let i = 0; i < K; i++) identity.values[i * K + i] = 2;
    const energies = derivativeEnergies([2, 2], 5);
    const values = derivativeWaveSignature(reference, identity, energies);
    for (let x = 0; x < 162; x += 13) {
      const row = reference.eigenvectors.subarray(x * K, (x + 1) * K);
      const mean = row.reduce((sum, value) => sum + value * value, 0) / K;
      for (let e = 0; e < 5; e++) expect(values[x * 5 + e]).toBeCloseTo(mean, 12);
    }
  });

  test('signs of the modes do not matter when the operator follows them', () => {
    const everyone = Int32Array.from(reference.masses, (_, x) => x);
    const at = (source: AlignmentShape): Float64Array => {
      const map = mapOfPoints(everyone, source, bent, [K, K]);
      const { conformal, conformalEigenvalues } = shapeDifferences(map, source.eigenvalues, bent.eigenvalues);
      return derivativeWaveSignature(source, conformal, derivativeEnergies(conformalEigenvalues, 8), {
        skipped: 1,
      });
    };
    expect(distance(at(flipped(reference)), at(reference))).toBeLessThan(1e-12);
    expect(() =>
      derivativeWaveSignature(reference, matrix(K, K), derivativeEnergies([1], 3), { skipped: 1 }),
    ).toThrow('an operator of 12 x 12 in 12 modes');
    const many = Float64Array.from({ length: 200_000 }, (_, i) => 1 + (i % 2));
    expect(derivativeEnergies(many, 8)).toEqual(derivativeEnergies([1, 2], 8));
    expect(() => derivativeEnergies([0])).toThrow('the difference operator has no eigenvalue above 0');
  });

  test('neighbours on a sphere weigh 4 pi alpha; without curvature nothing is added; scale divides out', () => {
    const { vertices, faces } = icosphere(3);
    const spectrum = laplaceBeltrami(vertices, faces, { k: 9, solver: 'typescript' });
    const topology = meshTopology(faces, vertices.length / 3);
    const { gaussian } = meshCurvatures(vertices, faces);
    const { area } = meshGeometry(vertices, faces);
    const plain = biharmonicSignature(spectrum);
    const values = neighbourBiharmonicSignature(spectrum, gaussian, area, topology);
    values.forEach((value, x) => expect(value / plain[x]!).toBeCloseTo(1 + 0.1 * 4 * Math.PI, 1));
    const none = neighbourBiharmonicSignature(
      spectrum,
      gaussian.map(() => NaN),
      area,
      topology,
    );
    expect(none).toEqual(plain);
    expect(() => neighbourBiharmonicSignature(spectrum, [1], area, topology)).toThrow('1 curvatures');
    expect(() => neighbourBiharmonicSignature(spectrum, gaussian, area, topology, { rings: 0 })).toThrow(
      '0 rings',
    );
  });
});

test('ZoomOut over a sample of vertices finds the points that all of them find, or their neighbours', () => {
  const k = 24;
  const fine = icosphere(4);
  const n = fine.vertices.length / 3;
  const vertices = fine.vertices.map((value, at, all) => {
    const first = at - (at % 3);
    const [x, y, z] = [all[first]!, all[first + 1]!, all[first + 2]!];
    return value * [2, 1.4, 1][at % 3]! * (1 + 0.25 * x * y + 0.2 * z * z * z + 0.15 * y);
  });
  const { eigenvalues, eigenvectors } = laplaceBeltrami(vertices, fine.faces, { k });
  const source: MappedShape = {
    eigenvalues,
    eigenvectors,
    masses: meshGeometry(vertices, fine.faces).barycentricAreas,
  };
  // The same surface with other numbers and other signs.
  const order = Int32Array.from({ length: n }, (_, i) => (5 * i + 1) % n);
  const other = new Float64Array(n * k);
  const masses = new Float64Array(n);
  order.forEach((to, from) => {
    masses[to] = source.masses[from]!;
    for (let j = 0; j < k; j++) {
      other[to * k + j] = (j % 3 === 0 ? -1 : 1) * eigenvectors[from * k + j]!;
    }
  });
  const target: MappedShape = { eigenvalues, eigenvectors: other, masses };
  const truth = new Int32Array(n);
  order.forEach((to, from) => (truth[to] = from));
  const start = mapOfPoints(truth, source, target, [8, 8]);
  const by = (samples?: number) =>
    zoomOut(start, source, target, { size: k, step: 8, ...(samples === undefined ? {} : { samples }) });
  const [all, most, some] = [by(), by(1500), by(600)];
  expect(all.points).toEqual(truth);
  expect(most.points).toEqual(truth);
  most.map.values.forEach((value, at) => expect(value).toBeCloseTo(all.map.values[at]!, 9));
  // Few samples lie at the same places on both surfaces: a vertex here and there is taken for its neighbour.
  expect(some.points.filter((vertex, i) => vertex !== truth[i]).length).toBeLessThan(0.1 * n);
  some.map.values.forEach((value, at) => {
    expect(Math.abs(value - all.map.values[at]!)).toBeLessThan(0.05);
  });
});
