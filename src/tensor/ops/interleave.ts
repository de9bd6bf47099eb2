/** Even and odd positions along one spatial axis: made of reshapes, slices and concatenations alone. */
import { tf, type Tensor } from '../tfjs.js';

/** Product of the lengths from one axis on. */
function sizeFrom(shape: readonly number[], axis: number): number {
  return shape.slice(axis).reduce((product, length) => product * length, 1);
}

/** Splits an axis of even length into its even and its odd positions, each with half the length. */
export function splitEvenOdd(x: Tensor, axis: number): readonly [Tensor, Tensor] {
  const length = x.shape[axis] ?? 0;
  const before = sizeFrom(x.shape, 0) / sizeFrom(x.shape, axis);
  const after = sizeFrom(x.shape, axis + 1);
  const pairs = tf.reshape(x, [(before * length) / 2, 2 * after]);
  const half = [...x.shape.slice(0, axis), length / 2, ...x.shape.slice(axis + 1)];
  const part = (start: number) =>
    tf.reshape(tf.slice(pairs, [0, start], [(before * length) / 2, after]), half);
  return [part(0), part(after)];
}

/** The inverse of `splitEvenOdd`: doubles the length of an axis. */
export function joinEvenOdd(even: Tensor, odd: Tensor, axis: number): Tensor {
  const length = even.shape[axis] ?? 0;
  const before = sizeFrom(even.shape, 0) / sizeFrom(even.shape, axis);
  const after = sizeFrom(even.shape, axis + 1);
  const rows = [before * length, after];
  const joined = tf.concat([tf.reshape(even, rows), tf.reshape(odd, rows)], 1);
  return tf.reshape(joined, [...even.shape.slice(0, axis), 2 * length, ...even.shape.slice(axis + 1)]);
}
