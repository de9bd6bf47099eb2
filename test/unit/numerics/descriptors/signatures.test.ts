import { expect, test } from 'vitest';
import { heatKernelSignature, waveletSignature } from '../../../../src/numerics.js';

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
