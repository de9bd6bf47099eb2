import { afterAll, describe, expect, test } from 'vitest';

import {
  maxPoolBackward,
  maxPoolForward,
  selectIsa,
  setNativeThreads,
  upConcatBackward,
  upConcatForward,
} from '../../../src/native/index.js';
import { testedIsas, uniformFloats } from '../../support/native.js';

const GRID = { n: 2, x: 4, y: 6, z: 10 };
const FINE = 2 * 4 * 6 * 10;

/** Fine voxels of coarse voxel `at` in (x, y, z) order. */
function children(at: number): number[] {
  const [b, i, j, k] = [Math.floor(at / 30), Math.floor(at / 15) % 2, Math.floor(at / 5) % 3, at % 5];
  return [0, 1, 2, 3, 4, 5, 6, 7].map(
    (child) => ((b * 4 + 2 * i + (child >> 2)) * 6 + 2 * j + ((child >> 1) & 1)) * 10 + 2 * k + (child & 1),
  );
}

const unset = (length: number): Float32Array => new Float32Array(length).fill(NaN);

function pool(c: number, x: Float32Array): { y: Float32Array; argmax: Uint8Array } {
  const result = { y: unset(x.length / 8), argmax: new Uint8Array(x.length / 8).fill(255) };
  maxPoolForward({ grid: GRID, c, x, ...result });
  return result;
}

afterAll(() => {
  const best = testedIsas()[0];
  if (best !== undefined) selectIsa(best);
  setNativeThreads(1);
});

describe.each(testedIsas())('pooling on %s', (isa) => {
  describe.each([1, 3, 16, 21])('%d channels', (c) => {
    test('the maximum of eight and its place, and the gradient back to that place', () => {
      selectIsa(isa);
      const x = uniformFloats(FINE * c, 1);
      const dy = uniformFloats((FINE / 8) * c, 2);
      for (const threads of [1, 2]) {
        setNativeThreads(threads);
        const { y, argmax } = pool(c, x);
        const dx = unset(x.length);
        maxPoolBackward({ grid: GRID, c, dy, argmax, dx });
        const expectedGradient = new Float32Array(x.length);
        y.forEach((value, at) => {
          const places = children(Math.floor(at / c)).map((voxel) => voxel * c + (at % c));
          const values = places.map((place) => x[place]!);
          expect(value).toBe(Math.max(...values));
          expect(argmax[at]).toBe(values.indexOf(value));
          expectedGradient[places[argmax[at]!]!] = dy[at]!;
        });
        expect(dx).toEqual(expectedGradient);
      }
    });

    test('among equal values the first wins, and a NaN wins over all', () => {
      selectIsa(isa);
      const equal = pool(c, new Float32Array(FINE * c).fill(-2));
      expect(equal.y.every((value) => value === -2)).toBe(true);
      expect(equal.argmax.every((place) => place === 0)).toBe(true);
      const x = uniformFloats(FINE * c, 3);
      for (let voxel = 0; voxel < FINE / 8; voxel++) x[children(voxel)[voxel % 8]! * c] = NaN;
      const { y, argmax } = pool(c, x);
      y.forEach((value, at) => {
        expect(Number.isNaN(value)).toBe(at % c === 0);
        if (at % c === 0) expect(argmax[at]).toBe((at / c) % 8);
      });
    });
  });

  describe.each([
    [1, 0],
    [3, 2],
    [32, 16],
  ])('upsampling %d channels, with %d of the skip tensor', (cLow, cSkip) => {
    test('each coarse value fills its eight voxels, the skip channels follow', () => {
      selectIsa(isa);
      const low = uniformFloats((FINE / 8) * cLow, 4);
      const skip = cSkip === 0 ? null : uniformFloats(FINE * cSkip, 5);
      const y = unset(FINE * (cLow + cSkip));
      upConcatForward({ grid: GRID, cLow, cSkip, low, skip, y });
      const expected = new Float32Array(y.length);
      for (let coarse = 0; coarse < FINE / 8; coarse++) {
        for (const voxel of children(coarse)) {
          expected.set(low.subarray(coarse * cLow, (coarse + 1) * cLow), voxel * (cLow + cSkip));
          if (skip === null) continue;
          expected.set(skip.subarray(voxel * cSkip, (voxel + 1) * cSkip), voxel * (cLow + cSkip) + cLow);
        }
      }
      expect(y).toEqual(expected);
    });

    test('the gradients are the transpose: sums of eight, and the skip part', () => {
      selectIsa(isa);
      setNativeThreads(2);
      const dy = uniformFloats(FINE * (cLow + cSkip), 6);
      const dLow = unset((FINE / 8) * cLow);
      const dSkip = cSkip === 0 ? null : unset(FINE * cSkip);
      upConcatBackward({ grid: GRID, cLow, cSkip, dy, dLow, dSkip });
      dLow.forEach((value, at) => {
        const parts = children(Math.floor(at / cLow)).map((voxel) => dy[voxel * (cLow + cSkip) + (at % cLow)]!);
        // eight float32 values of at most 1, added in another order
        expect(value).toBeCloseTo(
          parts.reduce((sum, part) => sum + part, 0),
          6,
        );
      });
      dSkip?.forEach((value, at) => {
        expect(value).toBe(dy[Math.floor(at / cSkip) * (cLow + cSkip) + cLow + (at % cSkip)]);
      });
      const alone = unset(dLow.length);
      upConcatBackward({ grid: GRID, cLow, cSkip, dy, dLow: alone, dSkip: null });
      expect(alone).toEqual(dLow);
    });
  });
});

describe('arguments of the pooling operations', () => {
  const even = { n: 1, x: 2, y: 2, z: 2 };

  test('odd sizes, wrong lengths and wrong kinds of arrays are refused', () => {
    const x = new Float32Array(8);
    const y = new Float32Array(1);
    const argmax = new Uint8Array(1);
    expect(() => maxPoolForward({ grid: { ...even, y: 3 }, c: 1, x, y, argmax })).toThrow('grid.y is 3, which is odd');
    expect(() => maxPoolForward({ grid: even, c: 2, x, y, argmax })).toThrow('x has 8 elements, not 16');
    expect(() => maxPoolForward({ grid: even, c: 1, x, y: new Float32Array(2), argmax })).toThrow(
      'y has 2 elements, not 1',
    );
    const ints = new Int32Array(1) as unknown as Uint8Array;
    expect(() => maxPoolForward({ grid: even, c: 1, x, y, argmax: ints })).toThrow('argmax is not a Uint8Array');
    const dx = new Float32Array(8);
    expect(() => maxPoolBackward({ grid: even, c: 1, dy: x, argmax, dx })).toThrow('dy has 8 elements, not 1');
  });

  test('a skip tensor that is missing or not announced is refused', () => {
    const call = { grid: even, cLow: 1, low: new Float32Array(1), y: new Float32Array(8) };
    const skip = new Float32Array(8);
    expect(() => upConcatForward({ ...call, cSkip: 1, skip: null })).toThrow('skip has 0 elements, not 8');
    expect(() => upConcatForward({ ...call, cSkip: 0, skip })).toThrow('skip has 8 elements, not 0');
    const backward = { grid: even, cLow: 1, cSkip: 1, dy: new Float32Array(16) };
    expect(() => upConcatBackward({ ...backward, dLow: null, dSkip: call.low })).toThrow(
      'dSkip has 1 elements, not 8',
    );
  });
});
