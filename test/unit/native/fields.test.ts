/** Integration, upsampling, smoothness and the Jacobian hinge against float64 references and closed forms. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import * as native from '../../../src/native/index.js';
import { relativeError } from '../../support/golden-tensors.js';
import { testedIsas, uniformFloats } from '../../support/native.js';
import { referenceWarp } from '../../support/reference-warp.js';

const GRIDS: readonly native.Grid[] = [
  { n: 1, x: 4, y: 5, z: 6 },
  { n: 2, x: 3, y: 4, z: 19 },
  { n: 1, x: 2, y: 2, z: 2 },
  { n: 1, x: 5, y: 1, z: 17 },
  { n: 1, x: 1, y: 3, z: 4 },
  { n: 1, x: 3, y: 4, z: 1 },
];

const voxelsOf = (grid: native.Grid): number => grid.n * grid.x * grid.y * grid.z;

function field(grid: native.Grid, reach: number, seed = 1): Float32Array {
  return uniformFloats(voxelsOf(grid) * 3, seed).map((v) => reach * v);
}

type Values = Float32Array | Float64Array;

/** Compares a gradient with central differences of `loss` at about a dozen places. */
function expectSlopes(values: Values, gradient: Values, loss: (v: Float64Array) => number, label: string): void {
  const stride = Math.ceil(values.length / 9);
  const step = 1e-6;
  const largest = Array.from(gradient).reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  for (let at = 0; at < values.length; at += stride) {
    const moved = (by: number): number => {
      const copy = Float64Array.from(values);
      copy[at] = (copy[at] ?? 0) + by;
      return loss(copy);
    };
    const slope = (moved(step) - moved(-step)) / (2 * step);
    expect(Math.abs((gradient[at] ?? NaN) - slope), `${label} ${at}`).toBeLessThan(1e-5 * largest + 1e-6);
  }
}

function weighted(values: ArrayLike<number>, weights: Float32Array): number {
  return weights.reduce((sum, w, k) => sum + w * (values[k] ?? NaN), 0);
}

function referenceIntegrate(grid: native.Grid, steps: number, velocity: ArrayLike<number>): Float64Array {
  let u = Float64Array.from(velocity, (v) => v / 2 ** steps);
  for (let step = 0; step < steps; step++) {
    const sample = referenceWarp({ grid, c: 3, volume: u, displacement: u, mode: 'border' });
    u = u.map((v, k) => v + (sample[k] ?? NaN));
  }
  return u;
}

function referenceUpsample(grid: native.Grid, u: ArrayLike<number>): Float64Array {
  const out: number[] = [];
  const along = (fine: number, size: number): [number, number][] => {
    const at = Math.min(Math.max((fine - 0.5) / 2, 0), size - 1);
    const low = Math.floor(at);
    return [
      [low, 1 - (at - low)],
      [Math.min(low + 1, size - 1), at - low],
    ];
  };
  for (let n = 0; n < grid.n; n++) {
    for (let x = 0; x < 2 * grid.x; x++) {
      for (let y = 0; y < 2 * grid.y; y++) {
        for (let z = 0; z < 2 * grid.z; z++) {
          for (let c = 0; c < 3; c++) {
            let sum = 0;
            for (const [i, wi] of along(x, grid.x)) {
              for (const [j, wj] of along(y, grid.y)) {
                for (const [k, wk] of along(z, grid.z)) {
                  sum += wi * wj * wk * (u[(((n * grid.x + i) * grid.y + j) * grid.z + k) * 3 + c] ?? NaN);
                }
              }
            }
            out.push(2 * sum);
          }
        }
      }
    }
  }
  return Float64Array.from(out);
}

/** Calls body(voxel, its coordinates, steps in voxels along x, y, z). */
function eachVoxel(grid: native.Grid, body: (voxel: number, p: number[], steps: number[]) => void): void {
  for (let voxel = 0; voxel < voxelsOf(grid); voxel++) {
    const p = [Math.floor(voxel / (grid.y * grid.z)) % grid.x, Math.floor(voxel / grid.z) % grid.y, voxel % grid.z];
    body(voxel, p, [grid.y * grid.z, grid.z, 1]);
  }
}

function referenceSmoothness(grid: native.Grid, c: number, v: ArrayLike<number>): number {
  const sums = [0, 0, 0];
  const counts = [0, 0, 0];
  eachVoxel(grid, (voxel, p, steps) => {
    [grid.x, grid.y, grid.z].forEach((size, axis) => {
      if ((p[axis] ?? 0) + 1 >= size) return;
      for (let k = 0; k < c; k++) {
        const next = v[(voxel + (steps[axis] ?? 0)) * c + k] ?? NaN;
        sums[axis] = (sums[axis] ?? 0) + (next - (v[voxel * c + k] ?? NaN)) ** 2;
        counts[axis] = (counts[axis] ?? 0) + 1;
      }
    });
  });
  return sums.reduce((total, sum, axis) => total + (counts[axis] === 0 ? 0 : sum / (counts[axis] ?? 1)), 0) / 3;
}

function referenceHinge(grid: native.Grid, u: ArrayLike<number>, margin: number): number {
  let total = 0;
  eachVoxel(grid, (voxel, p, steps) => {
    if ([grid.x, grid.y, grid.z].some((size, axis) => (p[axis] ?? 0) + 1 >= size)) return;
    const J = (c: number, axis: number): number =>
      (u[(voxel + (steps[axis] ?? 0)) * 3 + c] ?? NaN) - (u[voxel * 3 + c] ?? NaN) + (c === axis ? 1 : 0);
    const det =
      J(0, 0) * (J(1, 1) * J(2, 2) - J(1, 2) * J(2, 1)) -
      J(0, 1) * (J(1, 0) * J(2, 2) - J(1, 2) * J(2, 0)) +
      J(0, 2) * (J(1, 0) * J(2, 1) - J(1, 1) * J(2, 0));
    total += Math.max(0, margin - det) ** 2;
  });
  return total / grid.n;
}

describe.each(testedIsas())('fields on %s', (isa) => {
  beforeAll(() => native.selectIsa(isa));
  afterAll(() => {
    native.setNativeThreads(1);
    native.selectIsa(testedIsas()[0] ?? 'baseline');
  });

  describe.each([1, 3])('with %i threads', (threads) => {
    beforeAll(() => native.setNativeThreads(threads));

    test('integration and its gradient, with and without saved stages', () => {
      for (const grid of GRIDS) {
        for (const steps of [0, 1, 2, 4]) {
          const label = `${JSON.stringify(grid)} steps=${steps}`;
          const velocity = field(grid, 1.3);
          const dout = field(grid, 1, 2);
          const out = new Float32Array(velocity.length);
          const unsaved = new Float32Array(velocity.length);
          const stages = new Float32Array(velocity.length * steps);
          const dvelocity = new Float32Array(velocity.length).fill(NaN);
          native.integrateForward({ grid, steps, velocity, out, stages });
          native.integrateForward({ grid, steps, velocity, out: unsaved, stages: null });
          native.integrateBackward({ grid, steps, stages, dout, dvelocity });
          expect(relativeError(out, referenceIntegrate(grid, steps, velocity)), label).toBeLessThan(1e-5);
          expect(relativeError(unsaved, out), label).toBe(0);
          if (threads === 1) {
            expectSlopes(velocity, dvelocity, (v) => weighted(referenceIntegrate(grid, steps, v), dout), label);
          }
        }
      }
    });

    test('upsampling and its gradient', () => {
      for (const grid of GRIDS) {
        const u = field(grid, 2);
        const dout = uniformFloats(8 * u.length, 3);
        const out = new Float32Array(8 * u.length).fill(NaN);
        const du = new Float32Array(u.length).fill(NaN);
        native.upsampleFieldForward({ grid, u, out });
        native.upsampleFieldBackward({ grid, dout, du });
        expect(relativeError(out, referenceUpsample(grid, u)), JSON.stringify(grid)).toBeLessThan(1e-6);
        if (threads === 1) {
          expectSlopes(u, du, (v) => weighted(referenceUpsample(grid, v), dout), JSON.stringify(grid));
        }
      }
    });

    test('smoothness and its gradient, any number of components', () => {
      for (const grid of GRIDS) {
        for (const c of [1, 2, 3]) {
          const v = uniformFloats(voxelsOf(grid) * c, 4);
          const dv = new Float32Array(v.length).fill(NaN);
          native.smoothnessBackward({ grid, c, v, scale: 3, dv });
          const label = `${JSON.stringify(grid)} c=${c}`;
          const expected = referenceSmoothness(grid, c, v);
          expect(Math.abs(native.smoothnessForward({ grid, c, v }) - expected), label).toBeLessThan(1e-6);
          expectSlopes(v, dv, (moved) => 3 * referenceSmoothness(grid, c, moved), label);
        }
      }
    });

    test('the Jacobian hinge and its gradient', () => {
      for (const grid of GRIDS) {
        const u = field(grid, 1.2, 5);
        const du = new Float32Array(u.length).fill(NaN);
        native.jacobianHingeBackward({ grid, u, margin: 0.1, scale: 2, du });
        const expected = referenceHinge(grid, u, 0.1);
        const found = native.jacobianHingeForward({ grid, u, margin: 0.1 });
        expect(Math.abs(found - expected), JSON.stringify(grid)).toBeLessThan(1e-5 * expected + 1e-9);
        expectSlopes(u, du, (v) => 2 * referenceHinge(grid, v, 0.1), JSON.stringify(grid));
      }
    });

    test('each gradient has the same bits each time', () => {
      const grid = { n: 1, x: 30, y: 20, z: 21 };
      const velocity = field(grid, 3);
      const stages = new Float32Array(velocity.length * 3);
      const out = new Float32Array(velocity.length);
      native.integrateForward({ grid, steps: 3, velocity, out, stages });
      const run = (): Buffer[] => {
        const dvelocity = new Float32Array(velocity.length);
        const du = new Float32Array(velocity.length);
        native.integrateBackward({ grid, steps: 3, stages, dout: out, dvelocity });
        native.jacobianHingeBackward({ grid, u: out, margin: 0.1, scale: 1, du });
        return [Buffer.from(dvelocity.buffer), Buffer.from(du.buffer)];
      };
      const [first, second] = [run(), run()];
      expect(first.every((bytes, k) => bytes.equals(second[k] ?? Buffer.alloc(0)))).toBe(true);
    });
  });

  test('a constant velocity moves everything by itself, and is smooth and free of folds', () => {
    const grid = { n: 1, x: 6, y: 7, z: 20 };
    const velocity = field(grid, 0).map((_, k) => [0.5, -1.25, 2][k % 3] ?? 0);
    const out = new Float32Array(velocity.length);
    native.integrateForward({ grid, steps: 7, velocity, out, stages: null });
    expect(relativeError(out, velocity)).toBe(0);
    expect(native.smoothnessForward({ grid, v: velocity })).toBe(0);
    expect(native.jacobianHingeForward({ grid, u: velocity, margin: 0.1 })).toBe(0);
    const fine = new Float32Array(8 * velocity.length);
    native.upsampleFieldForward({ grid, u: velocity, out: fine });
    expect(fine.every((v, k) => v === 2 * ([0.5, -1.25, 2][k % 3] ?? 0))).toBe(true);
  });

  test('a linear contraction has its determinant everywhere', () => {
    const grid = { n: 1, x: 5, y: 6, z: 18 };
    const u = new Float32Array(voxelsOf(grid) * 3);
    eachVoxel(grid, (voxel, p) => p.forEach((at, axis) => (u[voxel * 3 + axis] = -at)));
    // J = 0: every one of the 4 * 5 * 17 cells falls short of the margin by the margin.
    const found = native.jacobianHingeForward({ grid, u, margin: 0.5 });
    expect(found).toBeCloseTo(0.25 * 4 * 5 * 17, 6);
  });

  test('NaN is not lost', () => {
    const grid = { n: 1, x: 4, y: 5, z: 18 };
    const broken = field(grid, 1);
    broken[400] = NaN;
    const out = new Float32Array(broken.length);
    const fine = new Float32Array(8 * broken.length);
    native.integrateForward({ grid, steps: 4, velocity: broken, out, stages: null });
    native.upsampleFieldForward({ grid, u: broken, out: fine });
    expect(out.some(Number.isNaN)).toBe(true);
    expect(fine.some(Number.isNaN)).toBe(true);
    expect(native.smoothnessForward({ grid, v: broken })).toBeNaN();
    expect(native.jacobianHingeForward({ grid, u: broken, margin: 0.1 })).toBeNaN();
    native.jacobianHingeBackward({ grid, u: broken, margin: 0.1, scale: 1, du: out });
    expect(out.some(Number.isNaN)).toBe(true);
  });
});

describe('arguments of the field kernels', () => {
  const grid = { n: 1, x: 2, y: 2, z: 2 };
  const u = new Float32Array(24);
  const out = new Float32Array(24);

  test('wrong lengths, steps and shared memory are refused by name', () => {
    const integrate = (changed: object) => () =>
      native.integrateForward({ grid, steps: 2, velocity: u, out, stages: null, ...changed });
    expect(integrate({ steps: -1 })).toThrow('steps is -1');
    expect(integrate({ steps: 65 })).toThrow('steps is 65');
    expect(integrate({ stages: new Float32Array(24) })).toThrow('stages has 24 elements, not 48');
    expect(integrate({ out: u })).toThrow('out overlaps velocity in memory');
    expect(() => native.upsampleFieldForward({ grid, u, out })).toThrow('out has 24 elements, not 192');
    expect(() => native.smoothnessBackward({ grid, v: u, scale: 1, dv: u })).toThrow('dv overlaps v');
    expect(() => native.jacobianHingeForward({ grid, u, margin: NaN })).toThrow('margin is NaN');
  });
});
