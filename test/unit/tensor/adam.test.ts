import { beforeAll, describe, expect, test } from 'vitest';
import * as nl from '../../../src/tensor/index.js';
import { relativeError } from '../../support/golden-tensors.js';
import { randomValues } from '../../support/random-values.js';
import { TENSOR_DEVICES } from '../../support/tensor-devices.js';

/** Algorithm 1 of Kingma and Ba in float64. */
function reference(start: Float32Array, gradients: readonly Float32Array[], lr: number): Float64Array {
  const p = Float64Array.from(start);
  const m = new Float64Array(p.length);
  const v = new Float64Array(p.length);
  gradients.forEach((gradient, t) => {
    gradient.forEach((g, i) => {
      m[i] = 0.9 * (m[i] ?? 0) + 0.1 * g;
      v[i] = 0.999 * (v[i] ?? 0) + 0.001 * g * g;
      const first = (m[i] ?? 0) / (1 - 0.9 ** (t + 1));
      const second = (v[i] ?? 0) / (1 - 0.999 ** (t + 1));
      p[i] = (p[i] ?? 0) - (lr * first) / (Math.sqrt(second) + 1e-8);
    });
  });
  return p;
}

describe.each(TENSOR_DEVICES)('Adam on $name', ({ select }) => {
  beforeAll(async () => {
    await select();
  });
  const slopes = [1, 2, 3, 4].map((seed) => randomValues(3000, seed));

  function run(optimizer: nl.Adam, target: nl.Parameter, gradients: readonly Float32Array[]): void {
    for (const values of gradients) {
      const gradient = nl.tensor(values, [3000]);
      optimizer.step([target], [gradient]);
      nl.dispose(gradient);
    }
  }

  test('the first step has the length of the learning rate, whatever the gradient', async () => {
    const p = nl.parameter(new Float32Array(3), [3]);
    const g = nl.tensor(Float32Array.of(1e-3, -7, 100), [3]);
    new nl.Adam({ lr: 0.01 }).step([p], [g]);
    expect(relativeError(await nl.read(p), [-0.01, 0.01, -0.01])).toBeLessThan(2e-5);
    nl.dispose([p, g]);
  });

  test('four steps equal the algorithm in double precision', async () => {
    const before = nl.memoryCount();
    const start = randomValues(3000, 9);
    const p = nl.parameter(start, [3000]);
    run(new nl.Adam({ lr: 0.05 }), p, slopes);
    expect(relativeError(await nl.read(p), reference(start, slopes, 0.05))).toBeLessThan(1e-6);
    nl.dispose(p);
    expect(nl.memoryCount()).toBe(before);
  });

  test('an exported state goes on bit for bit', async () => {
    const start = randomValues(3000, 9);
    const [whole, parted] = [nl.parameter(start, [3000]), nl.parameter(start, [3000])];
    run(new nl.Adam({ lr: 0.05 }), whole, slopes);
    const early = new nl.Adam({ lr: 0.05 });
    run(early, parted, slopes.slice(0, 2));
    const state = await early.exportState();
    expect(state.step).toBe(2);
    const late = new nl.Adam({ lr: 0.05 });
    late.importState(state);
    run(late, parted, slopes.slice(2));
    expect(await nl.read(parted)).toEqual(await nl.read(whole));
    expect(late.steps).toBe(4);
    // The exported arrays are copies.
    expect(await early.exportState()).toEqual(state);
    nl.dispose([whole, parted]);
  });

  test('other parameters than before, and an inconsistent state, are refused', () => {
    const [p, q] = [nl.parameter(new Float32Array(3), [3]), nl.parameter(new Float32Array(4), [4])];
    const [gp, gq] = [nl.zeros([3]), nl.zeros([4])];
    const optimizer = new nl.Adam({ lr: 0.1 });
    optimizer.step([p], [gp]);
    expect(() => optimizer.step([q], [gq])).toThrow('Adam: parameter 0 has 4 values');
    expect(() => optimizer.step([p, q], [gp, gq])).toThrow('Adam: the number of parameters changed');
    expect(() => optimizer.step([p], [gq])).toThrow('Adam: gradient 0 has shape (4)');
    expect(optimizer.steps).toBe(1);
    const state = { step: 1, m: [new Float32Array(3)], v: [new Float32Array(2)] };
    expect(() => optimizer.importState(state)).toThrow('the state of the optimiser is not consistent');
    expect(() => new nl.Adam({ lr: NaN })).toThrow('Adam: lr is NaN');
    nl.dispose([p, q, gp, gq]);
  });
});
