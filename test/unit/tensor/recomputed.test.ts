import { beforeAll, describe, expect, test } from 'vitest';
import * as nl from '../../../src/tensor/index.js';
import { randomValues } from '../../support/random-values.js';
import { TENSOR_DEVICES } from '../../support/tensor-devices.js';

const bytes = async (tensor: nl.Tensor | undefined) =>
  Buffer.from((await nl.read(tensor as nl.Tensor)).buffer);

describe.each(TENSOR_DEVICES)('recomputation on $name', ({ select }) => {
  beforeAll(async () => {
    await select();
  });

  const make = () => ({
    x: nl.tensor(randomValues(8 ** 3 * 2, 1), [1, 8, 8, 8, 2]),
    w: nl.parameter(randomValues(27 * 2 * 3, 2), [3, 3, 3, 2, 3]),
    b: nl.parameter(randomValues(3, 3), [3]),
    last: nl.parameter(randomValues(27 * 5 * 2, 4), [3, 3, 3, 5, 2]),
    bias: nl.parameter(randomValues(2, 5), [2]),
  });
  type Parts = ReturnType<typeof make>;

  const part = ([x, w, b]: readonly nl.Tensor[]) =>
    nl.maxPool2(nl.convBlock(x as nl.Tensor, w as nl.Tensor, b as nl.Tensor, 0.2));

  /** The input takes part inside and outside of what is computed again. */
  function gradients({ x, w, b, last, bias }: Parts, again: boolean) {
    return nl.valueAndGradients(() => {
      const pooled = again ? nl.recomputed([x, w, b], part) : part([x, w, b]);
      return nl.sum(nl.square(nl.upConvBlock(pooled, x, last, bias, 0.2)));
    }, [x, w, b, last, bias]);
  }

  test('value and gradients have the same bits, and nothing is left behind', async () => {
    const parts = make();
    const level = nl.memoryCount();
    const kept = await gradients(parts, false);
    const again = await gradients(parts, true);
    expect(again.value).toBe(kept.value);
    for (const [i, gradient] of kept.gradients.entries()) {
      expect((await bytes(again.gradients[i])).equals(await bytes(gradient))).toBe(true);
    }
    nl.dispose([...kept.gradients, ...again.gradients]);
    expect(nl.memoryCount()).toBe(level);
    nl.dispose(Object.values(parts));
  });

  test('the part runs once more for its gradient, and not without one', async () => {
    const { x, w, b } = make();
    let runs = 0;
    const counted = (inputs: readonly nl.Tensor[]) => {
      runs += 1;
      return part(inputs);
    };
    nl.dispose(nl.recomputed([x, w, b], counted));
    expect(runs).toBe(1);
    const { gradients: found } = await nl.valueAndGradients(
      () => nl.sum(nl.recomputed([x, w, b], counted)),
      [w],
    );
    expect(runs).toBe(3);
    nl.dispose([...found, x, w, b]);
  });

  test('an error in the second run frees what both runs made', async () => {
    const { x, w, b, last, bias } = make();
    nl.dispose([last, bias]);
    const level = nl.memoryCount();
    let runs = 0;
    const failing = () =>
      nl.valueAndGradients(
        () =>
          nl.sum(
            nl.recomputed([x, w, b], (inputs) => {
              const result = part(inputs);
              if (++runs === 2) throw new Error('stopped by the test');
              return result;
            }),
          ),
        [w],
      );
    await expect(failing()).rejects.toThrow('stopped by the test');
    expect(nl.memoryCount()).toBe(level);
    nl.dispose([x, w, b]);
  });
});
