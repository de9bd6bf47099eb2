import { describe, expect, test } from 'vitest';

import {
  BoundedTrustRegion,
  type LeastSquaresProblem,
} from '../../../../src/numerics/optimise/bounded-trust-region.js';
import { factorShifted, solveLower, solveUpper } from '../../../../src/numerics/optimise/cholesky.js';
import { Marquardt, type CurveProblem } from '../../../../src/numerics/optimise/marquardt.js';
import { nextDown, nextUp } from '../../../../src/numerics/optimise/next-float.js';

/** Residuals and rows of the Jacobian as plain arrays; enough for a test. */
class ListedProblem implements LeastSquaresProblem, CurveProblem {
  #x = new Float64Array(0);
  #pending = new Float64Array(0);
  constructor(
    readonly residuals: (x: Float64Array) => number[],
    readonly jacobian: (x: Float64Array) => number[][],
    readonly half = 0.5,
  ) {}
  evaluate(x: Float64Array): number {
    this.#pending = x.slice();
    return this.half * this.residuals(x).reduce((sum, r) => sum + r * r, 0);
  }
  accept(): void {
    this.#x = this.#pending;
  }
  linearise(gradient: Float64Array, hessian: Float64Array, first?: Int32Array): void {
    const size = this.#x.length;
    const rows = this.jacobian(this.#x);
    const residuals = this.residuals(this.#x);
    first?.fill(0);
    for (let i = 0; i < size; i++) {
      gradient[i] = rows.reduce((sum, row, k) => sum + row[i]! * residuals[k]!, 0);
      for (let j = 0; j <= i; j++)
        hessian[i * size + j] = rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0);
    }
  }
}

/** Three independent residuals x_i - target_i. */
const towards = (target: readonly number[], half = 0.5) =>
  new ListedProblem(
    (x) => target.map((t, i) => x[i]! - t),
    () => [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ],
    half,
  );

/** Rosenbrock's valley in the first two variables. */
const valley = (half = 0.5) =>
  new ListedProblem(
    (x) => [10 * (x[1]! - x[0]! ** 2), 1 - x[0]!, x[2]!],
    (x) => [
      [-20 * x[0]!, 10, 0],
      [-1, 0, 0],
      [0, 0, 1],
    ],
    half,
  );

const OPTIONS = { tolerance: 1e-8, maxEvaluations: 500, residualCount: 3 };

describe('least squares within bounds', () => {
  const free = { lower: new Float64Array(3).fill(-Infinity), upper: new Float64Array(3).fill(Infinity) };

  test('without bounds in reach the end is the minimum', () => {
    const x = Float64Array.of(-1.2, 1, 3);
    const fit = new BoundedTrustRegion(6).solve(valley(), x, free, OPTIONS);
    expect(fit.converged).toBe(true);
    expect(fit.cost).toBeLessThan(1e-12);
    expect([...x].map((v) => Math.round(v * 1e5) / 1e5)).toEqual([1, 1, 0]);
  });

  test('a minimum outside is approached to the bound and never passed', () => {
    const bounds = { lower: Float64Array.of(0, 0, -1), upper: Float64Array.of(1, 2, 1) };
    const x = Float64Array.of(0.5, 0, 1);
    const fit = new BoundedTrustRegion(3).solve(towards([4, 1, -7]), x, bounds, OPTIONS);
    expect(fit.converged).toBe(true);
    expect(x[0]!).toBeLessThan(1);
    expect(x[0]!).toBeGreaterThan(1 - 1e-4);
    expect(x[1]!).toBeCloseTo(1, 4);
    expect(x[2]!).toBeGreaterThan(-1);
    expect(x[2]!).toBeLessThan(-1 + 1e-4);
  });

  test('evaluations that run out are said', () => {
    const x = Float64Array.of(-1.2, 1, 3);
    const fit = new BoundedTrustRegion(3).solve(valley(), x, free, { ...OPTIONS, maxEvaluations: 3 });
    expect(fit).toMatchObject({ converged: false, evaluations: 3 });
  });

  test('a residual that does not exist at a trial makes the step shorter', () => {
    const log = new ListedProblem(
      (x) => [Math.log(x[0]!) + 3, x[1]!, x[2]!],
      (x) => [
        [1 / x[0]!, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ],
    );
    const x = Float64Array.of(20, 1, 1);
    expect(new BoundedTrustRegion(3).solve(log, x, free, OPTIONS).converged).toBe(true);
    expect(x[0]!).toBeCloseTo(Math.exp(-3), 6);
  });
});

describe('unbounded curve fits', () => {
  test('the valley is followed to its end', () => {
    const x = Float64Array.of(-1.2, 1, 3);
    expect(new Marquardt(3).solve(valley(1), x, { tolerance: 1e-10, maxEvaluations: 5000 })).toBe(true);
    expect(x[0]!).toBeCloseTo(1, 6);
    expect(x[1]!).toBeCloseTo(1, 6);
  });

  test('a start that is the solution ends at once', () => {
    const x = Float64Array.of(1, 2, 3);
    expect(new Marquardt(3).solve(towards([1, 2, 3], 1), x, { tolerance: 1e-8, maxEvaluations: 10 })).toBe(
      true,
    );
    expect([...x]).toEqual([1, 2, 3]);
  });

  test('no finite cost at the start and no evaluations left are failures', () => {
    const solver = new Marquardt(3);
    expect(
      solver.solve(towards([NaN, 0, 0], 1), new Float64Array(3), { tolerance: 1e-8, maxEvaluations: 10 }),
    ).toBe(false);
    const x = Float64Array.of(-1.2, 1, 3);
    expect(solver.solve(valley(1), x, { tolerance: 1e-10, maxEvaluations: 5 })).toBe(false);
  });
});

describe('Cholesky factors in blocks of three', () => {
  test('solve a banded system; zeros outside the envelope are never read', () => {
    const size = 9;
    const first = Int32Array.of(0, 0, 0, 0, 0, 0, 3, 3, 3);
    const values = new Float64Array(size * size).fill(NaN);
    const full = (i: number, j: number): number =>
      Math.abs(i - j) > 3 || j < first[i]! ? 0 : i === j ? 9 + i : 1 / (1 + i + j);
    for (let i = 0; i < size; i++) for (let j = first[i]!; j <= i; j++) values[i * size + j] = full(i, j);
    const factor = new Float64Array(size * size).fill(NaN);
    expect(factorShifted({ values, first, size }, 0.5, factor)).toBe(true);
    const solution = Float64Array.from({ length: size }, (_, i) => i - 4);
    const right = solution.map((_, i) =>
      solution.reduce(
        (sum, s, j) => sum + (full(Math.max(i, j), Math.min(i, j)) + (i === j ? 0.5 : 0)) * s,
        0,
      ),
    );
    solveLower({ values: factor, first, size }, right, right);
    solveUpper({ values: factor, first, size }, right);
    right.forEach((value, i) => expect(value).toBeCloseTo(solution[i]!, 12));
  });

  test('an indefinite matrix has none, and a shift makes it definite', () => {
    const matrix = { values: Float64Array.of(1, 0, 0, 2, 1, 0, 0, 0, 1), first: new Int32Array(3), size: 3 };
    expect(factorShifted(matrix, 0, new Float64Array(9))).toBe(false);
    expect(factorShifted(matrix, 1.1, new Float64Array(9))).toBe(true);
  });
});

test('the next numbers around a bound', () => {
  expect([nextUp(1), nextDown(1)]).toEqual([1 + Number.EPSILON, 1 - Number.EPSILON / 2]);
  expect([nextUp(0), nextDown(0)]).toEqual([Number.MIN_VALUE, -Number.MIN_VALUE]);
  expect(nextUp(-1)).toBe(-1 + Number.EPSILON / 2);
});
