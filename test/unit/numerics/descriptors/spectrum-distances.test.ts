import { describe, expect, test } from 'vitest';

import {
  areaNormalised,
  heatKernelSignature,
  laplaceBeltrami,
  meshGeometry,
  normalisedSpectralDistance,
  pointSignatureHistogram,
  spectralDistanceBound,
  spectrumDistances,
  SPECTRUM_METRICS,
  weightedSpectralDistance,
} from '../../../../src/numerics.js';
import { seededRandom } from '../../../../src/numerics/random.js';
import { riemannZeta } from '../../../../src/numerics/special/zeta.js';
import { icosphere } from '../../../support/analytic-meshes.js';
import { spectralNumbers } from '../../../support/golden-spectral.js';
import { hasReference } from '../../../support/reference.js';

/** Dirichlet eigenvalues of a box with these sides, the first `count`. */
function box(sides: readonly number[], count: number): Float64Array {
  const most = sides.length === 2 ? 60 : 22;
  let values = [0];
  for (const side of sides) {
    values = values.flatMap((sum) =>
      Array.from({ length: most }, (_, m) => sum + ((m + 1) * (Math.PI / side)) ** 2),
    );
  }
  return Float64Array.from(values).sort().slice(0, count);
}

const product = (sides: readonly number[]): number => sides.reduce((a, b) => a * b, 1);

test('zeta has the values of Euler', () => {
  expect(riemannZeta(2)).toBeCloseTo(Math.PI ** 2 / 6, 14);
  expect(riemannZeta(4)).toBeCloseTo(Math.PI ** 4 / 90, 14);
  expect(riemannZeta(3)).toBeCloseTo(1.2020569031595942, 14);
  expect(riemannZeta(4 / 3)).toBeCloseTo(3.600937750458862, 13);
  expect(riemannZeta(1)).toBeNaN();
});

describe('normalised weighted spectral distance', () => {
  test.each([
    [[1, 1], [1, 8], 2],
    [[1, 1], [5, 5], 2],
    [[3, 0.2], [1, 1], 1.5],
    [[1, 1, 1], [9, 9, 9], 2],
    [[1, 2, 3], [1, 1, 1], 1.6],
  ] as const)('boxes %j and %j: between 0 and 1, the same in any unit', (one, two, p) => {
    const dimension = one.length as 2 | 3;
    const at = (unit: number): number => {
      const sides = [one, two].map((list) => list.map((side) => side * unit));
      return normalisedSpectralDistance(box(sides[0]!, 300), box(sides[1]!, 300), {
        dimension,
        p,
        sizes: [product(sides[0]!), product(sides[1]!)],
      });
    };
    expect(at(1)).toBeGreaterThan(0.001);
    expect(at(1)).toBeLessThan(1);
    expect(at(1000) / at(1)).toBeCloseTo(1, 10);
  });

  test('equal spectra are at distance 0; a bound that does not hold is refused', () => {
    expect(normalisedSpectralDistance([3, 5], [3, 5])).toBe(0);
    expect(() => spectralDistanceBound([1e-3, 2e-3])).toThrow(
      'the published bound does not hold for these spectra: the first eigenvalue is too small for the size',
    );
    expect(() => spectralDistanceBound([3, 3], { dimension: 3, p: 1.5 })).toThrow('p = 1.5 in 3 dimensions');
  });
});

describe('distance matrices', () => {
  const draws = seededRandom(4, 'spectra');
  const spectra = Array.from({ length: 12 }, () =>
    Float64Array.from({ length: 6 }, (_, i) => 15 * (i + 1) + 3 * draws.normal()),
  );

  test.each(SPECTRUM_METRICS)('%s is symmetric, 0 on the diagonal, positive elsewhere', (metric) => {
    const values = spectrumDistances(spectra, metric);
    for (let i = 0; i < 12; i++) {
      for (let j = 0; j < 12; j++) {
        expect(values[i * 12 + j]).toBe(values[j * 12 + i]);
        expect(values[i * 12 + j]! > 0).toBe(i !== j);
      }
    }
    expect(spectrumDistances([], metric === 'mahalanobis' ? 'euclidean' : metric)).toHaveLength(0);
  });

  test('Mahalanobis: rescaling any eigenvalue changes nothing; too few shapes are refused', () => {
    const scaled = spectra.map((row) => row.map((value, i) => value * 10 ** (i - 3)));
    const [one, two] = [spectrumDistances(spectra, 'mahalanobis'), spectrumDistances(scaled, 'mahalanobis')];
    one.forEach((value, at) => expect(two[at]).toBeCloseTo(value, 9));
    expect(() => spectrumDistances(spectra.slice(0, 6), 'mahalanobis')).toThrow(
      'the covariance of 6 eigenvalues cannot be estimated from 6 shapes',
    );
  });

  test('spectra of unequal length are refused', () => {
    expect(() => spectrumDistances([[1, 2], [1]])).toThrow(
      'spectra of 1 and 2 eigenvalues cannot be compared',
    );
  });

  test.skipIf(!hasReference)('all pairs of the reference meshes (skipped without the reference data)', () => {
    const golden = spectralNumbers('pairs_and_anisotropic');
    const names = golden.shapes as string[];
    for (const kind of ['raw', 'area']) {
      const rows = names.map((name) => spectralNumbers(name).shapedna[kind] as number[]);
      const compare = (
        metric: 'euclidean' | 'cosine' | 'wesd',
        list: Pair[],
        key: string,
        p?: number,
      ): void => {
        const ours = spectrumDistances(rows, metric, p);
        for (const pair of list.filter(
          (entry) => entry.eigenvalues === kind && (p === undefined || entry.p === p),
        )) {
          const value = ours[names.indexOf(pair.a) * names.length + names.indexOf(pair.b)]!;
          expect(Math.abs(value / (pair[key] as number) - 1)).toBeLessThan(1e-6);
        }
      };
      compare('euclidean', golden.shapedna_distance, 'euclidean');
      compare('cosine', golden.shapedna_distance, 'cosine');
      for (const p of [1.5, 2]) compare('wesd', golden.wesd, 'wesd', p);
    }
    const [sphere, closed] = ['sphere_ico4', 'hipp_closed_sub01L'].map(
      (name) => spectralNumbers(name).shapedna.area as number[],
    );
    const normalised = normalisedSpectralDistance(sphere!, closed!);
    expect(normalised).toBeGreaterThan(0.05);
    expect(normalised).toBeLessThan(1);
    expect(weightedSpectralDistance(sphere!, closed!)).toBeLessThan(1);
  });
});

interface Pair {
  readonly a: string;
  readonly b: string;
  readonly eigenvalues: string;
  readonly p?: number;
  readonly [key: string]: unknown;
}

describe('area 1 and the histogram of the point signature', () => {
  const options = { k: 16, solver: 'typescript' } as const;
  const [small, large] = [icosphere(3, 1), icosphere(3, 40)].map(({ vertices, faces }) => {
    const { area, barycentricAreas } = meshGeometry(vertices, faces);
    const pairs = laplaceBeltrami(vertices, faces, options);
    return { pairs, area, masses: barycentricAreas };
  }) as [Shape, Shape];

  interface Shape {
    readonly pairs: ReturnType<typeof laplaceBeltrami>;
    readonly area: number;
    readonly masses: Float64Array;
  }

  test('signatures of the spectrum with area 1 are the same at any scale', () => {
    const [one, two] = [small, large].map(({ pairs, area }) =>
      heatKernelSignature(areaNormalised(pairs, area), [0.01, 0.1]),
    );
    one!.forEach((value, at) => expect(two![at]! / value).toBeCloseTo(1, 9));
  });

  test('the histogram sums to 1, does not see signs, and needs no scale', () => {
    const histogram = ({ pairs, masses }: Shape, flip = false): Float64Array => {
      const columns = pairs.eigenvectors.map((value, at) => (flip && (at % 16) % 3 === 0 ? -value : value));
      const draws = seededRandom(9, 'pairs');
      return pointSignatureHistogram({ ...pairs, eigenvectors: columns }, masses, () => draws.uniform(), {
        pairs: 4000,
        bins: 16,
      }).fractions;
    };
    const plain = histogram(small);
    expect(plain.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 10);
    expect(histogram(small, true)).toEqual(plain);
    histogram(large).forEach((value, at) => expect(Math.abs(value - plain[at]!)).toBeLessThan(2e-3));
  });
});
