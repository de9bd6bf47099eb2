import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import * as native from '../../../src/native/index.js';
import { relativeError } from '../../support/golden-tensors.js';
import { testedIsas, uniformFloats } from '../../support/native.js';

interface Case {
  readonly grid: native.Grid;
  readonly window: number;
  readonly eps: number;
  readonly activeOnly: boolean;
  readonly i: Float32Array;
  readonly j: Float32Array;
}

/** Correlated noise; the first planes of both are empty, so that some windows are flat. */
function makeCase(grid: native.Grid, window: number, activeOnly: boolean): Case {
  const length = grid.n * grid.x * grid.y * grid.z;
  const empty = Math.floor(grid.x / 3) * grid.y * grid.z;
  const noise = uniformFloats(length, 5);
  const i = uniformFloats(length, 4).map((v, k) => (k < empty ? 0 : (v + 1) / 2));
  const j = i.map((v, k) => (k < empty ? 0 : 0.6 * v + 0.2 * ((noise[k] ?? 0) + 1)));
  return { grid, window, eps: 1e-5, activeOnly, i, j };
}

/** The loss in float64, one window at a time. */
function referenceLoss(input: Case, i: ArrayLike<number> = input.i, j: ArrayLike<number> = input.j): number {
  const { grid, window, eps, activeOnly } = input;
  const radius = (window - 1) / 2;
  const share = window ** 3;
  let sum = 0;
  let active = 0;
  for (let at = 0; at < i.length; at++) {
    const z = at % grid.z;
    const y = Math.floor(at / grid.z) % grid.y;
    const x = Math.floor(at / (grid.z * grid.y)) % grid.x;
    const start = Math.floor(at / (grid.x * grid.y * grid.z)) * grid.x;
    let [si, sj, sii, sjj, sij] = [0, 0, 0, 0, 0];
    for (let a = Math.max(0, x - radius); a <= Math.min(grid.x - 1, x + radius); a++) {
      for (let b = Math.max(0, y - radius); b <= Math.min(grid.y - 1, y + radius); b++) {
        for (let c = Math.max(0, z - radius); c <= Math.min(grid.z - 1, z + radius); c++) {
          const voxel = ((start + a) * grid.y + b) * grid.z + c;
          const p = i[voxel] ?? NaN;
          const q = j[voxel] ?? NaN;
          si += p;
          sj += q;
          sii += p * p;
          sjj += q * q;
          sij += p * q;
        }
      }
    }
    const [mi, mj] = [si / share, sj / share];
    const bound = activeOnly ? eps : eps / share;
    const varI = sii / share - mi * mi;
    const varJ = sjj / share - mj * mj;
    const cov = sij / share - mi * mj;
    const cc = (cov * cov) / (Math.max(varI, bound) * Math.max(varJ, bound));
    if (activeOnly && varI <= bound) continue;
    active++;
    sum += activeOnly ? Math.min(Math.max(cc, 0), 1) : cc;
  }
  if (activeOnly) return active === 0 ? 0 : 1 - sum / active;
  return -sum / active;
}

function gradients(input: Case, scale = 1): { loss: number; di: Float32Array; dj: Float32Array } {
  const { loss, saved } = native.nccForward(input);
  const di = new Float32Array(input.i.length).fill(NaN);
  const dj = new Float32Array(input.i.length).fill(NaN);
  native.nccBackward({ ...input, saved, scale, di, dj });
  return { loss, di, dj };
}

/** Central differences of the reference at every `stride`-th voxel. */
function slopes(input: Case, name: 'i' | 'j', stride: number): Map<number, number> {
  const found = new Map<number, number>();
  for (let at = 0; at < input[name].length; at += stride) {
    const moved = (by: number): number => {
      const values = Float64Array.from(input[name]);
      values[at] = (values[at] ?? 0) + by;
      return name === 'i' ? referenceLoss(input, values) : referenceLoss(input, input.i, values);
    };
    found.set(at, (moved(1e-5) - moved(-1e-5)) / 2e-5);
  }
  return found;
}

interface Expected {
  readonly input: Case;
  readonly loss: number;
  readonly di: Map<number, number>;
  readonly dj: Map<number, number>;
}

const GRIDS: readonly [native.Grid, number][] = [
  [{ n: 1, x: 6, y: 5, z: 7 }, 3],
  [{ n: 2, x: 4, y: 5, z: 11 }, 5],
  [{ n: 1, x: 8, y: 7, z: 9 }, 9],
  [{ n: 1, x: 4, y: 3, z: 19 }, 7],
  [{ n: 1, x: 3, y: 2, z: 5 }, 9],
];
let made: readonly Expected[] | undefined;

function expectations(): readonly Expected[] {
  made ??= GRIDS.flatMap(([grid, window]) =>
    [true, false].map((activeOnly) => {
      const input = makeCase(grid, window, activeOnly);
      const stride = Math.ceil(input.i.length / 8);
      const loss = referenceLoss(input);
      return { input, loss, di: slopes(input, 'i', stride), dj: slopes(input, 'j', stride) };
    }),
  );
  return made;
}

describe.each(testedIsas())('local correlation on %s', (isa) => {
  beforeAll(() => native.selectIsa(isa));
  afterAll(() => {
    native.setNativeThreads(1);
    native.selectIsa(testedIsas()[0] ?? 'baseline');
  });

  test('value and gradients equal a float64 reference and its finite differences', () => {
    for (const { input, loss, di, dj } of expectations()) {
      const label = JSON.stringify([input.grid, input.window, input.activeOnly]);
      const found = gradients(input);
      expect(Math.abs(found.loss - loss), label).toBeLessThan(1e-9);
      for (const [expected, values] of [
        [di, found.di],
        [dj, found.dj],
      ] as const) {
        const largest = Math.max(...[...expected.values()].map(Math.abs));
        for (const [at, slope] of expected) {
          expect(Math.abs((values[at] ?? NaN) - slope), label).toBeLessThan(1e-5 * largest + 1e-7);
        }
      }
    }
  });

  test('several threads give the same, and each time the same bits', () => {
    const input = makeCase({ n: 2, x: 40, y: 18, z: 19 }, 9, true);
    const alone = gradients(input);
    native.setNativeThreads(3);
    const together = gradients(input);
    expect(Math.abs(together.loss - alone.loss)).toBeLessThan(1e-12);
    expect(relativeError(together.dj, alone.dj)).toBeLessThan(1e-6);
    expect(relativeError(together.di, alone.di)).toBeLessThan(1e-6);
    const again = gradients(input);
    expect(again.loss).toBe(together.loss);
    expect(Buffer.from(again.dj.buffer).equals(Buffer.from(together.dj.buffer))).toBe(true);
    native.setNativeThreads(1);
  });

  test('the gradient to j alone needs three saved arrays and equals that of both', () => {
    const input = makeCase({ n: 1, x: 8, y: 7, z: 9 }, 5, true);
    const both = gradients(input, 0.5);
    const workspace = new Float32Array(native.nccSavedLength(input.grid, 'j'));
    const { saved } = native.nccForward({ ...input, gradients: 'j', workspace });
    expect(saved.values).toBe(workspace);
    const dj = new Float32Array(input.i.length);
    native.nccBackward({ ...input, saved, scale: 0.5, di: null, dj });
    expect(relativeError(dj, both.dj)).toBe(0);
  });

  test('a linear relation is perfect correlation, and has no gradient', () => {
    const input = makeCase({ n: 1, x: 9, y: 8, z: 10 }, 5, true);
    const j = input.i.map((v) => Math.fround(0.25 - 2 * v));
    // Zero padding breaks the relation at the border when j has an offset, so j has none.
    const scaled = input.i.map((v) => -2 * v);
    const { loss, dj } = gradients({ ...input, j: scaled });
    expect(Math.abs(loss)).toBeLessThan(1e-12);
    expect(Math.max(...dj.map(Math.abs))).toBeLessThan(1e-9);
    expect(native.nccForward({ ...input, j }).loss).toBeGreaterThan(0);
  });

  test('large flat values do not hide a small variation: nothing cancels', () => {
    const noise = uniformFloats(12 * 12 * 12, 8);
    const grid = { n: 1, x: 12, y: 12, z: 12 };
    const i = noise.map((v) => Math.fround(1000 + v));
    const j = noise.map((v) => Math.fround(500 + 3 * v));
    const input = { grid, window: 3, eps: 1e-5, activeOnly: true, i, j };
    expect(Math.abs(native.nccForward(input).loss - referenceLoss(input))).toBeLessThan(1e-8);
  });

  test('a flat window remembers nothing of large values that left it', () => {
    const grid = { n: 1, x: 30, y: 4, z: 4 };
    const i = uniformFloats(480, 9).map((v, k) => (k < 160 ? 1e6 * v : k < 320 ? 0 : 1e-2 * v));
    const input = { grid, window: 3, eps: 1e-5, activeOnly: true, i, j: i };
    expect(Math.abs(native.nccForward(input).loss - referenceLoss(input))).toBeLessThan(1e-6);
  });

  test('empty subject: 0, empty template: 1, both without gradient where nothing varies', () => {
    const input = makeCase({ n: 1, x: 6, y: 6, z: 6 }, 3, true);
    const empty = new Float32Array(216);
    const none = gradients({ ...input, i: empty });
    expect(none.loss).toBe(0);
    expect(none.dj.every((v) => v === 0) && none.di.every((v) => v === 0)).toBe(true);
    expect(gradients({ ...input, j: empty }).loss).toBe(1);
  });

  test('NaN in either image makes the loss NaN, even where no window is active', () => {
    for (const activeOnly of [true, false]) {
      const input = makeCase({ n: 1, x: 8, y: 7, z: 9 }, 3, activeOnly);
      for (const at of [0, 250, input.i.length - 1]) {
        const broken = (values: Float32Array): Float32Array => {
          const copy = values.slice();
          copy[at] = NaN;
          return copy;
        };
        expect(native.nccForward({ ...input, i: broken(input.i) }).loss).toBeNaN();
        expect(native.nccForward({ ...input, j: broken(input.j) }).loss).toBeNaN();
        const empty = new Float32Array(input.i.length);
        expect(native.nccForward({ ...input, i: empty, j: broken(input.j) }).loss).toBeNaN();
      }
    }
  });
});

describe('arguments of the local correlation', () => {
  const input = makeCase({ n: 1, x: 3, y: 3, z: 3 }, 3, true);

  test('window, eps and lengths are checked', () => {
    expect(() => native.nccForward({ ...input, window: 4 })).toThrow('window is 4');
    expect(() => native.nccForward({ ...input, eps: 0 })).toThrow('eps is 0');
    expect(() => native.nccForward({ ...input, j: new Float32Array(5) })).toThrow(
      'j has 5 elements, not 27',
    );
    expect(() => native.nccForward({ ...input, workspace: new Float32Array(27) })).toThrow(
      'workspace has 27 elements, not 135',
    );
  });

  test('a gradient that was not saved for is refused', () => {
    const { saved } = native.nccForward({ ...input, gradients: 'j' });
    const di = new Float32Array(27);
    expect(() => native.nccBackward({ ...input, saved, scale: 1, di, dj: null })).toThrow(
      "the forward call saved gradients 'j'",
    );
  });
});
