/** Descriptors on shapes whose values are known: spheres, cubes, planes, tori. */
import { describe, expect, test } from 'vitest';

import {
  angleDefects,
  ballFractions,
  biharmonicSignature,
  boundaryMask,
  boxCounts,
  curvedness,
  distanceScalars,
  EdgeGeodesics,
  eulerCharacteristic,
  eulerCurves,
  globalPointSignature,
  heatKernelSignature,
  heatTimes,
  heightDiagrams,
  meshComponents,
  meshCurvatures,
  meshGeometry,
  meshTopology,
  mixedVoronoiAreas,
  scaleInvariantSignature,
  shapeDiameter,
  shapeDna,
  shapeDnaDistance,
  shapeIndex,
  spectralDistances,
  symmetricPolynomials,
  waveEnergies,
  waveKernelSignature,
  waveletScales,
  waveletSignature,
  weightedSpectralDistance,
  willmoreEnergy,
  zernikeDescriptor,
  zeroModes,
  type EigenSpectrum,
} from '../../../src/numerics.js';
import { torus } from '../../../src/workflows/spectral-descriptors/sample-shapes.js';
import { icosphere, rotated, type Mesh } from '../../support/analytic-meshes.js';

const cube: Mesh = {
  vertices: Float64Array.from({ length: 24 }, (_, i) => ((Math.floor(i / 3) >> (i % 3)) & 1) * 2),
  faces: Int32Array.of(
    ...[
      0, 2, 1, 1, 2, 3, 4, 5, 6, 5, 7, 6, 0, 1, 4, 1, 5, 4, 2, 6, 3, 3, 6, 7, 0, 4, 2, 2, 4, 6, 1, 3, 5, 3, 7,
      5,
    ],
  ),
};
const sheet: Mesh = {
  vertices: Float64Array.of(0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0),
  faces: Int32Array.of(0, 1, 2, 0, 2, 3),
};
const sphere = icosphere(3, 2);
const ring = torus(3, 1, 48, 24);

function scaled({ vertices, faces }: Mesh, factor: number): Mesh {
  return { vertices: vertices.map((value) => value * factor), faces };
}

function closeTo(ours: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number): void {
  expect(ours.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    expect(Math.abs(ours[i]! - wanted[i]!)).toBeLessThanOrEqual(
      tolerance * Math.max(1, Math.abs(wanted[i]!)),
    );
  }
}

describe('topology', () => {
  test('Euler characteristic, boundary and parts of a sphere, a torus, a sheet and two of them', () => {
    const topologyOf = ({ vertices, faces }: Mesh) => meshTopology(faces, vertices.length / 3);
    expect([sphere, ring, sheet].map((mesh) => eulerCharacteristic(topologyOf(mesh)))).toEqual([2, 0, 1]);
    expect([...boundaryMask(topologyOf(sheet))]).toEqual([1, 1, 1, 1]);
    expect(boundaryMask(topologyOf(ring))).not.toContain(1);
    const two = meshTopology([0, 1, 2, 4, 5, 6], 7);
    expect(meshComponents(two)).toEqual({ count: 2, part: Int32Array.of(0, 0, 0, -1, 1, 1, 1) });
    expect(eulerCharacteristic(two)).toBe(2);
  });
});

describe('geometry and curvature', () => {
  test('area and volume of a cube; Voronoi areas add up to the area, obtuse triangles too', () => {
    const { area, volume } = meshGeometry(cube.vertices, cube.faces);
    closeTo([area, volume], [24, 8], 1e-14);
    const obtuse = { vertices: Float64Array.of(0, 0, 0, 4, 0, 0, 2, 0.5, 0), faces: Int32Array.of(0, 1, 2) };
    closeTo(mixedVoronoiAreas(obtuse.vertices, obtuse.faces), [0.25, 0.25, 0.5], 1e-15);
  });

  test('the angle defects of any closed surface sum to 2 pi times its Euler characteristic; a sheet has 2 pi', () => {
    for (const [mesh, wanted] of [
      [cube, 2],
      [ring, 0],
      [sheet, 1],
    ] as const) {
      const sum = angleDefects(mesh.vertices, mesh.faces).reduce((a, b) => a + b, 0);
      expect(sum / (2 * Math.PI)).toBeCloseTo(wanted, 12);
    }
  });

  test('a sphere of radius 2: H = 1/2, K = 1/4, a cap everywhere, Willmore energy 4 pi; inside out, a cup', () => {
    const curvatures = meshCurvatures(sphere.vertices, sphere.faces, 'voronoi');
    closeTo(
      curvatures.mean,
      sphere.vertices.subarray(0, curvatures.mean.length).map(() => 0.5),
      0.01,
    );
    closeTo(
      curvatures.gaussian,
      curvatures.mean.map(() => 0.25),
      0.01,
    );
    closeTo([willmoreEnergy(curvatures).meanSquared], [4 * Math.PI], 0.01);
    shapeIndex(curvatures).forEach((value) => expect(value).toBeGreaterThan(0.9));
    closeTo(
      curvedness(curvatures),
      curvatures.mean.map(() => 0.5),
      0.02,
    );
    const inverted = meshCurvatures(sphere.vertices, Int32Array.from(sphere.faces).reverse(), 'voronoi');
    shapeIndex(inverted).forEach((value) => expect(value).toBeLessThan(-0.9));
  });

  test('boundary vertices have no curvature and no part in the Willmore energy', () => {
    const curvatures = meshCurvatures(sheet.vertices, sheet.faces);
    expect([...curvatures.mean]).toEqual([NaN, NaN, NaN, NaN]);
    expect(willmoreEnergy(curvatures)).toEqual({ meanSquared: 0, excess: 0, excluded: 4 });
    expect([...shapeIndex(curvatures)]).toEqual([NaN, NaN, NaN, NaN]);
  });
});

describe('solid', () => {
  test('shape diameter of a sphere is near its diameter times the mean cosine; of a cube face its side', () => {
    const diameters = shapeDiameter(sphere.vertices, sphere.faces, { halfAngle: 0.05, rays: 4 });
    diameters.forEach((value) => expect(value).toBeGreaterThan(3.85));
    const twice = shapeDiameter(scaled(sphere, 3).vertices, sphere.faces, { halfAngle: 0.05, rays: 4 });
    closeTo(
      twice,
      diameters.map((value) => 3 * value),
      1e-9,
    );
    const logarithmic = shapeDiameter(ring.vertices, ring.faces, { logarithmic: true });
    expect([Math.min(...logarithmic), Math.max(...logarithmic)]).toEqual([0, 1]);
  });

  test('a ball at a vertex of a sphere holds 1/2 - 3 r / (16 R); at a corner of a cube 1/8; no ray is lost', () => {
    const [radius, small] = [2, 0.5];
    const fractions = ballFractions(sphere.vertices, sphere.faces, [small], {
      vertices: [0, 50, 100],
      directions: 4000,
    });
    closeTo(
      fractions,
      [0, 0, 0].map(() => 0.5 - (3 * small) / (16 * radius)),
      0.02,
    );
    closeTo(
      ballFractions(cube.vertices, cube.faces, [0.5, 1.9], { vertices: [0], directions: 20_000 }),
      [1 / 8, 1 / 8],
      2e-3,
    );
    const whole = ballFractions(cube.vertices, cube.faces, [100], { vertices: [0], directions: 20_000 });
    expect(whole[0]).toBeCloseTo(8 / ((4 / 3) * Math.PI * 100 ** 3), 7);
  });

  test('open surfaces are refused', () => {
    expect(() => shapeDiameter(sheet.vertices, sheet.faces)).toThrow(
      'the shape diameter needs a closed surface; vertex 0 is on a boundary',
    );
    expect(() => zernikeDescriptor(sheet.vertices, sheet.faces)).toThrow(
      'the Zernike descriptor needs a closed surface',
    );
    const inverted = Int32Array.from(cube.faces).reverse();
    expect(() => zernikeDescriptor(cube.vertices, inverted)).toThrow(
      /^the surface encloses a volume of -(8|7\.99)/,
    );
  });

  test('Zernike numbers of a cube: exact for few large triangles, invariant to rotation, shift and scale', () => {
    const { values, orders } = zernikeDescriptor(cube.vertices, cube.faces, 12);
    // F_00 is the volume of the cube over that of the ball around it.
    expect(values[0]).toBeCloseTo(8 / ((4 / 3) * Math.PI * 3 ** 1.5), 13);
    const moved = rotated(scaled(cube, 0.1), [0.3, -1, 2]).vertices.map(
      (value, i) => value + [5, -7, 1][i % 3]!,
    );
    closeTo(zernikeDescriptor(moved, cube.faces, 12).values, values, 1e-12);
    expect(orders).toHaveLength(49);
    // The symmetry of a cube leaves nothing of odd order and nothing of l = 2.
    orders.forEach(([n, l], i) => {
      if (n % 2 === 1 || l === 2) expect(values[i]).toBeLessThan(1e-14);
    });
  });

  test('a fine sphere is nearly a ball: F_00 near 1, all others near 0; a shorter rule for small triangles loses nothing', () => {
    const ball = icosphere(2);
    const { values } = zernikeDescriptor(ball.vertices, ball.faces, 10);
    expect(values).toHaveLength(36);
    expect(values[0]).toBeGreaterThan(0.9);
    expect(Math.max(...values.subarray(1))).toBeLessThan(0.1);
    // A higher order takes longer rules on the same triangles.
    const finer = zernikeDescriptor(ball.vertices, ball.faces, 20).values;
    closeTo(values, finer.subarray(0, 36), 1e-12);
  });
});

describe('distances', () => {
  test('along the edges of a row of triangles; from several sources; no way out is infinite', () => {
    const row = {
      vertices: Float64Array.of(0, 0, 0, 1, 0, 0, 2, 0, 0, 0.5, 1, 0, 1.5, 1, 0, 9, 9, 9),
      faces: [0, 1, 3, 1, 4, 3, 1, 2, 4],
    };
    const geodesics = new EdgeGeodesics(row.vertices, meshTopology(row.faces, 6));
    const side = Math.hypot(0.5, 1);
    expect([...geodesics.from([0])]).toEqual([0, 1, 2, side, Math.min(1 + side, side + 1), Infinity]);
    expect([...geodesics.from([0, 2])]).toEqual([0, 1, 0, side, side, Infinity]);
  });

  test('average distance and eccentricity: exact sums, and sources that stand for their surroundings', () => {
    const { barycentricAreas } = meshGeometry(ring.vertices, ring.faces);
    const geodesics = new EdgeGeodesics(ring.vertices, meshTopology(ring.faces, ring.vertices.length / 3));
    const from = (source: number): Float64Array => geodesics.from([source]);
    const exact = distanceScalars(from, barycentricAreas, Infinity);
    const few = distanceScalars(from, barycentricAreas, 100);
    expect(few.sources).toHaveLength(100);
    few.average.forEach((value, i) => expect(Math.abs(value / exact.average[i]! - 1)).toBeLessThan(0.05));
    few.eccentricity.forEach((value, i) => expect(value).toBeLessThanOrEqual(exact.eccentricity[i]!));
    expect(() => distanceScalars(() => Float64Array.of(0, Infinity), Float64Array.of(1, 1))).toThrow(
      'no way leads from vertex 0 to vertex 1',
    );
  });
});

describe('heights', () => {
  test('Euler curves of a sphere end at 2, of a torus at 0, along every direction', () => {
    for (const [mesh, wanted] of [
      [sphere, 2],
      [ring, 0],
    ] as const) {
      const { curves } = eulerCurves(mesh.vertices, mesh.faces);
      for (let i = 31; i < curves.length; i += 32) expect(curves[i]).toBe(wanted);
    }
  });

  test('two valleys of different depth: the shallow one ends where they meet; an open surface has no loops listed', () => {
    const valley = Float64Array.of(0, 0, -1, 1, 0, 0, 2, 0, -3, 1, 1, 0.5);
    const [diagram] = heightDiagrams(valley, [0, 1, 3, 1, 2, 3], { directions: [0, 0, 1] });
    const mean = (-1 + 0 - 3 + 0.5) / 4;
    closeTo(diagram!.components, [-1 - mean, 0 - mean], 1e-12);
    closeTo(diagram!.essentialBirths, [-3 - mean], 1e-12);
    expect(diagram!.loops).toHaveLength(0);
  });

  test('a torus that stands upright: no component and no loop of its height ends, two bumps are a pair', () => {
    const upright = rotated(ring, [Math.PI / 2, 0, 0]);
    const [diagram] = heightDiagrams(upright.vertices, upright.faces, {
      directions: [0, 0, 1],
      shortest: 0.1,
    });
    expect([diagram!.components.length, diagram!.essentialBirths.length]).toEqual([0, 1]);
  });
});

describe('box counting', () => {
  test('a flat square has dimension 2, and a box at its upper edge is not counted twice', () => {
    const { dimension, counts, r2 } = boxCounts(sheet.vertices, sheet.faces);
    expect(counts).toEqual([16, 64, 256, 1024]);
    expect(dimension).toBeCloseTo(2, 12);
    expect(r2).toBeCloseTo(1, 12);
  });
});

/** Eigenpairs of a circle of 40 points: lambda = m^2, cosine and sine of each m; mass 2 pi / 40. */
function circle(modes: number, stretch = 1): EigenSpectrum {
  const n = 40;
  const eigenvalues = [0];
  for (let m = 1; m <= modes; m++) eigenvalues.push((m / stretch) ** 2, (m / stretch) ** 2);
  const k = eigenvalues.length;
  const eigenvectors = new Float64Array(n * k);
  for (let x = 0; x < n; x++) {
    eigenvectors[x * k] = 1 / Math.sqrt(2 * Math.PI * stretch);
    for (let m = 1; m <= modes; m++) {
      const angle = (2 * Math.PI * m * x) / n;
      eigenvectors[x * k + 2 * m - 1] = Math.cos(angle) / Math.sqrt(Math.PI * stretch);
      eigenvectors[x * k + 2 * m] = Math.sin(angle) / Math.sqrt(Math.PI * stretch);
    }
  }
  return { eigenvalues, eigenvectors };
}

/** The same eigenspaces, other vectors: signs turned, pairs rotated. */
function otherBasis({ eigenvalues, eigenvectors }: EigenSpectrum): EigenSpectrum {
  const k = eigenvalues.length;
  const turned = eigenvectors.slice();
  for (let x = 0; x < turned.length; x += k) {
    turned[x]! *= -1;
    for (let i = 1; i + 1 < k; i += 2) {
      const [a, b] = [turned[x + i]!, turned[x + i + 1]!];
      [turned[x + i], turned[x + i + 1]] = [0.6 * a - 0.8 * b, -0.8 * a - 0.6 * b];
    }
  }
  return { eigenvalues, eigenvectors: turned };
}

describe('spectral signatures', () => {
  const spectrum = circle(12);
  const times = heatTimes(spectrum.eigenvalues, 10);
  const energies = waveEnergies(spectrum.eigenvalues, 20);
  const signatures: Record<string, (of: EigenSpectrum) => Float64Array> = {
    hks: (of) => heatKernelSignature(of, times),
    si_hks: (of) => scaleInvariantSignature(of),
    wks: (of) => waveKernelSignature(of, energies),
    bks: (of) => biharmonicSignature(of),
    sgw: (of) => waveletSignature(of, 'mexican_hat', waveletScales(of.eigenvalues)),
    meyer_energy: (of) => waveletSignature(of, 'meyer', waveletScales(of.eigenvalues), true),
    bates_sp: (of) => symmetricPolynomials(of, times, 3),
    commute_time: (of) => spectralDistances(of, { kind: 'commute_time' }, [0, 7]),
    diffusion: (of) => spectralDistances(of, { kind: 'diffusion', time: 0.1 }, [0, 7]),
  };

  test.each(Object.keys(signatures))(
    '%s does not depend on signs or on the basis of an eigenspace',
    (name) => {
      const compute = signatures[name]!;
      closeTo(compute(otherBasis(spectrum)), compute(spectrum), 1e-12);
    },
  );

  test('on a circle all points are alike, and the values are sums over m', () => {
    const hks = heatKernelSignature(spectrum, [0.3]);
    let wanted = 1 / (2 * Math.PI);
    for (let m = 1; m <= 12; m++) wanted += Math.exp(-0.3 * m * m) / Math.PI;
    closeTo(
      hks,
      hks.map(() => wanted),
      1e-14,
    );
    const biharmonic = biharmonicSignature(spectrum);
    let sum = 0;
    for (let m = 1; m <= 12; m++) sum += 1 / (Math.PI * m ** 4);
    closeTo(
      biharmonic,
      biharmonic.map(() => sum),
      1e-14,
    );
    // Each energy weighs the modes to 1, and every mode above 0 has the square 1 / (2 pi) on average.
    const wks = waveKernelSignature(spectrum, energies);
    closeTo(
      wks,
      wks.map(() => 1 / (2 * Math.PI)),
      1e-12,
    );
  });

  test('symmetric polynomials by brute force over pairs and triples of modes', () => {
    const circular = circle(2);
    // Slightly apart, so that no group is averaged.
    const small = { ...circular, eigenvalues: [0, 1, 1.1, 4, 4.1] };
    const k = 5;
    const ours = symmetricPolynomials(small, [0.5], 3);
    const q = Array.from(
      { length: k },
      (_, j) => Math.exp(-0.5 * small.eigenvalues[j]!) * small.eigenvectors[3 * k + j]! ** 2,
    );
    let [e1, e2, e3] = [0, 0, 0];
    for (let a = 0; a < k; a++) {
      e1 += q[a]!;
      for (let b = a + 1; b < k; b++) {
        e2 += q[a]! * q[b]!;
        for (let c = b + 1; c < k; c++) e3 += q[a]! * q[b]! * q[c]!;
      }
    }
    closeTo(ours.subarray(9, 12), [e1, e2, e3], 1e-15);
    expect(() => symmetricPolynomials(small, [1], 4)).toThrow(
      'symmetric polynomials of order 4 are not available',
    );
  });

  test('scale: SI-HKS stays, HKS at scaled times falls with the length, eigenvalues times length squared stay', () => {
    const large = circle(12, 3);
    closeTo(scaleInvariantSignature(large), scaleInvariantSignature(spectrum), 1e-10);
    closeTo(
      heatKernelSignature(
        large,
        times.map((t) => 9 * t),
      ),
      heatKernelSignature(spectrum, times).map((value) => value / 3),
      1e-12,
    );
    closeTo(
      shapeDna(large.eigenvalues, 'area', { area: 9 }),
      shapeDna(spectrum.eigenvalues, 'area', { area: 1 }),
      1e-14,
    );
    closeTo(shapeDna(large.eigenvalues, 'fiedler'), shapeDna(spectrum.eigenvalues, 'fiedler'), 1e-14);
  });

  test('commute-time distances are the distances of the global point signature', () => {
    const signature = globalPointSignature(spectrum);
    const columns = signature.length / 40;
    const distances = spectralDistances(spectrum, { kind: 'commute_time' }, [3]);
    for (let y = 0; y < 40; y++) {
      let sum = 0;
      for (let i = 0; i < columns; i++)
        sum += (signature[3 * columns + i]! - signature[y * columns + i]!) ** 2;
      expect(distances[y]).toBeCloseTo(Math.sqrt(sum), 12);
    }
  });

  test('zero modes are counted relative to the largest eigenvalue, whatever the unit', () => {
    expect(zeroModes([0, 1e-14, 4e-6, 9e-6])).toBe(2);
    expect(zeroModes([0, 4e6, 9e6])).toBe(1);
    expect(() => heatTimes([0, 0])).toThrow('the spectrum has no eigenvalue above 0');
  });

  test('normalisation by trace and by column; a narrow range of energies is still covered', () => {
    const trace = heatKernelSignature(spectrum, [0.3], 'trace');
    expect(trace.reduce((a, b) => a + b, 0) * ((2 * Math.PI) / 40)).toBeCloseTo(1, 12);
    const unit = heatKernelSignature(spectrum, [0.3], 'l2');
    expect(unit.reduce((a, b) => a + b * b, 0)).toBeCloseTo(1, 12);
    const narrow = waveEnergies([0, 1, 1.1], 5);
    expect([narrow.energies[0], narrow.energies[4]]).toEqual([0, Math.log(1.1)]);
    const paper = waveEnergies(spectrum.eigenvalues, 100, { sigma: 'paper' });
    expect(paper.sigma / (paper.energies[1]! - paper.energies[0]!)).toBeCloseTo(7, 10);
  });
});

describe('distances between spectra', () => {
  test('closed forms, symmetry, and refusal of unequal lengths', () => {
    expect(shapeDnaDistance([1, 2], [4, 6])).toBe(5);
    expect(shapeDnaDistance([1, 2], [4, 6], { metric: 'manhattan' })).toBe(7);
    expect(shapeDnaDistance([1, 2], [2, 4], { metric: 'cosine' })).toBeCloseTo(0, 15);
    expect(() => shapeDnaDistance([1, 2], [4])).toThrow('spectra of 2 and 1 eigenvalues cannot be compared');
    expect(shapeDnaDistance([1, 2], [4], { truncate: true })).toBe(3);
    expect(weightedSpectralDistance([1, 2], [2, 4])).toBeCloseTo(Math.hypot(1 / 2, 1 / 4), 15);
    expect(weightedSpectralDistance([2, 4], [1, 2])).toBe(weightedSpectralDistance([1, 2], [2, 4]));
    expect(() => weightedSpectralDistance([0, 1], [1, 2])).toThrow('eigenvalue 0 is not above 0 (0, 1)');
    expect(() => weightedSpectralDistance([1], [1], 1)).toThrow('the sum does not converge for p = 1');
  });

  test('normalisation by volume needs a volume', () => {
    closeTo(shapeDna([0, 2, 4], 'volume', { volume: 8 }), [8, 16], 1e-14);
    closeTo(shapeDna([0, 4 * Math.PI, 8 * Math.PI], 'weyl', { area: 1 }), [1, 1], 1e-14);
    expect(() => shapeDna([0, 1], 'volume')).toThrow(
      'normalisation by volume needs a positive volume, got undefined',
    );
  });
});
