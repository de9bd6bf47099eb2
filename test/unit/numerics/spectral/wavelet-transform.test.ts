import { expect, test } from 'vitest';

import { cotangentOperator, laplaceBeltrami, waveletTransform } from '../../../../src/numerics.js';
import { seededRandom } from '../../../../src/numerics/random.js';
import { icosphere } from '../../../support/analytic-meshes.js';

const { vertices, faces } = icosphere(1, 2);
const n = vertices.length / 3;
const pair = cotangentOperator(vertices, faces);

test.each(['heat', 'mexican_hat'] as const)('%s: what all eigenpairs give, at every scale', (kernel) => {
  const draws = seededRandom(8, 'functions');
  const table = Float64Array.from({ length: 2 * n }, () => draws.normal());
  const { eigenvalues, eigenvectors } = laplaceBeltrami(vertices, faces, { k: n, solver: 'typescript' });
  const scales = [0.1, 0.7];
  const values = waveletTransform(pair, table, kernel, scales);
  const g = (x: number): number => (kernel === 'heat' ? 1 : x) * Math.exp(-x);
  scales.forEach((scale, s) => {
    for (let c = 0; c < 2; c++) {
      const exact = new Float64Array(n);
      for (let i = 0; i < n; i++) {
        let coefficient = 0;
        for (let x = 0; x < n; x++)
          coefficient += eigenvectors[x * n + i]! * pair.mass.values[x]! * table[2 * x + c]!;
        for (let x = 0; x < n; x++)
          exact[x]! += g(scale * eigenvalues[i]!) * coefficient * eigenvectors[x * n + i]!;
      }
      for (let x = 0; x < n; x++)
        expect(Math.abs(values[(x * 2 + s) * 2 + c]! - exact[x]!)).toBeLessThan(1e-9);
    }
  });
});

test('a constant function: heat keeps it, a wavelet takes it away; scaling the surface scales the scales', () => {
  const ones = new Float64Array(n).fill(3);
  waveletTransform(pair, ones, 'heat', [0.5]).forEach((value) => expect(value).toBeCloseTo(3, 9));
  waveletTransform(pair, ones, 'mexican_hat', [0.5]).forEach((value) =>
    expect(Math.abs(value)).toBeLessThan(1e-9),
  );
  const first = Float64Array.from({ length: n }, (_, i) => vertices[3 * i]!);
  const large = cotangentOperator(
    vertices.map((value) => 10 * value),
    faces,
  );
  const [one, two] = [
    waveletTransform(pair, first, 'heat', [0.5]),
    waveletTransform(large, first, 'heat', [50]),
  ];
  one.forEach((value, i) => expect(two[i]).toBeCloseTo(value, 9));
});

test('full masses and tables that do not fit are refused', () => {
  const full = cotangentOperator(vertices, faces, 'consistent');
  expect(() => waveletTransform(full, new Float64Array(n), 'heat', [1])).toThrow(
    'the mass is not diagonal and positive',
  );
  expect(() => waveletTransform(pair, [1], 'heat', [1])).toThrow(`1 values for ${n} vertices`);
});
