import { describe, expect, test } from 'vitest';
import { matrix } from '../../../../src/numerics/linalg/matrix.js';
import { symmetricEigen } from '../../../../src/numerics/linalg/symmetric-eigen.js';
import { patternGraph } from '../../../../src/numerics/spectral/graph.js';
import { cotangentOperator } from '../../../../src/numerics/spectral/mesh-operator.js';
import { nestedDissection } from '../../../../src/numerics/spectral/nested-dissection.js';
import { smallEigen } from '../../../../src/numerics/linalg/small-eigen.js';
import { commonPair, permutedPair } from '../../../../src/numerics/spectral/solver-pair.js';
import { BLOCK } from '../../../../src/numerics/spectral/solver-kernels.js';
import { sparseFromTriplets } from '../../../../src/numerics/spectral/sparse-matrix.js';
import { symbolicFactor } from '../../../../src/numerics/spectral/symbolic-factor.js';
import { typescriptKernels } from '../../../../src/numerics/spectral/typescript-kernels.js';
import { seededRandom } from '../../../../src/numerics/random.js';
import { grid } from '../../../support/meshes.js';

describe('ordering and symbolic step', () => {
  test('the order is a permutation, the same each time, with less than two thirds of the fill of the rows as they come', () => {
    const { vertices, faces } = grid(50, 50, 1, 1);
    const { stiffness } = cotangentOperator(vertices, faces);
    const graph = patternGraph(stiffness.rows, stiffness.rowStarts, stiffness.columnIndices);
    const order = nestedDissection(graph);
    expect(Int32Array.from(order).sort()).toEqual(Int32Array.from(order, (_, i) => i));
    expect(nestedDissection(graph)).toEqual(order);
    const asItComes = symbolicFactor(
      graph,
      Int32Array.from(order, (_, i) => i),
    );
    expect(symbolicFactor(graph, order).panelStarts.at(-1)!).toBeLessThan(
      (2 / 3) * asItComes.panelStarts.at(-1)!,
    );
  });

  test('graphs without a small separator are ordered too', () => {
    const n = 300;
    const pairs = (
      edge: (i: number, j: number) => boolean,
    ): { row: number[]; column: number[]; value: number[] } => {
      const [row, column]: [number[], number[]] = [[], []];
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          if (!edge(i, j)) continue;
          row.push(i);
          column.push(j);
        }
      }
      return { row, column, value: row.map(() => 1) };
    };
    for (const edge of [
      (i: number, j: number) => i !== j,
      (i: number, j: number) => (i === 0) !== (j === 0),
      () => false,
    ]) {
      const a = sparseFromTriplets(pairs(edge), [n, n]);
      const order = nestedDissection(patternGraph(n, a.rowStarts, a.columnIndices));
      expect(Int32Array.from(order).sort()).toEqual(Int32Array.from(order, (_, i) => i));
    }
  });
});

describe('factor and solve', () => {
  const { vertices, faces } = grid(17, 13, 2, 1);
  const operator = cotangentOperator(vertices, faces, 'consistent');
  const n = operator.stiffness.rows;
  const given = commonPair(operator.stiffness, operator.mass);
  const graph = patternGraph(n, given.starts, given.columns);
  const symbolic = symbolicFactor(graph, nestedDissection(graph));
  const pair = permutedPair(given, symbolic.order);
  const { factor, solve, multiplyMass, multiplyStiffness } = typescriptKernels;

  test.each([-3, 20.5, 300])('K - %f M times the solution is the right side', (shift) => {
    const draws = seededRandom(1, 'right side');
    const right = Float64Array.from({ length: 2 * BLOCK * n }, () => draws.normal());
    const x = right.slice();
    const numeric = factor(symbolic, pair, shift);
    solve(symbolic, numeric, x, 2);
    const stiff = new Float64Array(x.length);
    const heavy = new Float64Array(x.length);
    multiplyStiffness(pair, x, stiff, 2);
    multiplyMass(pair, x, heavy, 2);
    // Errors grow with the size of the solution near an eigenvalue.
    const size = Math.max(...x.map(Math.abs)) * 10;
    right.forEach((value, at) =>
      expect(Math.abs(stiff[at]! - shift * heavy[at]! - value)).toBeLessThan(1e-13 * size),
    );
  });

  test('negative pivots count the eigenvalues below the shift', () => {
    const dense = matrix(n, n);
    const { mass } = cotangentOperator(vertices, faces);
    const lumped = permutedPair(commonPair(operator.stiffness, mass), symbolic.order);
    for (let i = 0; i < n; i++) {
      for (let e = lumped.starts[i]!; e < lumped.starts[i + 1]!; e++) {
        const j = lumped.columns[e]!;
        const scale = Math.sqrt(lumped.diagonalMass![i]! * lumped.diagonalMass![j]!);
        dense.values[i * n + j] = lumped.stiffness[e]! / scale;
      }
    }
    const { values } = symmetricEigen(dense);
    for (const shift of [-1, 1e-3, 11, 99.5, 731, 1e5]) {
      const below = values.filter((value) => value < shift).length;
      expect(factor(symbolic, lumped, shift).inertia).toBe(below);
    }
  });

  test('a zero pivot gives infinite growth, not a wrong count', () => {
    const one = sparseFromTriplets({ row: [0], column: [0], value: [1] }, [1, 1]);
    const single = commonPair(one, one);
    const tiny = symbolicFactor(patternGraph(1, single.starts, single.columns), Int32Array.of(0));
    expect(factor(tiny, single, 1).growth).toBe(Infinity);
  });
});

describe('small eigenproblems', () => {
  test('vectors solve the problem, and their last entries come alone too', () => {
    const n = 37;
    const draws = seededRandom(3, 'matrix');
    const a = new Float64Array(n * n);
    for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) a[i * n + j] = a[j * n + i] = draws.normal();
    const full = smallEigen(n, a.slice(), n);
    const part = smallEigen(n, a.slice(), 4);
    for (let v = 0; v < n; v++) {
      const own = full.rows.subarray(v * n, (v + 1) * n);
      for (let i = 0; i < n; i++) {
        const image = own.reduce((sum, value, j) => sum + a[i * n + j]! * value, 0);
        expect(image).toBeCloseTo(full.values[v]! * own[i]!, 12);
      }
      expect(part.values[v]).toBeCloseTo(full.values[v]!, 12);
      const sign = Math.sign(own[n - 1]! * part.rows[v * 4 + 3]!);
      for (let i = 0; i < 4; i++) expect(sign * part.rows[v * 4 + i]!).toBeCloseTo(own[n - 4 + i]!, 11);
    }
  });

  test.each([Number.NaN, Infinity])('entries of %d end with an error, at any place', (entry) => {
    const cure = 'look for entries that are not finite or beyond 1e150, and for what made them';
    for (const at of [0, 4, 5, 8]) {
      const a = Float64Array.of(2, 1, 0, 1, 2, 1, 0, 1, 2);
      a[at] = a[3 * (at % 3) + Math.floor(at / 3)] = entry;
      let error: unknown;
      try {
        smallEigen(3, a, 3);
      } catch (caught) {
        error = caught;
      }
      expect(error).toMatchObject({
        code: 'NOT_CONVERGED',
        message: 'the eigenvalues of a symmetric matrix of 3 rows did not converge',
        cure,
      });
    }
  });
});
