import { ProcessingError } from '../../errors.js';
import { dispatch } from '../dispatch.js';
import { requireFloat32, requireNumber, requireShape, shapeText, volumeShape } from '../shapes.js';
import { tf, type Tensor } from '../tfjs.js';

/** a + b, equal shapes. */
export function add(a: Tensor, b: Tensor): Tensor {
  requireFloat32(a, 'add', 'a');
  requireShape(b, a.shape, 'add', 'b');
  return tf.add(a, b);
}

/** a - b, equal shapes. */
export function sub(a: Tensor, b: Tensor): Tensor {
  requireFloat32(a, 'sub', 'a');
  requireShape(b, a.shape, 'sub', 'b');
  return tf.sub(a, b);
}

/** a * b element by element, equal shapes. */
export function mul(a: Tensor, b: Tensor): Tensor {
  requireFloat32(a, 'mul', 'a');
  requireShape(b, a.shape, 'mul', 'b');
  return tf.mul(a, b);
}

/** x times a number. */
export function scale(x: Tensor, factor: number): Tensor {
  requireFloat32(x, 'scale', 'x');
  requireNumber(factor, 'scale', 'factor');
  return tf.tidy(() => tf.mul(x, tf.scalar(factor)));
}

/** x plus a number, element by element. */
export function addNumber(x: Tensor, term: number): Tensor {
  requireFloat32(x, 'addNumber', 'x');
  requireNumber(term, 'addNumber', 'term');
  return tf.tidy(() => tf.add(x, tf.scalar(term)));
}

/** Natural logarithm, element by element; NaN for negative values. */
export function log(x: Tensor): Tensor {
  requireFloat32(x, 'log', 'x');
  return tf.log(x);
}

/** x squared, element by element. */
export function square(x: Tensor): Tensor {
  requireFloat32(x, 'square', 'x');
  return tf.square(x);
}

/** Sum over all elements, a 0-d tensor. */
export function sum(x: Tensor): Tensor {
  requireFloat32(x, 'sum', 'x');
  return tf.sum(x);
}

/** Mean over all elements, a 0-d tensor. */
export function mean(x: Tensor): Tensor {
  requireFloat32(x, 'mean', 'x');
  if (x.size === 0) {
    throw new ProcessingError('SHAPE_MISMATCH', 'mean: x has no elements', {
      where: `shape ${shapeText(x.shape)}`,
      cure: 'give a tensor with elements',
    });
  }
  return tf.tidy(() => tf.mul(tf.sum(x), tf.scalar(1 / x.size)));
}

/** Mean over the batch: (N, X, Y, Z, C) to (1, X, Y, Z, C). */
export function batchMean(x: Tensor): Tensor {
  const { n } = volumeShape(x, 'batchMean', 'x');
  if (n === 1) return tf.reshape(x, x.shape);
  return tf.tidy(() => tf.mul(tf.sum(x, [0], true), tf.scalar(1 / n)));
}

/** One volume n times: (1, X, Y, Z, C) to (n, X, Y, Z, C); its gradient is the sum over the batch. */
export function repeatBatch(x: Tensor, n: number): Tensor {
  const shape = volumeShape(x, 'repeatBatch', 'x');
  requireNumber(n, 'repeatBatch', 'n', { least: 1 });
  requireShape(x, [1, shape.x, shape.y, shape.z, shape.c], 'repeatBatch', 'x');
  if (n === 1) return tf.reshape(x, x.shape);
  return tf.concat(new Array<Tensor>(n).fill(x), 0);
}

/** Most volumes of one `concatChannels`. */
export const MOST_CONCATENATED = 8;

/** Joins the channels of volumes on one grid: (N, X, Y, Z, Ca), (N, X, Y, Z, Cb), ... to (N, X, Y, Z, Ca + Cb + ...). */
export function concatChannels(parts: readonly Tensor[]): Tensor {
  const [first] = parts;
  if (first === undefined) {
    throw new ProcessingError('INVALID_ARGUMENT', 'concatChannels: no volumes', {
      cure: 'give at least one',
    });
  }
  const { n, x, y, z } = volumeShape(first, 'concatChannels', 'volume 0');
  parts.forEach((part, i) => {
    const { c } = volumeShape(part, 'concatChannels', `volume ${i}`);
    requireShape(part, [n, x, y, z, c], 'concatChannels', `volume ${i}`);
  });
  if (parts.length > MOST_CONCATENATED) {
    throw new ProcessingError('INVALID_ARGUMENT', `concatChannels: ${parts.length} volumes`, {
      cure: `join at most ${MOST_CONCATENATED} at a time`,
    });
  }
  const named = Object.fromEntries(parts.map((part, i) => [`part${i}`, part]));
  const channels = parts.map((part) => part.shape[4] ?? 0);
  return dispatch('NeuroloomConcatChannels', named, { channels }, () => tf.concat([...parts], 4));
}

/** The values of x as a constant: no gradient flows through the result. */
export function constant(x: Tensor): Tensor {
  return constantOf(x, (values) => tf.clone(values));
}

/** A tensor computed from x that counts as a constant, for example a mask; `compute` need not be differentiable. */
export function constantOf(x: Tensor, compute: (x: Tensor) => Tensor): Tensor {
  const op = tf.customGrad((source) => ({
    value: compute(source as Tensor),
    gradFunc: () => tf.zeros(x.shape, 'float32'),
  }));
  return op(x);
}
