import { beforeAll, describe, expect, test } from 'vitest';
import * as nl from '../../../src/tensor/index.js';
import { tf } from '../../../src/tensor/tfjs.js';
import { TENSOR_DEVICES } from '../../support/tensor-devices.js';

const SHAPE: readonly number[] = [2, 3, 1, 4, 2];
const COUNT = SHAPE.reduce((product, length) => product * length, 1);

/** Index along every axis of each element, last axis fastest. */
const PLACES = Array.from({ length: COUNT }, (_, element) => {
  let rest = element;
  return [...SHAPE].reverse().map((length) => {
    const index = rest % length;
    rest = (rest - index) / length;
    return index;
  });
}).map((reversed) => reversed.reverse());

describe.each(TENSOR_DEVICES)('the gradient of a sum on $name', ({ select }) => {
  beforeAll(async () => void (await select()));

  test.each([[[0]], [[1]], [[4]], [[3, 4]], [[1, 2, 3]], [[0, 4]], [[1, 3]], [[0, 2, 4]], [[0, 1, 2, 3, 4]]])(
    'over axes %j is the weight of the sum that an element goes into',
    async (axes) => {
      const left = SHAPE.map((length, axis) => (axes.includes(axis) ? 1 : length));
      const weights = Float32Array.from(
        { length: left.reduce((product, length) => product * length, 1) },
        (_, i) => i + 1,
      );
      const x = nl.parameter(new Float32Array(COUNT), [...SHAPE]);
      const weight = nl.tensor(weights, left);
      const { gradients } = await nl.valueAndGradients(
        () => nl.sum(tf.mul(tf.sum(x, axes, true), weight)),
        [x],
      );
      const expected = PLACES.map((place) => {
        const at = left.reduce((sum, length, axis) => sum * length + (length === 1 ? 0 : place[axis]!), 0);
        return weights[at];
      });
      expect([...(await nl.read(gradients[0]!))]).toEqual(expected);
      nl.dispose([x, weight, ...gradients]);
    },
  );
});
