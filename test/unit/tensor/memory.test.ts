import { beforeAll, describe, expect, test } from 'vitest';
import { ProcessingError } from '../../../src/errors.js';
import * as nl from '../../../src/tensor/index.js';
import { tf } from '../../../src/tensor/tfjs.js';
import { randomValues } from '../../support/random-values.js';
import { TENSOR_DEVICES } from '../../support/tensor-devices.js';

describe.each(TENSOR_DEVICES)('memory on $name', ({ select }) => {
  beforeAll(async () => {
    await select();
  });

  const volume = (c: number, seed: number) => nl.tensor(randomValues(512 * c, seed), [1, 8, 8, 8, c]);

  function network(x: nl.Tensor, w: nl.Tensor, b: nl.Tensor): nl.Tensor {
    const y = nl.convBlock(x, w, b, 0.2);
    const up = nl.upConcat(nl.maxPool2(y), y);
    return nl.concatChannels([nl.convBlock(x, w, b, 1), up]);
  }

  test('tensors and gradients are all that a pass leaves', async () => {
    const before = nl.memoryCount();
    const x = volume(2, 1);
    const w = nl.parameter(randomValues(27 * 2 * 3, 2), [3, 3, 3, 2, 3]);
    const b = nl.parameter(randomValues(3, 3), [3]);
    const { gradients } = await nl.valueAndGradients(() => nl.sum(network(x, w, b)), [w, b]);
    expect(nl.memoryCount()).toBe(before + 5);
    nl.dispose([x, w, b, ...gradients]);
    expect(nl.memoryCount()).toBe(before);
  });

  test('an error inside the pass frees what it had made', async () => {
    const before = nl.memoryCount();
    const x = volume(2, 1);
    const w = nl.parameter(randomValues(27 * 2 * 3, 2), [3, 3, 3, 2, 3]);
    const b = nl.parameter(randomValues(3, 3), [3]);
    const level = nl.memoryCount();
    const failing = () =>
      nl.valueAndGradients(() => {
        const y = network(x, w, b);
        if (y.size > 0) throw new Error('stopped by the test');
        return nl.sum(y);
      }, [w, b]);
    for (let repetition = 0; repetition < 3; repetition++)
      await expect(failing()).rejects.toThrow('stopped by the test');
    expect(nl.memoryCount()).toBe(level);
    const { gradients } = await nl.valueAndGradients(() => nl.sum(network(x, w, b)), [w, b]);
    expect(gradients).toHaveLength(2);
    nl.dispose([x, w, b, ...gradients]);
    expect(nl.memoryCount()).toBe(before);
  });

  test('a slice of the whole tensor has a gradient of its own', async () => {
    const before = nl.memoryCount();
    const x = volume(1, 4);
    const { gradients } = await nl.valueAndGradients(
      () => nl.sum(nl.square(tf.slice(nl.scale(x, 2), [0, 0, 0, 0, 0], [...x.shape]))),
      [x],
    );
    const values = await nl.read(x);
    expect(await nl.read(gradients[0]!)).toEqual(values.map((value) => 8 * value));
    nl.dispose([x, ...gradients]);
    expect(nl.memoryCount()).toBe(before);
  });

  test('terms are read and outputs outlive the pass', async () => {
    const before = nl.memoryCount();
    const x = volume(1, 4);
    const { value, terms, outputs, gradients } = await nl.scoped(async () => {
      const result = await nl.valueAndGradients(() => {
        const squares = nl.square(x);
        const total = nl.sum(squares);
        return { loss: nl.scale(total, 2), terms: { total }, outputs: { squares } };
      }, [x]);
      nl.keep(result.outputs['squares'] as nl.Tensor);
      nl.keep(result.gradients[0] as nl.Tensor);
      return result;
    });
    expect(value).toBeCloseTo(2 * (terms['total'] as number), 3);
    const values = await nl.read(x);
    expect([...(await nl.read(outputs['squares'] as nl.Tensor))]).toEqual([...values.map((v) => v * v)]);
    expect([...(await nl.read(gradients[0] as nl.Tensor))]).toEqual([...values.map((v) => 4 * v)]);
    nl.dispose([x, outputs['squares'] as nl.Tensor, gradients[0] as nl.Tensor]);
    expect(nl.memoryCount()).toBe(before);
  });

  test('a tensor that the loss does not use has gradient zero', async () => {
    const [x, unused] = [volume(1, 4), volume(2, 5)];
    const { gradients } = await nl.valueAndGradients(() => nl.sum(x), [x, unused]);
    expect(new Set(await nl.read(gradients[0] as nl.Tensor))).toEqual(new Set([1]));
    expect(gradients[1]?.shape).toEqual([1, 8, 8, 8, 2]);
    expect(new Set(await nl.read(gradients[1] as nl.Tensor))).toEqual(new Set([0]));
    nl.dispose([x, unused, ...gradients]);
  });

  test('values that were read or given do not change when memory is used again', async () => {
    const given = randomValues(4096, 6);
    const kept = given.slice();
    const first = nl.tensor(given, [4096]);
    const seen = await nl.read(first);
    nl.dispose(first);
    const second = nl.parameter(randomValues(4096, 7), [4096]);
    await nl.update(second, (values) => values.fill(0));
    expect(given).toEqual(kept);
    expect(seen).toEqual(kept);
    nl.dispose(second);
  });

  test('a parameter that shares its memory is copied before it changes', async () => {
    const p = nl.parameter(Float32Array.of(1, 2, 3), [3]);
    const held = nl.tidy(() => nl.scale(p, 1));
    const sharing = nl.batchMean(nl.tensor(Float32Array.of(1, 2), [1, 1, 1, 1, 2]));
    await nl.update(p, (values) => values.fill(9));
    expect([...(await nl.read(held))]).toEqual([1, 2, 3]);
    expect([...(await nl.read(p))]).toEqual([9, 9, 9]);
    expect([...(await nl.read(sharing))]).toEqual([1, 2]);
    nl.assign(p, Float32Array.of(4, 5, 6));
    expect([...(await nl.read(p))]).toEqual([4, 5, 6]);
  });

  test('the sum of squares is taken in double precision', async () => {
    const x = nl.tensor(Float32Array.of(4096, ...new Array<number>(64).fill(1)), [65]);
    expect(await nl.sumOfSquares([x])).toBe(4096 ** 2 + 64);
    nl.dispose(x);
  });

  test('passes that wait do not take tensors of one another', async () => {
    const before = nl.memoryCount();
    const pass = (seed: number) =>
      nl.scoped(async () => {
        const x = volume(1, seed);
        const { value, gradients } = await nl.valueAndGradients(() => nl.sum(nl.square(x)), [x]);
        const [slopes, values] = [await nl.read(gradients[0] as nl.Tensor), await nl.read(x)];
        expect(slopes).toEqual(values.map((v) => 2 * v));
        return value;
      });
    const together = await Promise.all([4, 5, 6].map(pass));
    const apart = [await pass(4), await pass(5), await pass(6)];
    expect(together).toEqual(apart);
    const failing = nl.scoped(() => Promise.reject(new Error('stopped by the test')));
    await expect(failing).rejects.toThrow('stopped by the test');
    expect(await nl.scoped(() => pass(4))).toBe(apart[0]);
    expect(nl.memoryCount()).toBe(before);
  });

  test('a loss that is not one number is refused', async () => {
    const x = volume(1, 4);
    const before = nl.memoryCount();
    const differentiate = () => nl.valueAndGradients(() => nl.square(x), [x]);
    await expect(differentiate()).rejects.toThrow(ProcessingError);
    await expect(differentiate()).rejects.toThrow('valueAndGradients: the loss is not a 0-d tensor');
    expect(nl.memoryCount()).toBe(before);
    nl.dispose(x);
  });
});
