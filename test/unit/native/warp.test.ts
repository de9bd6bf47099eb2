import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import * as native from '../../../src/native/index.js';
import { relativeError } from '../../support/golden-tensors.js';
import { testedIsas, uniformFloats } from '../../support/native.js';
import { referenceWarp, referenceWarpBackward } from '../../support/reference-warp.js';

/** Float32 rounding of eight products of order 1, relative to the largest value. */
const ROUNDING = 4e-6;

const GRIDS: readonly native.Grid[] = [
  { n: 1, x: 3, y: 5, z: 7 },
  { n: 2, x: 5, y: 3, z: 18 },
  { n: 1, x: 4, y: 6, z: 33 },
  { n: 1, x: 2, y: 2, z: 2 },
  { n: 1, x: 1, y: 6, z: 5 },
  { n: 2, x: 6, y: 1, z: 17 },
  { n: 1, x: 5, y: 6, z: 1 },
  { n: 1, x: 1, y: 1, z: 1 },
  { n: 1, x: 19, y: 4, z: 16 },
];

interface Case {
  readonly grid: native.Grid;
  readonly c: number;
  readonly mode: native.WarpMode;
  readonly volume: Float32Array;
  readonly displacement: Float32Array;
  readonly dout: Float32Array;
}

function makeCase(grid: native.Grid, c: number, mode: native.WarpMode, reach: number): Case {
  const voxels = grid.n * grid.x * grid.y * grid.z;
  return {
    ...{ grid, c, mode },
    volume: uniformFloats(voxels * c, 1),
    displacement: uniformFloats(voxels * 3, 2).map((value) => reach * value),
    dout: uniformFloats(voxels * c, 3),
  };
}

function forward(input: Case): Float32Array {
  const out = new Float32Array(input.volume.length).fill(NaN);
  native.warpForward({ ...input, out });
  return out;
}

function backward(input: Case): { dVolume: Float32Array; dDisplacement: Float32Array } {
  const dVolume = new Float32Array(input.volume.length).fill(NaN);
  const dDisplacement = new Float32Array(input.displacement.length).fill(NaN);
  native.warpBackward({ ...input, dVolume, dDisplacement });
  return { dVolume, dDisplacement };
}

interface Expected {
  readonly label: string;
  readonly input: Case;
  readonly out: Float64Array;
  readonly gradients: ReturnType<typeof referenceWarpBackward>;
}

function expectation(input: Case, label: string): Expected {
  return { label, input, out: referenceWarp(input), gradients: referenceWarpBackward(input, input.dout) };
}

const expectedByMode = new Map<native.WarpMode, readonly Expected[]>();
let large: readonly Expected[] | undefined;

/** Large enough to be cut into one part per thread; with displacements that leave few planes to fold early. */
function largeCases(): readonly Expected[] {
  const grid = { n: 1, x: 40, y: 20, z: 21 };
  large ??= [1, 3].flatMap((c) =>
    [1.5, 60].map((reach) => expectation(makeCase(grid, c, 'border', reach), `c=${c} reach=${reach}`)),
  );
  return large;
}

function bytes(values: Float32Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

/** All grids, channel counts and displacements within one voxel, a few, and far outside, with their references. */
function expectations(mode: native.WarpMode): readonly Expected[] {
  const known = expectedByMode.get(mode);
  if (known !== undefined) return known;
  const made = GRIDS.flatMap((grid) =>
    [1, 2, 3].flatMap((c) =>
      [0.7, 3, 40].map((reach) =>
        expectation(makeCase(grid, c, mode, reach), `${JSON.stringify(grid)} c=${c} reach=${reach}`),
      ),
    ),
  );
  expectedByMode.set(mode, made);
  return made;
}

/** How many elements satisfy a condition: one expectation for a whole array. */
function count(values: Float32Array, condition: (value: number, at: number) => boolean): number {
  return values.reduce((found, value, at) => found + (condition(value, at) ? 1 : 0), 0);
}

describe.each(testedIsas())('warp on %s', (isa) => {
  beforeAll(() => native.selectIsa(isa));
  afterAll(() => {
    native.setNativeThreads(1);
    native.selectIsa(testedIsas()[0] ?? 'baseline');
  });

  describe.each([1, 4])('with %i threads', (threads) => {
    beforeAll(() => native.setNativeThreads(threads));

    test.each(['zeros', 'border'] as const)('equals the float64 reference with %s outside', (mode) => {
      for (const { label, input, out, gradients } of expectations(mode)) {
        const { dVolume, dDisplacement } = backward(input);
        expect(relativeError(forward(input), out), label).toBeLessThan(ROUNDING);
        expect(relativeError(dVolume, gradients.dVolume), label).toBeLessThan(ROUNDING);
        expect(relativeError(dDisplacement, gradients.dDisplacement), label).toBeLessThan(ROUNDING);
      }
    });

    test('gives the same bits each time, and the same sums in several parts', () => {
      for (const { input, gradients } of largeCases()) {
        const { dVolume, dDisplacement } = backward(input);
        const again = backward(input);
        expect(bytes(again.dVolume).equals(bytes(dVolume))).toBe(true);
        expect(bytes(again.dDisplacement).equals(bytes(dDisplacement))).toBe(true);
        expect(relativeError(dVolume, gradients.dVolume)).toBeLessThan(ROUNDING);
      }
    });

    test('one gradient alone is the same as both together', () => {
      for (const c of [1, 2, 3]) {
        const input = makeCase({ n: 2, x: 7, y: 6, z: 19 }, c, 'zeros', 2);
        const both = backward(input);
        const dVolume = new Float32Array(both.dVolume.length);
        const dDisplacement = new Float32Array(both.dDisplacement.length);
        native.warpBackward({ ...input, dVolume, dDisplacement: null });
        native.warpBackward({ ...input, dVolume: null, dDisplacement });
        expect(dVolume).toEqual(both.dVolume);
        expect(dDisplacement).toEqual(both.dDisplacement);
      }
    });
  });

  test('the gradients are those of finite differences of the float64 reference', () => {
    for (const mode of ['zeros', 'border'] as const) {
      const grid = { n: 1, x: 4, y: 5, z: 6 };
      const made = makeCase(grid, 1, mode, 1);
      // Away from whole coordinates, where the derivative jumps.
      const displacement = made.displacement.map((v) => Math.floor(2 * v) + 0.1 + 0.8 * Math.abs(v));
      const input = { ...made, displacement };
      const gradients = backward(input);
      const loss = (changed: Partial<Record<'volume' | 'displacement', Float64Array>>): number =>
        referenceWarp({ ...input, ...changed }).reduce((sum, v, k) => sum + v * (input.dout[k] ?? 0), 0);
      const names = { volume: gradients.dVolume, displacement: gradients.dDisplacement };
      for (const [name, gradient] of Object.entries(names) as ['volume' | 'displacement', Float32Array][]) {
        for (let at = 0; at < gradient.length; at += 7) {
          const step = 1e-5;
          const moved = (by: number): Float64Array => {
            const values = Float64Array.from(input[name]);
            values[at] = (values[at] ?? 0) + by;
            return values;
          };
          const slope = (loss({ [name]: moved(step) }) - loss({ [name]: moved(-step) })) / (2 * step);
          expect(Math.abs((gradient[at] ?? NaN) - slope), `${name} ${at}`).toBeLessThan(1e-5);
        }
      }
    }
  });

  test('no displacement gives the volume bit for bit, whole voxels a shifted one with zeros outside', () => {
    for (const c of [1, 2, 3]) {
      const input = makeCase({ n: 1, x: 4, y: 5, z: 21 }, c, 'zeros', 0);
      expect(forward(input)).toEqual(input.volume);
      const displacement = input.displacement.map((_, k) => [1, 0, -2][k % 3] ?? 0);
      const expected = input.volume.map((_, k) => {
        const voxel = Math.floor(k / c);
        const [x, y, z] = [Math.floor(voxel / 105) + 1, Math.floor(voxel / 21) % 5, (voxel % 21) - 2];
        return x < 4 && z >= 0 ? (input.volume[((x * 5 + y) * 21 + z) * c + (k % c)] ?? NaN) : 0;
      });
      expect(forward({ ...input, displacement }).map((v) => v + 0)).toEqual(expected);
    }
  });

  test('a coordinate exactly on the first or last voxel is clamped: its gradient is 0', () => {
    for (const c of [1, 2, 3]) {
      const input = makeCase({ n: 1, x: 4, y: 4, z: 20 }, c, 'border', 0);
      const { dDisplacement } = backward(input);
      const atEnd = (k: number): boolean => {
        const voxel = Math.floor(k / 3);
        const place = [Math.floor(voxel / 80), Math.floor(voxel / 20) % 4, voxel % 20][k % 3] ?? 0;
        return place === 0 || place === (k % 3 === 2 ? 19 : 3);
      };
      expect(count(dDisplacement, (value, k) => atEnd(k) && value !== 0)).toBe(0);
      expect(count(dDisplacement, (value, k) => !atEnd(k) && value === 0)).toBe(0);
    }
  });

  test('a displacement too small to move a float32 coordinate still has its exact weight', () => {
    const size = 64;
    const volume = Float32Array.from({ length: 2 * size }, (_, k) => (k % size === 40 ? 1 : 0));
    const displacement = new Float32Array(2 * size * 3);
    displacement[(size + 39) * 3 + 2] = 1e-7;
    const out = new Float32Array(2 * size);
    const grid = { n: 1, x: 2, y: 1, z: size };
    native.warpForward({ grid, c: 1, volume, displacement, mode: 'border', out });
    expect(out[size + 39]).toBe(Math.fround(1e-7));
  });

  test('NaN and infinity are never lost, and stay in the grid', () => {
    for (const mode of ['zeros', 'border'] as const) {
      for (const c of [1, 2, 3]) {
        for (const bad of [NaN, Infinity, -Infinity]) {
          const input = makeCase({ n: 1, x: 6, y: 5, z: 19 }, c, mode, 1);
          for (let axis = 0; axis < 3; axis++) {
            const displacement = input.displacement.slice();
            displacement[(2 * 95 + 40) * 3 + axis] = bad;
            const broken = { ...input, displacement };
            const out = forward(broken);
            expect(count(out, Number.isNaN)).toBe(c);
            const { dVolume, dDisplacement } = backward(broken);
            expect(dVolume.some(Number.isNaN)).toBe(true);
            expect(dDisplacement.some(Number.isNaN)).toBe(true);
          }
        }
        const input = makeCase({ n: 1, x: 6, y: 5, z: 19 }, c, mode, 0.4);
        const volume = input.volume.slice();
        volume[Math.floor(volume.length / 2)] = NaN;
        expect(forward({ ...input, volume }).some(Number.isNaN)).toBe(true);
        const all = { ...input, displacement: input.displacement.map(() => NaN) };
        expect(forward(all).every(Number.isNaN)).toBe(true);
        expect(backward(all).dVolume.some(Number.isNaN)).toBe(true);
      }
    }
  });

  test('a finite displacement far outside reads 0, or the border voxel', () => {
    const input = makeCase({ n: 1, x: 4, y: 4, z: 18 }, 1, 'zeros', 0);
    const displacement = input.displacement.map((_, k) => (k % 3 === 0 ? 1e30 : 0));
    expect(forward({ ...input, displacement }).every((v) => v === 0)).toBe(true);
    const border = forward({ ...input, displacement, mode: 'border' });
    expect(border).toEqual(input.volume.map((_, k) => input.volume[216 + (k % 72)] ?? NaN));
  });
});

describe('arguments of the warp', () => {
  const input = makeCase({ n: 1, x: 3, y: 3, z: 3 }, 1, 'zeros', 1);

  test('wrong lengths and sizes are refused by name', () => {
    const call = (changed: object) => () =>
      native.warpForward({ ...input, out: new Float32Array(27), ...changed });
    expect(call({ displacement: new Float32Array(27) })).toThrow('displacement has 27 elements, not 81');
    expect(call({ out: new Float32Array(26) })).toThrow('out has 26 elements, not 27');
    expect(call({ grid: { n: 1, x: 3, y: 0, z: 9 } })).toThrow('grid.y is 0');
    expect(call({ c: 1.5 })).toThrow('c is 1.5');
    expect(call({ out: input.volume })).toThrow('out overlaps volume in memory');
  });

  test('gradients must not share memory', () => {
    const shared = new Float32Array(81);
    const dVolume = shared.subarray(0, 27);
    expect(() => native.warpBackward({ ...input, dVolume, dDisplacement: shared })).toThrow(
      'dVolume overlaps dDisplacement in memory',
    );
  });
});
