import { expect, test } from 'vitest';
import { heatKernelSignature, seededRandom, waveletSignature } from '../../../../src/numerics.js';
import { weightedSquares } from '../../../../src/numerics/descriptors/signatures.js';

test('modes that have decayed below 1e-290 add nothing to a signature, others all that they have', () => {
  const spectrum = { eigenvalues: [0, 1], eigenvectors: Float64Array.of(0, 3, 2, 3) };
  const [alone, late, beside, besideLate] = heatKernelSignature(spectrum, [660, 700]);
  expect(alone! / (9 * Math.exp(-660))).toBeCloseTo(1, 12);
  expect(late).toBe(0);
  expect([beside, besideLate]).toEqual([4, 4]);
});

test('wavelets too leave out what has decayed', () => {
  const spectrum = { eigenvalues: [0, 1], eigenvectors: Float64Array.of(1, 3) };
  expect(waveletSignature(spectrum, 'heat', [700])).toEqual(Float64Array.of(1));
  expect(waveletSignature(spectrum, 'mexican_hat', [700])).toEqual(Float64Array.of(0));
});

test.each([1, 2, 3, 4, 5, 8, 11])(
  'without the addon, %i vertices and any number of columns are summed alike',
  (n) => {
    const random = seededRandom(n, 'squares');
    const k = 7;
    const eigenvectors = Float64Array.from({ length: n * k }, () => random.normal());
    // What a vertex has no value for stays its own.
    if (n > 2) eigenvectors.fill(NaN, 2 * k, 3 * k);
    for (const columns of [1, 2, 3, 6]) {
      const weights = Float64Array.from({ length: columns * k }, () => random.normal());
      const found = weightedSquares(
        { eigenvalues: new Float64Array(k), eigenvectors },
        weights,
        'typescript',
      );
      expect(found).toHaveLength(n * columns);
      found.forEach((value, at) => {
        const [vertex, column] = [Math.floor(at / columns), at % columns];
        let sum = 0;
        for (let i = 0; i < k; i++) sum += weights[column * k + i]! * eigenvectors[vertex * k + i]! ** 2;
        if (vertex === 2) expect(value).toBeNaN();
        else expect(value).toBeCloseTo(sum, 12);
      });
    }
  },
);
