import { tf, type Tensor } from '../tfjs.js';

/**
 * x(p + 1) - x(p) along one spatial axis (1, 2 or 3) of (N, X, Y, Z, C).
 *
 * @param interior - the other spatial axes lose their last position too, so that all three differences of a field
 *   exist at each remaining voxel
 */
export function forwardDifference(x: Tensor, axis: number, interior: boolean): Tensor {
  const shortened = (i: number) => i === axis || (interior && i >= 1 && i <= 3);
  const size = x.shape.map((length, i) => (shortened(i) ? length - 1 : length));
  const upper = tf.slice(
    x,
    x.shape.map((_, i) => (i === axis ? 1 : 0)),
    size,
  );
  return tf.sub(
    upper,
    tf.slice(
      x,
      x.shape.map(() => 0),
      size,
    ),
  );
}
