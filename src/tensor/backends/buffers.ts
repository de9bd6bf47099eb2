import { axpy, sumOfSquares } from '../../native/index.js';
import { MathBackendCPU, tf, type Tensor } from '../tfjs.js';
import { NativeBackend } from './native/backend.js';

/** A copy of values that a tensor may own. */
export function ownedCopy(values: Float32Array): Float32Array {
  const backend = tf.backend();
  if (!(backend instanceof NativeBackend)) return values.slice();
  const copy = backend.takeBuffer(values.length);
  copy.set(values);
  return copy;
}

/** The values of a tensor as a copy that nothing else holds. */
export function copiedValues(source: Tensor): Float32Array {
  const values = source.dataSync<'float32'>();
  if (!(values instanceof Float32Array)) return Float32Array.from(values);
  // The stock backend hands out its live array, ours a copy.
  return tf.backend() instanceof NativeBackend ? values : values.slice();
}

/** The values of a tensor: live where the device is ours, else a copy. Not to be kept, not to be changed. */
export function viewedValues(source: Tensor): Float32Array {
  const backend = tf.backend();
  return backend instanceof NativeBackend ? backend.valuesOf(source) : copiedValues(source);
}

/** Frees the memory that a device holds for later tensors. */
export function releaseRecycledBuffers(): void {
  const backend = tf.backend();
  if (backend instanceof NativeBackend) backend.releaseBuffers();
}

/**
 * The live values of a tensor where they lie in the memory of this process and no other tensor shares them; null
 * elsewhere.
 */
export function exclusiveValues(target: Tensor): Float32Array | null {
  const backend = tf.backend();
  if (!(backend instanceof MathBackendCPU) || backend.refCount(target.dataId) !== 1) return null;
  const { values } = backend.data.get(target.dataId);
  return values instanceof Float32Array ? values : null;
}

/** Sum of the squared values of a tensor, in float64. */
export function sumOfSquaredValues(source: Tensor): number {
  const backend = tf.backend();
  if (backend instanceof NativeBackend) return sumOfSquares(backend.valuesOf(source));
  return copiedValues(source).reduce((total, value) => total + value * value, 0);
}

/** a + b; both are used up. In place where nothing else holds the values of `a`. */
export function addInPlace(a: Tensor, b: Tensor): Tensor {
  const backend = tf.backend();
  const live =
    backend instanceof NativeBackend && a.dtype === 'float32' && b.dtype === 'float32'
      ? exclusiveValues(a)
      : null;
  if (live === null) {
    const sum = tf.add(a, b);
    a.dispose();
    b.dispose();
    return sum;
  }
  axpy(1, (backend as NativeBackend).valuesOf(b), live);
  b.dispose();
  return a;
}
