/**
 * Operations of tfjs on arrays of five and six axes, values and gradients, against its plain kernels: on a graphics card many
 * of its own programs end at four.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import * as nl from '../../../src/tensor/index.js';
import { tf } from '../../../src/tensor/tfjs.js';
import { relativeError } from '../../support/golden-tensors.js';
import { randomValues } from '../../support/random-values.js';
import { IS_BRIEF, OWN_KERNEL_DEVICES, STOCK_DEVICE } from '../../support/tensor-devices.js';

// Large enough that a card does not leave them to the processor.
const SHAPE = [2, 5, 6, 7, 3];
const SIZE = 1260;

interface Given {
  readonly x: nl.Tensor;
  readonly y: nl.Tensor;
  /** One number a channel. */
  readonly c: nl.Tensor;
}

const positive = (x: nl.Tensor) => tf.add(tf.abs(x), tf.scalar(0.1));
/** Short along the other axes than `rows`. */
const columns = ({ y }: Given) => tf.slice(y, [0, 0, 0, 0, 0], [2, 1, 6, 1, 3]);
const rows = ({ y }: Given) => tf.slice(y, [0, 0, 0, 0, 0], [1, 5, 1, 7, 1]);

const VALUES: Readonly<Record<string, (given: Given) => nl.Tensor>> = {
  'a number a channel is added': ({ x, c }) => tf.add(x, c),
  'an array is taken from a number a channel': ({ x, c }) => tf.sub(c, x),
  'numbers along one axis multiply': (given) =>
    tf.mul(given.x, tf.slice(given.y, [0, 0, 0, 0, 0], [1, 5, 1, 1, 1])),
  'both operands are repeated, along axes in turn': (given) => tf.div(columns(given), positive(rows(given))),
  'the larger of two': ({ x, c }) => tf.maximum(x, c),
  'the smaller of two': ({ x, c }) => tf.minimum(c, x),
  'a power': ({ x, c }) => tf.pow(positive(x), c),
  'squared differences': ({ x, c }) => tf.squaredDifference(x, c),
  remainders: ({ x, c }) => tf.mod(x, positive(c)),
  angles: ({ x, c }) => tf.atan2(x, c),
  comparisons: ({ x, y, c }) =>
    tf.stack(
      [
        tf.less(x, c),
        tf.lessEqual(x, x),
        tf.greater(c, x),
        tf.greaterEqual(x, y),
        tf.equal(x, x),
        tf.notEqual(x, y),
      ].map((one) => tf.cast(one, 'float32')),
    ),
  logic: ({ x, y, c }) =>
    tf.cast(
      tf.logicalAnd(tf.logicalOr(tf.greater(x, c), tf.greater(y, c)), tf.logicalNot(tf.less(x, y))),
      'float32',
    ),
  'a slope a channel': ({ x, c }) => tf.prelu(x, c),
  'a choice': ({ x, y }) => tf.where(tf.greater(x, tf.scalar(0)), x, y),
  'a choice a channel': ({ x, y, c }) => tf.where(tf.greater(c, tf.scalar(0)), x, y),
  'sums from the front': ({ x }) => tf.cumsum(x, 1),
  'sums from behind, without the own value': ({ x }) => tf.cumsum(x, 3, true, true),
  'sums from behind along axes of two lengths': ({ x }) =>
    tf.sub(
      tf.cumsum(tf.reshape(x, [30, 42]), 1, false, true),
      tf.reshape(tf.cumsum(tf.reshape(x, [84, 15]), 1, false, true), [30, 42]),
    ),
  products: ({ x }) => tf.cumprod(positive(x), 4),
  repeats: ({ x }) => tf.tile(x, [1, 2, 1, 3, 2]),
  'repeats of one number a channel': ({ c }) => tf.broadcastTo(tf.reshape(c, [1, 1, 1, 1, 3]), SHAPE),
  'a margin of a number': ({ x }) =>
    tf.pad(
      x,
      [
        [0, 1],
        [1, 2],
        [2, 0],
        [0, 0],
        [1, 1],
      ],
      0.5,
    ),
  'a margin of mirrored values': ({ x }) =>
    tf.mirrorPad(
      x,
      [
        [0, 0],
        [1, 2],
        [2, 1],
        [0, 3],
        [1, 0],
      ],
      'reflect',
    ),
  'reversed axes': ({ x }) => tf.reverse(x, [1, 4]),
  'all axes reversed': ({ x }) => tf.reverse(x),
  'every second value, backwards too': ({ x }) =>
    tf.stridedSlice(x, [0, 4, 0, 6, 0], [2, 0, 6, 0, 3], [1, -1, 2, -3, 1], 0, 0, 0, 0, 0),
  'one place of an axis, with a new one': ({ x }) =>
    tf.stridedSlice(x, [0, 1, 0, 1, 0, 0], [2, 2, 1, 5, 7, 3], [1, 1, 1, 1, 1, 1], 0, 0, 0, 4, 2),
  'a cut': ({ x }) => tf.slice(x, [0, 1, 2, 3, 1], [2, 3, 2, 4, 2]),
  'exchanged axes': ({ x }) => tf.transpose(x, [0, 4, 2, 1, 3]),
  'joined channels': ({ x, y }) => tf.concat([x, y], 4),
  'arrays on a sixth axis, and off it': ({ x, y }) =>
    tf.sub(...(tf.unstack(tf.stack([x, y], 2), 2) as [nl.Tensor, nl.Tensor])),
  'six axes': ({ x, y, c }) => tf.add(tf.stack([x, y], 1), c),
  'gathered places': ({ x }) => tf.gather(x, tf.tensor1d([5, 0, 0, 3], 'int32'), 2),
  'sums, means and extremes along axes': ({ x }) =>
    tf.add(tf.add(tf.sum(x, [1, 3]), tf.mean(x, [1, 3])), tf.sub(tf.max(x, [1, 3]), tf.min(x, [1, 3]))),
  'places of the largest': ({ x }) => tf.cast(tf.argMax(x, 2), 'float32'),
  'shares of channels': ({ x }) => tf.softmax(x),
  'values in a range': ({ x }) => tf.clipByValue(x, -0.3, 0.4),
  'products of matrices': ({ x, y }) => tf.matMul(x, y, false, true),
  'means of blocks': ({ x }) => tf.avgPool3d(x as never, 2, 2, 'valid'),
};

const GRADIENTS: Readonly<Record<string, (given: Given) => nl.Tensor>> = {
  'a bias a channel': ({ x, c }) => tf.square(tf.add(x, c)),
  'a leaky choice': ({ x, c }) =>
    tf.where(tf.greater(tf.mul(x, c), tf.scalar(0)), tf.mul(x, c), tf.mul(x, tf.scalar(0.2))),
  'sums along an axis': ({ x, c }) => tf.square(tf.cumsum(tf.mul(x, c), 2, true)),
  'sums from behind': ({ x, c }) => tf.square(tf.cumsum(tf.mul(x, c), 1, false, true)),
  repeats: ({ x, c }) => tf.square(tf.tile(tf.mul(x, c), [2, 1, 3, 1, 2])),
  'both operands repeated': (given) => tf.mul(tf.mul(columns(given), rows(given)), tf.mul(given.x, given.c)),
};

/** One of each kind that the programs of a card do not have by themselves. */
const BRIEF = [
  'a number a channel is added',
  'a choice',
  'sums from behind, without the own value',
  'repeats',
  'a margin of a number',
  'reversed axes',
  'every second value, backwards too',
  'a bias a channel',
];
const chosen = <T>(all: Readonly<Record<string, T>>): [string, T][] =>
  Object.entries(all).filter(([name]) => !IS_BRIEF || BRIEF.includes(name));

type Found = readonly Float32Array[];

async function given<T>(run: (given: Given) => Promise<T>): Promise<T> {
  const before = nl.memoryCount();
  const made = {
    x: nl.tensor(randomValues(SIZE, 1), SHAPE),
    y: nl.tensor(randomValues(SIZE, 2), SHAPE),
    c: nl.tensor(Float32Array.of(0.3, -0.2, 0.7), [3]),
  };
  const found = await run(made);
  nl.dispose(Object.values(made));
  expect(nl.memoryCount()).toBe(before);
  return found;
}

const valuesOf = (op: (given: Given) => nl.Tensor) =>
  given(async (inputs): Promise<Found> => {
    const result = nl.tidy(() => op(inputs));
    const values = [Float32Array.from(result.shape), await nl.read(result)];
    nl.dispose(result);
    return values;
  });

const gradientsOf = (op: (given: Given) => nl.Tensor) =>
  given(async (inputs): Promise<Found> => {
    const { gradients } = await nl.valueAndGradients(() => tf.sum(op(inputs)), [inputs.x, inputs.c]);
    const values = await Promise.all(gradients.map((gradient) => nl.read(gradient)));
    nl.dispose([...gradients]);
    return values;
  });

describe.each(OWN_KERNEL_DEVICES.slice(-1))('arrays of five axes on $name', ({ select }) => {
  const expected = new Map<unknown, Found>();
  beforeAll(async () => {
    await STOCK_DEVICE.select();
    for (const [, op] of chosen(VALUES)) expected.set(op, await valuesOf(op));
    for (const [, op] of chosen(GRADIENTS)) expected.set(op, await gradientsOf(op));
    await select();
  });

  const agree = (found: Found, op: unknown) => {
    const wanted = expected.get(op)!;
    expect(found.map(({ length }) => length)).toEqual(wanted.map(({ length }) => length));
    found.forEach((values, i) => expect(relativeError(values, wanted[i]!), `array ${i}`).toBeLessThan(1e-5));
  };

  test.each(chosen(VALUES))('%s', async (_, op) => agree(await valuesOf(op), op));

  test.each(chosen(GRADIENTS))('gradients: %s', async (_, op) => agree(await gradientsOf(op), op));
});

test('the gradient of a choice, of sums along an axis and of repeats is their slope', async () => {
  await STOCK_DEVICE.select();
  const x = nl.tensor(Float32Array.of(1, -2, 3), [3]);
  const slopes = async (op: () => nl.Tensor) => {
    const { gradients } = await nl.valueAndGradients(() => tf.sum(op()), [x]);
    const values = await nl.read(gradients[0]!);
    nl.dispose([...gradients]);
    return [...values];
  };
  const weights = tf.tensor1d([1, 10, 100]);
  expect(
    await slopes(() =>
      tf.where(tf.greater(x, tf.scalar(0)), tf.mul(x, tf.scalar(2)), tf.mul(x, tf.scalar(3))),
    ),
  ).toEqual([2, 3, 2]);
  expect(await slopes(() => tf.mul(weights, tf.cumsum(x)))).toEqual([111, 110, 100]);
  expect(await slopes(() => tf.mul(weights, tf.cumsum(x, 0, true)))).toEqual([110, 100, 0]);
  expect(await slopes(() => tf.mul(weights, tf.cumsum(x, 0, false, true)))).toEqual([1, 11, 111]);
  expect(await slopes(() => tf.mul(tf.tensor1d([1, 2, 3, 10, 20, 30]), tf.tile(x, [2])))).toEqual([
    11, 22, 33,
  ]);
  nl.dispose([x, weights]);
});
