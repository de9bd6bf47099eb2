/** Element-wise operations, log density, Adam and the losses that are sums over voxels. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import * as native from '../../../src/native/index.js';
import { ulps } from '../../support/golden-atlas.js';
import { relativeError } from '../../support/golden-tensors.js';
import { testedIsas, uniformFloats } from '../../support/native.js';

/** Lengths around the vectors of each instruction set, and one that several threads share. */
const LENGTHS = [0, 1, 3, 4, 7, 16, 37, 66_003];

/** Magnitudes from 1e-38 to 1e38 and the special values, both signs. */
function wide(length: number): Float32Array {
  const exponents = uniformFloats(length, 11);
  const mantissas = uniformFloats(length, 12);
  const values = exponents.map((e, k) => Math.fround((mantissas[k] ?? 0) * 10 ** (38 * e)));
  const special = [0, -0, 1, -1, Infinity, -Infinity, NaN, 1e-45, 88.8, -88.8, -103.5, 0.5, -0.5, 2];
  special.slice(0, length).forEach((v, k) => (values[k] = v));
  return values;
}

function most(values: Float32Array, distance: (value: number, at: number) => number): number {
  return values.reduce((largest, value, at) => {
    const d = distance(value, at);
    return Number.isNaN(d) ? Infinity : Math.max(largest, d);
  }, 0);
}

const UNARY: readonly [native.UnaryOperation, (x: number) => number, number][] = [
  ['negative', (x) => -x, 0],
  ['absolute', Math.abs, 0],
  ['square', (x) => x * x, 0],
  ['sqrt', Math.sqrt, 0],
  ['reciprocal', (x) => 1 / x, 0],
  ['exp', Math.exp, 1],
  ['expm1', Math.expm1, 1],
  ['log', Math.log, 1],
  ['log1p', Math.log1p, 1],
];

const BINARY: readonly [native.BinaryOperation, (a: number, b: number) => number][] = [
  ['add', (a, b) => a + b],
  ['subtract', (a, b) => a - b],
  ['multiply', (a, b) => a * b],
  ['divide', (a, b) => a / b],
  ['maximum', Math.max],
  ['minimum', Math.min],
];

/** Units in the last place between a result and the float32 nearest to the true value; NaN equals NaN. */
function distance(actual: number, exact: number): number {
  const expected = Math.fround(exact);
  if (Number.isNaN(expected)) return Number.isNaN(actual) ? 0 : Infinity;
  return ulps(actual, expected);
}

describe.each(testedIsas())('element-wise on %s', (isa) => {
  beforeAll(() => native.selectIsa(isa));
  afterAll(() => {
    native.setNativeThreads(1);
    native.selectIsa(testedIsas()[0] ?? 'baseline');
  });

  describe.each([1, 3])('with %i threads', (threads) => {
    beforeAll(() => native.setNativeThreads(threads));

    test.each(UNARY)('%s is right to the last place over all magnitudes', (name, exact, allowed) => {
      for (const length of LENGTHS) {
        const x = wide(length);
        const out = new Float32Array(length).fill(7);
        native.mapUnary(name, x, out);
        expect(most(out, (v, k) => distance(v, exact(x[k] ?? 0)))).toBeLessThanOrEqual(allowed);
      }
    });

    test.each(['exp', 'expm1', 'log', 'log1p'] as const)('%s near 1 and 0', (name) => {
      const x = uniformFloats(50_000, 13).map((v, k) => (name === 'log' ? 1 : 0) + v * 10 ** -(k % 12));
      const out = new Float32Array(x.length);
      native.mapUnary(name, x, out);
      expect(most(out, (v, k) => distance(v, Math[name](x[k] ?? 0)))).toBeLessThanOrEqual(1);
    });

    test.each(BINARY)('%s, apart and in place', (name, exact) => {
      for (const length of LENGTHS) {
        const a = wide(length);
        const b = uniformFloats(length, 14);
        const out = new Float32Array(length);
        native.mapBinary(name, a, b, out);
        expect(most(out, (v, k) => distance(v, exact(a[k] ?? 0, b[k] ?? 0)))).toBe(0);
        const inPlace = a.slice();
        native.mapBinary(name, inPlace, b, inPlace);
        expect(most(inPlace, (v, k) => distance(v, out[k] ?? 0))).toBe(0);
      }
    });

    test('affine, axpy and clamp', () => {
      for (const length of LENGTHS) {
        const x = uniformFloats(length, 15);
        const out = new Float32Array(length);
        native.affine(x, 3, -0.5, out);
        expect(most(out, (v, k) => Math.abs(v - (3 * (x[k] ?? 0) - 0.5)))).toBeLessThan(3e-7);
        native.affine(x, 0, 1, out);
        native.axpy(2, x, out);
        expect(most(out, (v, k) => Math.abs(v - (1 + 2 * (x[k] ?? 0))))).toBeLessThan(3e-7);
        native.clamp(x, -0.25, 0.5, out);
        expect(most(out, (v, k) => Math.abs(v - Math.min(Math.max(x[k] ?? 0, -0.25), 0.5)))).toBe(0);
        native.clamp(x, 0, Infinity, out);
        expect(most(out, (v, k) => Math.abs(v - Math.max(x[k] ?? 0, 0)))).toBe(0);
      }
      const kept = new Float32Array(20).fill(NaN);
      native.clamp(kept, 0, 1, kept);
      expect(kept.every(Number.isNaN)).toBe(true);
    });

    test('sums are those of float64, and the same each time', () => {
      for (const length of LENGTHS) {
        const a = uniformFloats(length, 16).map((v, k) => v * 10 ** (k % 7));
        const b = uniformFloats(length, 17);
        const exact = (f: (x: number, y: number) => number): number =>
          Array.from(a).reduce((total, x, k) => total + f(x, b[k] ?? 0), 0);
        expect(Math.abs(native.sum(a) - exact((x) => x))).toBeLessThan(1e-8 * (1 + length));
        expect(native.sumOfSquares(a) / (exact((x) => x * x) || 1)).toBeCloseTo(length === 0 ? 0 : 1, 12);
        expect(Math.abs(native.dot(a, b) - exact((x, y) => x * y))).toBeLessThan(1e-8 * (1 + length));
        expect(native.sum(a)).toBe(native.sum(a));
      }
      // In float32 the small terms would be lost.
      const tiny = new Float32Array(65_537).fill(2 ** -24);
      tiny[0] = 1;
      expect(native.sum(tiny)).toBe(1 + 65_536 / 2 ** 24);
    });

    test('one bad element anywhere is found', () => {
      for (const bad of [NaN, Infinity, -Infinity]) {
        for (const at of [0, 15, 16, 40_000, 100_002]) {
          const x = new Float32Array(100_003).fill(3e38);
          expect(native.allFinite(x)).toBe(true);
          x[at] = bad;
          expect(native.allFinite(x)).toBe(false);
          expect(Number.isFinite(native.sum(x))).toBe(false);
        }
      }
    });
  });

  test('log density, its inverse and both gradients', () => {
    const offset = 1e-3;
    const slope = 1 / Math.log1p(1 / offset);
    const x = uniformFloats(40_001, 18).map((v, k) => Math.abs(v) * 10 ** -(k % 9));
    x[0] = 0;
    const dy = uniformFloats(x.length, 19);
    const t = new Float32Array(x.length);
    const back = new Float32Array(x.length);
    const out = new Float32Array(x.length);
    native.logDensity(x, offset, t);
    expect(most(t, (v, k) => distance(v, slope * Math.log1p((x[k] ?? 0) / offset)))).toBeLessThanOrEqual(1);
    native.inverseLogDensity(t, offset, back);
    expect(most(back, (v, k) => distance(v, offset * Math.expm1((t[k] ?? 0) / slope)))).toBeLessThanOrEqual(1);
    native.logDensityBackward(x, offset, dy, out);
    const forward = (k: number): number => ((dy[k] ?? 0) * slope) / ((x[k] ?? 0) + offset);
    expect(most(out, (v, k) => distance(v, forward(k)))).toBeLessThanOrEqual(1);
    native.inverseLogDensityBackward(t, offset, dy, out);
    const inverse = (k: number): number => (((dy[k] ?? 0) * offset) / slope) * Math.exp((t[k] ?? 0) / slope);
    expect(most(out, (v, k) => distance(v, inverse(k)))).toBeLessThanOrEqual(1);
    native.logDensity(Float32Array.of(NaN, -1), offset, out.subarray(0, 2));
    expect(Number.isNaN(out[0]) && Number.isNaN(out[1])).toBe(true);
    expect(t[0]).toBe(0);
  });

  test('Adam follows its float64 recurrence over many steps', () => {
    const length = 37;
    const param = uniformFloats(length, 20);
    const exact = Float64Array.from(param);
    const moments = { m: new Float64Array(length), v: new Float64Array(length) };
    const [m, v] = [new Float32Array(length), new Float32Array(length)];
    const rule = { lr: 0.01, beta1: 0.9, beta2: 0.999, eps: 1e-8 };
    for (let step = 1; step <= 50; step++) {
      const grad = uniformFloats(length, 20 + step).map((g, k) => g * 10 ** -(k % 5));
      native.adamStep({ param, grad, m, v, ...rule, step });
      for (let k = 0; k < length; k++) {
        const g = grad[k] ?? 0;
        moments.m[k] = 0.9 * (moments.m[k] ?? 0) + 0.1 * g;
        moments.v[k] = 0.999 * (moments.v[k] ?? 0) + 0.001 * g * g;
        const first = (moments.m[k] ?? 0) / (1 - 0.9 ** step);
        const second = (moments.v[k] ?? 0) / (1 - 0.999 ** step);
        exact[k] = (exact[k] ?? 0) - (0.01 * first) / (Math.sqrt(second) + 1e-8);
      }
    }
    expect(relativeError(param, exact)).toBeLessThan(2e-6);
    expect(relativeError(m, moments.m)).toBeLessThan(2e-6);
    expect(relativeError(v, moments.v)).toBeLessThan(5e-6);
  });

  test('the first step of Adam moves by the learning rate against the sign; no gradient, no move', () => {
    const param = new Float32Array(20);
    const grad = param.map((_, k) => (k === 0 ? 0 : (-1) ** k * 10 ** -(k % 4)));
    const rule = { lr: 0.5, beta1: 0.9, beta2: 0.999, eps: 1e-12, step: 1 };
    native.adamStep({ param, grad, m: new Float32Array(20), v: new Float32Array(20), ...rule });
    expect(most(param, (p, k) => Math.abs(p + 0.5 * Math.sign(grad[k] ?? 0)))).toBeLessThan(1e-5);
  });

  test('soft Dice and density L1 with their gradients equal float64 references', () => {
    for (const threads of [1, 3]) {
      native.setNativeThreads(threads);
      for (const size of [1, 7, 45, 70_001]) {
        const n = 2;
        const a = uniformFloats(n * size, 30).map(Math.abs);
        const b = uniformFloats(n * size, 31).map((v) => Math.max(v, 0));
        const dice = { ...{ n, size, a, b, s: b }, ...{ threshold: 0.1, offWeight: 0.25, eps: 1e-6 } };
        const da = new Float32Array(n * size);
        const dw = new Float32Array(n * size);
        native.softDiceBackward({ ...dice, scale: 3, da });
        native.densityL1Backward({ n, size, w: a, s: b, eps: 1e-6, scale: 3, dw });
        let expectedDice = 0;
        let expectedL1 = 0;
        for (let item = 0; item < n; item++) {
          const sums = { ab: 0, aa: 0, bb: 0, l1: 0, s: 0 };
          const each = (body: (p: number, q: number, h: number, k: number) => void): void => {
            for (let k = item * size; k < (item + 1) * size; k++) {
              const [p, q] = [a[k] ?? 0, b[k] ?? 0];
              body(p, q, q > Math.fround(0.1) ? 1 : 0.25, k);
            }
          };
          each((p, q, h) => {
            sums.ab += h * p * q;
            sums.aa += h * p * p;
            sums.bb += h * q * q;
            sums.l1 += Math.abs(p - q);
            sums.s += q;
          });
          const [above, below] = [2 * sums.ab + 1e-6, sums.aa + sums.bb + 1e-6];
          expectedDice += (1 - above / below) / n;
          expectedL1 += sums.l1 / (sums.s + 1e-6) / n;
          let worst = 0;
          each((p, q, h, k) => {
            const slope = ((3 / n) * (-2 * h * q * below + 2 * h * p * above)) / below ** 2;
            const sign = ((3 / n) * Math.sign(p - q)) / (sums.s + 1e-6);
            worst = Math.max(worst, Math.abs((da[k] ?? NaN) - slope) * below);
            worst = Math.max(worst, Math.abs((dw[k] ?? NaN) - sign) * (sums.s + 1e-6));
          });
          expect(worst).toBeLessThan(3e-6);
        }
        expect(native.softDiceForward(dice)).toBeCloseTo(expectedDice, 10);
        expect(native.densityL1Forward({ n, size, w: a, s: b, eps: 1e-6 }) / expectedL1).toBeCloseTo(1, 10);
      }
    }
    native.setNativeThreads(1);
  });

  test('losses of empty, equal and broken volumes', () => {
    const size = 45;
    const empty = new Float32Array(size);
    const full = uniformFloats(size, 32).map(Math.abs);
    const dice = { ...{ n: 1, size, s: full }, ...{ threshold: 0, offWeight: 0.25, eps: 1e-6 } };
    expect(native.softDiceForward({ ...dice, a: empty, b: empty, s: empty })).toBe(0);
    expect(native.softDiceForward({ ...dice, a: full, b: full })).toBeCloseTo(0, 12);
    expect(native.densityL1Forward({ n: 1, size, w: empty, s: empty, eps: 1e-6 })).toBe(0);
    const dw = new Float32Array(size).fill(NaN);
    native.densityL1Backward({ n: 1, size, w: full, s: full, eps: 1e-6, scale: 1, dw });
    expect(dw.every((v) => v === 0)).toBe(true);
    const broken = full.slice();
    broken[44] = NaN;
    expect(native.softDiceForward({ ...dice, a: broken, b: full })).toBeNaN();
    expect(native.softDiceForward({ ...dice, a: full, b: broken })).toBeNaN();
    expect(native.densityL1Forward({ n: 1, size, w: broken, s: full, eps: 1e-6 })).toBeNaN();
    native.densityL1Backward({ n: 1, size, w: broken, s: full, eps: 1e-6, scale: 1, dw });
    expect(dw[44]).toBeNaN();
  });
});

describe('arguments of the element-wise operations', () => {
  const [x, out] = [new Float32Array(8), new Float32Array(8)];

  test('lengths, overlaps, names and numbers are checked', () => {
    expect(() => native.mapUnary('exp', new Float32Array(7), out)).toThrow('x has 7 elements, not 8');
    expect(() => native.mapUnary('sin' as 'exp', x, out)).toThrow("no element-wise operation 'sin'");
    const shared = new Float32Array(12);
    expect(() => native.mapBinary('add', shared.subarray(0, 8), x, shared.subarray(4))).toThrow(
      'out overlaps a in memory',
    );
    expect(() => native.logDensity(x, 0, out)).toThrow('offset is 0');
    const adam = { param: x, grad: out, m: new Float32Array(8), v: new Float32Array(8), lr: 1, eps: 1e-8 };
    expect(() => native.adamStep({ ...adam, beta1: 1, beta2: 0.9, step: 1 })).toThrow('beta1 is 1');
    expect(() => native.adamStep({ ...adam, beta1: 0, beta2: 0.9, step: 0 })).toThrow('step is 0');
    const dice = { n: 1, size: 8, a: x, b: x, s: x, threshold: 0, offWeight: 1, eps: 1e-6 };
    expect(() => native.softDiceForward({ ...dice, size: 4 })).toThrow('a has 8 elements, not 4');
    expect(() => native.densityL1Backward({ n: 1, size: 8, w: x, s: out, eps: 1, scale: 1, dw: x })).toThrow(
      'dw overlaps w in memory',
    );
  });
});
