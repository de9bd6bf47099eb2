/** Every flag of every descriptor, by applying the transformation. */
import { describe, expect, test } from 'vitest';

import {
  anisotropicOperator,
  DESCRIPTOR_IDS,
  DESCRIPTORS,
  derivativeEnergies,
  derivativeWaveSignature,
  DescriptorSettings,
  describeSurface,
  faceDirections,
  functionCoefficients,
  isDescriptorOfOneSurface,
  laplaceBeltrami,
  meshGeometry,
  operatorSpectrum,
  principalDirections,
  rangeOf,
  shapeDifferences,
  spectralDistances,
  weightedSpectralDistance,
  type DescriptorInfo,
  type DescriptorResult,
  type DescriptorType,
  type EigenSpectrum,
  type Invariances,
} from '../../../../src/numerics.js';
import { icosphere, rotated, type Mesh } from '../../../support/analytic-meshes.js';

const SETTINGS = DescriptorSettings.parse({
  normalisation: 'none',
  align: 'none',
  hks_times: 6,
  wks_energies: 6,
  polynomial_times: 2,
  gps_pairs: 400,
  sdf_rays: 120,
  integral_directions: 400,
  pht_shortest: 0.001,
  zernike_order: 5,
  asmwd_directions: 2,
  asmwd_k: 12,
  shapedna_normalisation: 'area',
});
const K = 16;

/**
 * A closed surface without symmetry, all coordinates whole multiples of 2^-12; above a plane ring it points out or, with the same
 * lengths of all edges, in.
 */
function vase(sign: 1 | -1): Mesh {
  const [rings, around, plane] = [9, 14, 3];
  const height = (ring: number): number => 8 * Math.cos((Math.PI * ring) / rings);
  const vertices: number[] = [];
  const put = (x: number, y: number, z: number): void => {
    const level = height(plane);
    const folded = z > level ? level + sign * (z - level) : z;
    vertices.push(...[x, y, folded].map((value) => Math.round(value * 4096) / 4096));
  };
  put(0, 0, height(0));
  for (let ring = 1; ring < rings; ring++) {
    const radius = 6 * Math.sin((Math.PI * ring) / rings);
    for (let j = 0; j < around; j++) {
      const angle = (2 * Math.PI * j) / around;
      const wobble = 1 + 0.2 * Math.cos(2 * angle + 0.8 * ring) + 0.05 * Math.sin(3 * angle + 1);
      put(1.4 * radius * wobble * Math.cos(angle), radius * wobble * Math.sin(angle), height(ring));
    }
  }
  put(0.3, -0.2, height(rings));
  return { vertices: Float64Array.from(vertices), faces: facesOfRings(rings, around) };
}

/** Triangles between two poles, the first and the last vertex, and the rings in between. */
function facesOfRings(rings: number, around: number): Int32Array {
  const at = (ring: number, j: number): number => 1 + (ring - 1) * around + (j % around);
  const faces: number[] = [];
  for (let j = 0; j < around; j++) {
    faces.push(0, at(1, j), at(1, j + 1));
    for (let ring = 1; ring < rings - 1; ring++) {
      faces.push(at(ring, j), at(ring + 1, j), at(ring + 1, j + 1));
      faces.push(at(ring, j), at(ring + 1, j + 1), at(ring, j + 1));
    }
    faces.push(1 + (rings - 1) * around, at(rings - 1, j + 1), at(rings - 1, j));
  }
  return Int32Array.from(faces);
}

const original = vase(1);
const solved = new Map<Mesh, EigenSpectrum>();
function spectrumOf(mesh: Mesh): EigenSpectrum {
  const known = solved.get(mesh) ?? laplaceBeltrami(mesh.vertices, mesh.faces, { k: K });
  solved.set(mesh, known);
  return known;
}
const spectrum = spectrumOf(original);
const range = rangeOf(spectrum.eigenvalues);
const n = original.vertices.length / 3;

function values(
  id: DescriptorType,
  mesh: Mesh,
  given = spectrumOf(mesh),
  settings = SETTINGS,
): DescriptorResult {
  return describeSurface(id, { ...mesh, spectrum: given }, { settings, range, seed: 4 });
}

/** Largest difference over the largest value; 1 where tables differ in size. */
function difference(a: Float64Array, b: Float64Array): number {
  if (a.length !== b.length) return 1;
  let [most, scale] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    if (Number.isNaN(a[i]!) && Number.isNaN(b[i]!)) continue;
    most = Math.max(most, Math.abs(a[i]! - b[i]!));
    scale = Math.max(scale, Math.abs(a[i]!));
  }
  return most / scale;
}

const shifted: Mesh = { ...original, vertices: original.vertices.map((value) => value + 16) };
const turned = rotated(original, [0.7, 0.4, 1.1]);
const doubled: Mesh = { ...original, vertices: original.vertices.map((value) => 2 * value) };
const bent = vase(-1);
/** Vertex i of the original stands at `place(i)`. */
const place = (i: number): number => (i * 5 + 3) % n;
const reordered: Mesh = {
  vertices: Float64Array.from({ length: 3 * n }, () => 0),
  faces: original.faces.map(place),
};
for (let i = 0; i < n; i++) {
  reordered.vertices.set(original.vertices.subarray(3 * i, 3 * i + 3), 3 * place(i));
}

function inOriginalOrder(result: DescriptorResult): Float64Array {
  if (result.domain !== 'vertex' && result.domain !== 'point_pair') return result.values;
  const columns = result.shape[1];
  const out = new Float64Array(result.values.length);
  for (let i = 0; i < n; i++) {
    out.set(result.values.subarray(place(i) * columns, (place(i) + 1) * columns), i * columns);
  }
  return out;
}

const flipped: EigenSpectrum = {
  eigenvalues: spectrum.eigenvalues,
  eigenvectors: spectrum.eigenvectors.map((value, at) => ((at % K) % 3 === 1 ? -value : value)),
};

/** Rays and directions that are fixed in space see a turned surface a little differently; a point between two boxes is in either. */
const SAMPLED: Partial<Record<DescriptorType, number>> = {
  sdf: 0.15,
  integral_invariant: 0.06,
  fractal_dim: 1e-3,
};
const SAME = 1e-6;
const OTHER = 1e-4;

const computable = DESCRIPTOR_IDS.filter(isDescriptorOfOneSurface);

describe.each(computable)('%s', (id) => {
  const info: DescriptorInfo = DESCRIPTORS[id];
  const before = values(id, original, spectrum);
  const check = (flag: keyof Invariances, after: Float64Array, tolerance = SAME): void => {
    const found = difference(before.values, after);
    if (info.invariance[flag]) expect(found, flag).toBeLessThanOrEqual(tolerance);
    else expect(found, flag).toBeGreaterThan(OTHER);
  };

  test('says what it is', () => {
    expect(before.values).toHaveLength(before.shape[0] * before.shape[1]);
    expect(before.columns).toHaveLength(before.shape[1]);
    expect(before.units).toHaveLength(before.shape[1]);
    expect(before.domain).toBe(info.domain);
    if (info.domain === 'vertex' || info.domain === 'point_pair') expect(before.shape[0]).toBe(n);
    expect(before.features.length).toBeGreaterThan(0);
    for (const { value } of before.features) expect(value).not.toBeNaN();
    if (info.source !== 'surface') expect(before.parameters['k']).toBe(K);
  });

  test('each flag holds', () => {
    check('translation', values(id, shifted).values, id === 'fractal_dim' ? SAMPLED[id] : SAME);
    check('rotation', values(id, turned).values, SAMPLED[id]);
    check('scale', values(id, doubled).values);
    check('isometry', values(id, bent).values);
    check('order', inOriginalOrder(values(id, reordered)));
    if (info.source === 'spectrum' || info.source === 'spectrum_and_surface') {
      check('signs', values(id, original, flipped).values);
    }
  });

  test('vertices in no triangle change nothing, and have no values', () => {
    // One in front of all others, far away.
    const stray: Mesh = {
      vertices: Float64Array.from([90, -40, 70, ...original.vertices]),
      faces: original.faces.map((vertex) => vertex + 1),
    };
    const eigenvectors = Float64Array.from([...new Array<number>(K).fill(NaN), ...spectrum.eigenvectors]);
    const after = values(id, stray, { eigenvalues: spectrum.eigenvalues, eigenvectors });
    expect(after.features).toEqual(before.features);
    if (info.domain !== 'vertex' && info.domain !== 'point_pair') {
      expect(after.values).toEqual(before.values);
      return;
    }
    const columns = before.shape[1];
    expect(after.shape).toEqual([n + 1, columns]);
    expect(after.values.subarray(0, columns).every(Number.isNaN)).toBe(true);
    expect(after.values.subarray(columns)).toEqual(before.values);
    if (info.domain !== 'point_pair') return;
    const sources = after.parameters['sources'] as number[];
    expect(sources).toEqual((before.parameters['sources'] as number[]).map((vertex) => vertex + 1));
    expect(after.columns).toEqual(sources.map((vertex) => `from_${vertex}`));
  });

  test('of the surface scaled to area 1 nothing depends on size, and values have the stated power of length', () => {
    const settings = { ...SETTINGS, normalisation: 'area' } as const;
    const { area } = meshGeometry(original.vertices, original.faces);
    const scaledRange = {
      first_eigenvalue: range.first_eigenvalue * area,
      last_eigenvalue: range.last_eigenvalue * area,
    };
    const at = (mesh: Mesh) =>
      describeSurface(id, { ...mesh, spectrum: spectrumOf(mesh) }, { settings, range: scaledRange, seed: 4 });
    const unit = at(original);
    expect(unit.invariance.scale).toBe(true);
    expect(difference(unit.values, at(doubled).values)).toBeLessThanOrEqual(SAME);
    if (info.lengthPower === null || info.lengthPower === 0 || id === 'pht') return;
    const factor = Math.sqrt(area) ** info.lengthPower;
    expect(
      difference(
        before.values,
        unit.values.map((value) => value * factor),
      ),
    ).toBeLessThanOrEqual(SAME);
  });
});

test('another basis where eigenvalues coincide changes the point signature only', () => {
  const ball = icosphere(2, 5);
  const own = spectrumOf(ball);
  // The three modes of degree 1 are one space: turned within, as another solver might give them.
  const [c, s] = [Math.cos(0.9), Math.sin(0.9)];
  const other = own.eigenvectors.slice();
  for (let x = 0; x < other.length; x += K) {
    const [p, q] = [own.eigenvectors[x + 1]!, own.eigenvectors[x + 2]!];
    other[x + 1] = c * p - s * q;
    other[x + 2] = s * p + c * q;
  }
  const turnedSpectrum = { eigenvalues: own.eigenvalues, eigenvectors: other };
  for (const id of computable) {
    if (DESCRIPTORS[id].source !== 'spectrum' && DESCRIPTORS[id].source !== 'spectrum_and_surface') continue;
    // Every vertex of a ball is like every other: which one is farthest is a matter of rounding.
    if (DESCRIPTORS[id].domain === 'point_pair') continue;
    const found = difference(values(id, ball, own).values, values(id, ball, turnedSpectrum).values);
    if (DESCRIPTORS[id].invariance.basis) expect(found, id).toBeLessThanOrEqual(SAME);
    else expect(found, id).toBeGreaterThan(OTHER);
  }
});

test('a group of equal eigenvalues that k cuts takes no part', () => {
  const ball = icosphere(2, 5);
  const [whole, cut] = [9, 11].map((k) => laplaceBeltrami(ball.vertices, ball.faces, { k }));
  expect(cut!.certificate.count).toBe(13);
  const own = rangeOf(whole!.eigenvalues);
  const describe = (id: DescriptorType, given: EigenSpectrum): DescriptorResult =>
    describeSurface(id, { ...ball, spectrum: given }, { settings: SETTINGS, range: own, seed: 4 });
  for (const id of ['hks', 'si_hks', 'wks', 'bates_sp', 'bks', 'ibks', 'sgw_heat'] as const) {
    const found = describe(id, cut!);
    expect(difference(describe(id, whole!).values, found.values), id).toBeLessThan(SAME);
    expect(found.parameters['k']).toBe(9);
  }
  const dna = describe('shapedna', cut!);
  expect([dna.values.length, dna.parameters['k']]).toEqual([10, 11]);
  // Without the certificate of the solver nothing tells that there are more.
  const { eigenvalues, eigenvectors } = cut!;
  expect(describe('hks', { eigenvalues, eigenvectors }).parameters['k']).toBe(11);
});

test.each([
  ['biharmonic', { kind: 'biharmonic' }],
  ['commute_time', { kind: 'commute_time' }],
  ['diffusion', { kind: 'diffusion', time: 3 }],
] as const)('%s: another basis where eigenvalues coincide changes no distance', (id, distance) => {
  const ball = icosphere(2, 5);
  const own = spectrumOf(ball);
  const eigenvectors = own.eigenvectors.slice();
  const [c, s] = [Math.cos(0.9), Math.sin(0.9)];
  for (let x = 0; x < eigenvectors.length; x += K) {
    const [p, q] = [own.eigenvectors[x + 1]!, own.eigenvectors[x + 2]!];
    eigenvectors[x + 1] = c * p - s * q;
    eigenvectors[x + 2] = s * p + c * q;
  }
  const sources = [0, 7, 40];
  const from = (given: EigenSpectrum): Float64Array => spectralDistances(given, distance, sources);
  expect(difference(own.eigenvectors, eigenvectors)).toBeGreaterThan(0.1);
  expect(difference(from(own), from({ ...own, eigenvectors }))).toBeLessThan(SAME);
  expect(DESCRIPTORS[id].invariance.basis).toBe(true);
});

test('asmwd: another basis where eigenvalues coincide changes nothing', () => {
  // Turned about its axis the surface is the same, so that modes of the turned operators come in pairs.
  const [rings, around] = [8, 12];
  const vertices = [0, 0, 9];
  for (let ring = 1; ring < rings; ring++) {
    const [z, radius] = [9 * Math.cos((Math.PI * ring) / rings), 5 * Math.sin((Math.PI * ring) / rings)];
    for (let j = 0; j < around; j++) {
      const angle = (2 * Math.PI * j) / around;
      vertices.push(radius * Math.cos(angle), radius * Math.sin(angle), z + 0.02 * z * z);
    }
  }
  vertices.push(0, 0, -9);
  const round: Mesh = { vertices: Float64Array.from(vertices), faces: facesOfRings(rings, around) };
  const count = vertices.length / 3;
  const at = (i: number): number => (i * 5 + 3) % count;
  const other: Mesh = { vertices: round.vertices.slice(), faces: round.faces.map(at) };
  for (let i = 0; i < count; i++) other.vertices.set(round.vertices.subarray(3 * i, 3 * i + 3), 3 * at(i));
  const inOrder = (table: Float64Array): Float64Array => {
    const columns = table.length / count;
    return table.map((_, i) => table[at(Math.floor(i / columns)) * columns + (i % columns)]!);
  };

  // The operators are solved inside: it is told from a solution here that the basis is another one, by more than signs.
  const pairs = ({ vertices: points, faces }: Mesh) => {
    const { directions, umbilic } = faceDirections(principalDirections(points, faces), points, faces);
    const operator = anisotropicOperator(points, faces, {
      ...{ directions, alpha: SETTINGS.asmwd_alpha, theta: Math.PI / 2, isotropic: umbilic },
    });
    return operatorSpectrum(operator, { k: SETTINGS.asmwd_k });
  };
  const [own, renumbered] = [pairs(round), pairs(other)];
  const { eigenvalues } = own;
  const coincide = Array.from(eigenvalues.keys()).filter(
    (i) => i > 0 && eigenvalues[i]! - eigenvalues[i - 1]! < 1e-9 * eigenvalues[i]!,
  );
  expect(coincide.length).toBeGreaterThan(2);
  expect(
    difference(own.eigenvectors.map(Math.abs), inOrder(renumbered.eigenvectors).map(Math.abs)),
  ).toBeGreaterThan(0.01);

  const [before, after] = [values('asmwd', round, own).values, values('asmwd', other, renumbered).values];
  expect(difference(before, inOrder(after))).toBeLessThan(SAME);
  expect(DESCRIPTORS.asmwd.invariance.basis).toBe(true);
});

describe('descriptors of two surfaces', () => {
  /** The same, with other proportions: equal numbers are equal places. */
  const stretchedLike = ({ vertices, faces }: Mesh): Mesh => ({
    vertices: vertices.map((value, at) => (at % 3 === 0 ? 1.25 : 1) * value),
    faces,
  });
  interface Side {
    readonly mesh: Mesh;
    readonly spectrum: EigenSpectrum;
  }
  const side = (mesh: Mesh, given = spectrumOf(mesh)): Side => ({ mesh, spectrum: given });
  const other = stretchedLike(original);
  const energies = derivativeEnergies([0.5, 2], 6);

  function signature(source: Side, target: Side): Float64Array {
    const masses = meshGeometry(target.mesh.vertices, target.mesh.faces).barycentricAreas;
    const map = functionCoefficients(
      { eigenvalues: target.spectrum.eigenvalues, eigenvectors: target.spectrum.eigenvectors, masses },
      source.spectrum.eigenvectors,
    );
    const { area } = shapeDifferences(map, source.spectrum.eigenvalues, target.spectrum.eigenvalues);
    return derivativeWaveSignature(source.spectrum, area, energies);
  }
  const above = ({ mesh, spectrum: { eigenvalues } }: Side): Float64Array => {
    const { area } = meshGeometry(mesh.vertices, mesh.faces);
    return Float64Array.from(eigenvalues, (value) => value * area).subarray(1);
  };
  const distance = (source: Side, target: Side): Float64Array =>
    Float64Array.of(weightedSpectralDistance(above(source), above(target)));
  const moved = (mesh: Mesh, change: (point: Mesh) => Mesh): [Side, Side] => [
    side(change(mesh)),
    side(change(stretchedLike(mesh))),
  ];
  const inOrder = (table: Float64Array): Float64Array => {
    const columns = table.length / n;
    return Float64Array.from(
      table,
      (_, at) => table[place(Math.floor(at / columns)) * columns + (at % columns)]!,
    );
  };

  test.each(['dwks', 'wesd'] as const)('%s: each flag holds', (id) => {
    const compute = id === 'dwks' ? signature : distance;
    const before = compute(side(original), side(other));
    const { invariance } = DESCRIPTORS[id];
    const check = (flag: keyof Invariances, after: Float64Array): void => {
      const found = difference(before, after);
      if (invariance[flag]) expect(found, flag).toBeLessThanOrEqual(SAME);
      else expect(found, flag).toBeGreaterThan(OTHER);
    };
    check(
      'translation',
      compute(
        ...moved(original, (mesh) => ({ ...mesh, vertices: mesh.vertices.map((value) => value + 16) })),
      ),
    );
    check('rotation', compute(...moved(original, (mesh) => rotated(mesh, [0.7, 0.4, 1.1]))));
    check(
      'scale',
      compute(...moved(original, (mesh) => ({ ...mesh, vertices: mesh.vertices.map((value) => 2 * value) }))),
    );
    check('isometry', compute(side(bent), side(stretchedLike(bent))));
    const renumbered = compute(side(reordered), side(stretchedLike(reordered)));
    check('order', id === 'dwks' ? inOrder(renumbered) : renumbered);
    const turnedOver = (of: EigenSpectrum, every: number): EigenSpectrum => ({
      eigenvalues: of.eigenvalues,
      eigenvectors: of.eigenvectors.map((value, at) => ((at % K) % every === 1 ? -value : value)),
    });
    check(
      'signs',
      compute(side(original, turnedOver(spectrum, 3)), side(other, turnedOver(spectrumOf(other), 4))),
    );
  });

  test('dwks and wesd: another basis where eigenvalues coincide changes nothing', () => {
    const ball = icosphere(2, 5);
    const egg = stretchedLike(ball);
    const own = spectrumOf(ball);
    const [c, s] = [Math.cos(0.9), Math.sin(0.9)];
    const eigenvectors = own.eigenvectors.slice();
    for (let x = 0; x < eigenvectors.length; x += K) {
      const [p, q] = [own.eigenvectors[x + 1]!, own.eigenvectors[x + 2]!];
      eigenvectors[x + 1] = c * p - s * q;
      eigenvectors[x + 2] = s * p + c * q;
    }
    const other = { eigenvalues: own.eigenvalues, eigenvectors };
    for (const compute of [signature, distance]) {
      expect(difference(compute(side(ball), side(egg)), compute(side(ball, other), side(egg)))).toBeLessThan(
        SAME,
      );
    }
    expect([DESCRIPTORS.dwks.invariance.basis, DESCRIPTORS.wesd.invariance.basis]).toEqual([true, true]);
  });
});

test('28 descriptors, each with its reference; what cannot be computed says why', () => {
  expect(DESCRIPTOR_IDS).toHaveLength(28);
  expect(new Set(DESCRIPTOR_IDS).size).toBe(28);
  for (const id of DESCRIPTOR_IDS) {
    const info = DESCRIPTORS[id];
    expect(info.reference.length).toBeGreaterThan(5);
    if (!isDescriptorOfOneSurface(id))
      expect(info.domain === 'pair' || info.unavailable !== null, id).toBe(true);
    for (const key of info.parameters)
      expect(Object.keys(DescriptorSettings.shape), `${id} ${key}`).toContain(key);
  }
  expect(() => values('finsler_hks', original)).toThrow('has not been established from the paper');
});
