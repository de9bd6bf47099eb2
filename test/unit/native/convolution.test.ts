import { afterAll, describe, expect, test } from 'vitest';

import {
  convBackward,
  convForward,
  selectIsa,
  setNativeThreads,
  type ConvBackward,
  type ConvForward,
  type Grid,
} from '../../../src/native/index.js';
import { relativeError } from '../../support/golden-tensors.js';
import { naiveBackward, naiveForward } from '../../support/naive-convolution.js';
import { testedIsas, uniformFloats } from '../../support/native.js';

// float32 sums of up to 27 * 33 products, in another order than the float64 loop.
const TOLERANCE = 2e-6;

const CASES: readonly { grid: Grid; cin: number; cout: number }[] = [
  { grid: { n: 1, x: 3, y: 7, z: 11 }, cin: 17, cout: 3 },
  { grid: { n: 2, x: 3, y: 7, z: 11 }, cin: 1, cout: 16 },
  { grid: { n: 1, x: 4, y: 5, z: 1 }, cin: 5, cout: 7 },
  { grid: { n: 1, x: 1, y: 1, z: 1 }, cin: 4, cout: 4 },
  { grid: { n: 2, x: 3, y: 4, z: 9 }, cin: 16, cout: 3 },
  { grid: { n: 1, x: 4, y: 4, z: 26 }, cin: 32, cout: 2 },
  { grid: { n: 1, x: 3, y: 6, z: 24 }, cin: 16, cout: 1 },
  { grid: { n: 1, x: 2, y: 3, z: 33 }, cin: 16, cout: 4 },
  { grid: { n: 1, x: 3, y: 19, z: 25 }, cin: 2, cout: 16 },
  { grid: { n: 1, x: 2, y: 3, z: 50 }, cin: 3, cout: 3 },
  { grid: { n: 1, x: 3, y: 5, z: 7 }, cin: 33, cout: 18 },
  { grid: { n: 1, x: 3, y: 20, z: 30 }, cin: 16, cout: 16 },
];

type Case = (typeof CASES)[number];

const voxelsOf = ({ n, x, y, z }: Grid): number => n * x * y * z;

interface Inputs {
  readonly x: Float32Array;
  readonly w: Float32Array;
  readonly bias: Float32Array;
  readonly dy: Float32Array;
}

function inputs(grid: Grid, cin: number, cout: number): Inputs {
  return {
    x: uniformFloats(voxelsOf(grid) * cin, 1),
    w: uniformFloats(27 * cin * cout, 2),
    bias: uniformFloats(cout, 3),
    dy: uniformFloats(voxelsOf(grid) * cout, 4),
  };
}

interface Expected {
  readonly y: Float64Array;
  readonly gradients: ReturnType<typeof naiveBackward>;
}

const known = new Map<string, Expected>();

/** The slow float64 loop, once for all instruction sets; the gate of its gradients is its own rounded result. */
function expected({ grid, cin, cout }: Case, slope: number): Expected {
  const key = JSON.stringify([grid, cin, cout, slope]);
  const found = known.get(key);
  if (found !== undefined) return found;
  const { x, w, bias, dy } = inputs(grid, cin, cout);
  const y = naiveForward({ grid, cin, cout }, x, w, bias, slope);
  const gradients = naiveBackward({ grid, cin, cout }, x, w, Float32Array.from(y), slope, dy);
  known.set(key, { y, gradients });
  return { y, gradients };
}

/** Results start as NaN: what a kernel leaves out is seen. */
const unset = (length: number): Float32Array => new Float32Array(length).fill(NaN);

function forward(call: Omit<ConvForward, 'y'>): Float32Array {
  const y = unset(voxelsOf(call.grid) * call.cout);
  convForward({ ...call, y });
  return y;
}

function backward(call: Omit<ConvBackward, 'dx' | 'dw' | 'db'>): Record<'dx' | 'dw' | 'db', Float32Array> {
  const result = { dx: unset(call.x.length), dw: unset(call.w.length), db: unset(call.cout) };
  convBackward({ ...call, ...result });
  return result;
}

afterAll(() => {
  const best = testedIsas()[0];
  if (best !== undefined) selectIsa(best);
  setNativeThreads(1);
});

describe.each(testedIsas())('convolution on %s', (isa) => {
  describe.each(CASES)('grid $grid, $cin to $cout channels', ({ grid, cin, cout }) => {
    test.each([1, 0.2, 0])('agrees with the definition for slope %d, on one and three threads', (slope) => {
      selectIsa(isa);
      const { x, w, bias, dy } = inputs(grid, cin, cout);
      const { y, gradients } = expected({ grid, cin, cout }, slope);
      for (const threads of [1, 3]) {
        setNativeThreads(threads);
        const result = forward({ grid, cin, cout, x, w, bias, slope });
        expect(relativeError(result, y)).toBeLessThan(TOLERANCE);
        // The gate is the rounded reference: a value that rounds to the other side of 0 would be no error.
        const actual = backward({ grid, cin, cout, x, w, y: Float32Array.from(y), slope, dy });
        expect(relativeError(actual.dx, gradients.dx)).toBeLessThan(TOLERANCE);
        expect(relativeError(actual.dw, gradients.dw)).toBeLessThan(TOLERANCE);
        expect(relativeError(actual.db, gradients.db)).toBeLessThan(TOLERANCE);
      }
    });
  });

  test('gives the same bytes again for the same number of threads', () => {
    selectIsa(isa);
    const grid = { n: 1, x: 9, y: 21, z: 30 };
    const { x, w, bias, dy } = inputs(grid, 16, 16);
    for (const threads of [1, 2, 3]) {
      setNativeThreads(threads);
      const runs = [0, 1, 2].map(() => {
        const y = forward({ grid, cin: 16, cout: 16, x, w, bias, slope: 0.2 });
        const { dx, dw, db } = backward({ grid, cin: 16, cout: 16, x, w, y, slope: 0.2, dy });
        return Buffer.concat([y, dx, dw, db].map((array) => Buffer.from(array.buffer)));
      });
      expect(runs.map((run) => run.equals(runs[0]!))).toEqual([true, true, true]);
    }
  });

  test('a filter with one 1 in the middle copies, and one at a corner shifts with zeros from outside', () => {
    selectIsa(isa);
    const grid = { n: 1, x: 3, y: 4, z: 5 };
    const x = uniformFloats(60, 7);
    const copy = new Float32Array(27);
    copy[13] = 1;
    expect(forward({ grid, cin: 1, cout: 1, x, w: copy, bias: null, slope: 1 })).toEqual(x);
    const corner = new Float32Array(27);
    corner[0] = 1;
    const shifted = forward({ grid, cin: 1, cout: 1, x, w: corner, bias: null, slope: 1 });
    shifted.forEach((value, at) => {
      const [i, j, k] = [Math.floor(at / 20), Math.floor(at / 5) % 4, at % 5];
      expect(value).toBe(i === 0 || j === 0 || k === 0 ? 0 : x[at - 26]);
    });
  });

  test('a NaN reaches exactly the voxels whose window holds it', () => {
    selectIsa(isa);
    const grid = { n: 1, x: 5, y: 5, z: 40 };
    const x = uniformFloats(1000 * 16, 8);
    x[((2 * 5 + 2) * 40 + 20) * 16 + 3] = NaN;
    const w = uniformFloats(27 * 16 * 3, 9);
    const y = forward({ grid, cin: 16, cout: 3, x, w, bias: null, slope: 0.2 });
    y.forEach((value, at) => {
      const voxel = Math.floor(at / 3);
      const near = [Math.floor(voxel / 200) - 2, (Math.floor(voxel / 40) % 5) - 2, (voxel % 40) - 20];
      expect(Number.isNaN(value)).toBe(near.every((d) => Math.abs(d) <= 1));
    });
  });

  test('a NaN gradient reaches the filter and bias gradients', () => {
    selectIsa(isa);
    const grid = { n: 1, x: 2, y: 2, z: 4 };
    const { x, w, dy } = inputs(grid, 4, 4);
    dy[5] = NaN;
    const { dw, db } = backward({ grid, cin: 4, cout: 4, x, w, y: dy, slope: 0.2, dy });
    expect(Array.from(db, Number.isNaN)).toEqual([false, true, false, false]);
    expect(dw.some((value) => Number.isNaN(value))).toBe(true);
  });

  test('gradients that are not wanted are left out', () => {
    selectIsa(isa);
    const grid = { n: 1, x: 4, y: 4, z: 8 };
    const { x, w, dy } = inputs(grid, 2, 16);
    const call = { grid, cin: 2, cout: 16, x, w, y: dy, slope: 0.2, dy };
    const all = backward(call);
    for (const wanted of ['dx', 'dw', 'db'] as const) {
      const result = unset(all[wanted].length);
      convBackward({ ...call, dx: null, dw: null, db: null, [wanted]: result });
      // db alone is summed in another order than beside dw
      expect(relativeError(result, all[wanted])).toBeLessThan(TOLERANCE);
    }
  });
});

describe('arguments of the convolution', () => {
  const grid = { n: 1, x: 2, y: 2, z: 2 };
  const call = {
    ...{ grid, cin: 2, cout: 3, bias: null, slope: 0.2 },
    ...{ x: new Float32Array(16), w: new Float32Array(162), y: new Float32Array(24) },
  };

  test.each<[string, Partial<ConvForward>]>([
    ['x has 15 elements, not 16', { x: new Float32Array(15) }],
    ['w has 163 elements, not 162', { w: new Float32Array(163) }],
    ['bias has 2 elements, not 3', { bias: new Float32Array(2) }],
    ['y has 0 elements, not 24', { y: new Float32Array(0) }],
    ['x is not a Float32Array', { x: new Float64Array(16) as unknown as Float32Array }],
    ['x is not a Float32Array', { x: Array.from({ length: 16 }, () => 0) as unknown as Float32Array }],
    ['grid.y is 0', { grid: { ...grid, y: 0 } }],
    ['grid.x is 1.5', { grid: { ...grid, x: 1.5 } }],
    ['cin is -1', { cin: -1 }],
    ['cout is NaN', { cout: NaN }],
    ['slope is -0.1', { slope: -0.1 }],
    ['slope is NaN', { slope: NaN }],
  ])('refused: %s', (message, wrong) => {
    expect(() => convForward({ ...call, ...wrong })).toThrow(message);
  });

  test('a result that overlaps its input is refused', () => {
    const memory = new Float32Array(40);
    const x = memory.subarray(0, 16);
    expect(() => convForward({ ...call, x, y: memory.subarray(15, 39) })).toThrow('y overlaps x in memory');
    convForward({ ...call, x, y: memory.subarray(16, 40) });
  });

  test('the gradients are checked too', () => {
    const rest = { dy: new Float32Array(24), dx: null, dw: null, db: null };
    const { grid, cin, cout, x, w, y, slope } = call;
    const backward = { grid, cin, cout, x, w, y, slope, ...rest };
    expect(() => convBackward({ ...backward, dy: new Float32Array(23) })).toThrow('dy has 23 elements, not 24');
    expect(() => convBackward({ ...backward, dx: new Float32Array(24) })).toThrow('dx has 24 elements, not 16');
    expect(() => convBackward({ ...backward, dw: w })).toThrow('dw overlaps w in memory');
    convBackward(backward);
  });
});
