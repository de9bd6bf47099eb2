import { expect, test } from 'vitest';

import { scalarField, type Expression, type ExpressionOps } from '../../../src/tensor/expressions.js';

/** Value and gradient of the same function in float64. */
interface Case {
  readonly build: (t: ExpressionOps, x: Expression) => Expression | readonly Expression[];
  readonly value: (x: readonly number[]) => number;
  readonly gradient: (x: readonly number[]) => number[];
}

const each = (
  op: keyof Pick<ExpressionOps, 'exp' | 'log' | 'log1p' | 'sqrt' | 'square' | 'sigmoid' | 'softplus' | 'neg'>,
  f: (x: number) => number,
  slope: (x: number) => number,
): Case => ({
  build: (t, x) => t[op](x),
  value: (x) => x.reduce((sum, one) => sum + f(one), 0),
  gradient: (x) => x.map(slope),
});
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

const CASES: Readonly<Record<string, Case>> = {
  exp: each('exp', Math.exp, Math.exp),
  log: each('log', Math.log, (x) => 1 / x),
  log1p: each('log1p', Math.log1p, (x) => 1 / (1 + x)),
  sqrt: each('sqrt', Math.sqrt, (x) => 0.5 / Math.sqrt(x)),
  square: each(
    'square',
    (x) => x * x,
    (x) => 2 * x,
  ),
  sigmoid: each('sigmoid', logistic, (x) => logistic(x) * (1 - logistic(x))),
  softplus: each('softplus', (x) => Math.log1p(Math.exp(x)), logistic),
  neg: each(
    'neg',
    (x) => -x,
    () => -1,
  ),
  'arithmetic with numbers and broadcast tensors': {
    build: (t, x) => t.sub(t.div(t.add(t.mul(x, 3), t.at(x, 1)), t.at(x, 0)), 1),
    value: ([a, b, c]) => (3 * (a! + b! + c!) + 3 * b!) / a! - 3,
    gradient: ([a, b, c]) => [3 / a! - (3 * (a! + b! + c!) + 3 * b!) / a! ** 2, 6 / a!, 3 / a!],
  },
  'parts of a vector, also one that is used twice': {
    build: (t, x) => [t.square(t.part(x, 1, 3)), t.sum(t.part(x, 0, 2))],
    value: ([a, b, c]) => b! ** 2 + c! ** 2 + a! + b!,
    gradient: ([, b, c]) => [1, 2 * b! + 1, 2 * c!],
  },
  'elements by place, some of them several times': {
    build: (t, x) => t.mul(t.pick(x, [2, 0, 2, 2]), t.data([1, 2, 3, 4])),
    value: ([a, , c]) => 8 * c! + 2 * a!,
    gradient: () => [2, 0, 8],
  },
  'a matrix times a vector': {
    build: (t, x) => t.square(t.product(t.data([1, 2, 3, 4, 5, 6], [2, 3]), x)),
    value: ([a, b, c]) => (a! + 2 * b! + 3 * c!) ** 2 + (4 * a! + 5 * b! + 6 * c!) ** 2,
    gradient: ([a, b, c]) => {
      const [p, q] = [2 * (a! + 2 * b! + 3 * c!), 2 * (4 * a! + 5 * b! + 6 * c!)];
      return [p + 4 * q, 2 * p + 5 * q, 3 * p + 6 * q];
    },
  },
  'any function with its slope': {
    build: (t, x) => t.apply(x, Math.sin, Math.cos),
    value: (x) => x.reduce((sum, one) => sum + Math.sin(one), 0),
    gradient: (x) => x.map(Math.cos),
  },
  'what does not depend on the point': {
    build: (t) => t.data([1, 2]),
    value: () => 3,
    gradient: () => [0, 0, 0],
  },
};

test.each(Object.entries(CASES))('value and gradient: %s', (_name, { build, value, gradient }) => {
  const field = scalarField(build, 3);
  // The second point is computed over what the first one left.
  for (const x of [
    [0.3, 1.7, 2.5],
    [1.1, 0.2, 0.9],
  ]) {
    const found = new Float64Array(3);
    expect(field(Float64Array.from(x), found) / value(x)).toBeCloseTo(1, 13);
    for (const [i, slope] of gradient(x).entries())
      expect(Math.abs(found[i]! - slope)).toBeLessThan(1e-13 * (1 + Math.abs(slope)));
  }
});

test('slopes of products and repeated axes are those of differences', () => {
  // x as a column (2, 1) and as a matrix (2, 2), repeated against a row, and as both factors of a product.
  const field = scalarField((t, x) => {
    const column = t.product(
      t.data([1, 0, 0, 0, 0, 1, 0, 0], [2, 4]),
      t.mul(t.data([1, 2, 3, 4], [4, 1]), t.at(x, 0)),
    );
    const matrix = t.mul(t.data([1, 2, 3, 4], [2, 2]), t.at(x, 1));
    const row = t.mul(t.data([5, 7]), t.at(x, 2));
    return [
      t.product(t.add(column, row), matrix),
      t.product(matrix, t.sub(row, t.part(x, 1, 3))),
      t.div(matrix, column),
    ];
  }, 3);
  const x = Float64Array.of(0.7, -1.3, 0.4);
  const [gradient, unused] = [new Float64Array(3), new Float64Array(3)];
  field(x, gradient);
  for (let i = 0; i < 3; i++) {
    const at = (step: number): number =>
      field(
        x.map((value, k) => (k === i ? value + step : value)),
        unused,
      );
    const slope = (8 * (at(1e-3) - at(-1e-3)) - (at(2e-3) - at(-2e-3))) / 12e-3;
    expect(gradient[i]! / slope).toBeCloseTo(1, 9);
  }
});

test('softplus neither overflows nor vanishes far out', () => {
  const field = scalarField((t, x) => t.softplus(x), 1);
  const gradient = new Float64Array(1);
  expect(field(Float64Array.of(800), gradient)).toBe(800);
  expect(gradient[0]).toBe(1);
  expect(field(Float64Array.of(-700), gradient)).toBe(Math.exp(-700));
});

test('what the operations cannot take is refused with the reason', () => {
  const run = (build: (t: ExpressionOps, x: Expression) => Expression) => () => scalarField(build, 2);
  expect(run((t, x) => t.part(x, 1, 3))).toThrow('part: there is no element 2 in shape (2)');
  expect(run((t, x) => t.part(x, 1, 1))).toThrow('part: 1 to 1 is no range');
  expect(run((t, x) => t.pick(x, [0.5]))).toThrow('pick: there is no element 0.5 in shape (2)');
  expect(run((t, x) => t.at(t.sum(x), 0))).toThrow('at: no vector, in shape ()');
  expect(run((t, x) => t.product(x, x))).toThrow('product: shapes (2) and (2) do not fit');
  expect(run((t, x) => t.add(x, t.data([1, 2, 3])))).toThrow('add: shapes (2) and (3) do not fit');
  expect(run((t) => t.data([1, 2, 3], [2, 2]))).toThrow('data: 3 values for shape (2, 2)');
  let other: Expression | undefined;
  scalarField((t, x) => (other = t.exp(x)), 2);
  expect(run((t) => t.exp(other!))).toThrow('is not made of the operations of this function');
});
