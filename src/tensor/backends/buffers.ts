import { MathBackendCPU, tf, type Tensor } from '../tfjs.js';

/** A copy of values that a tensor may own. */
export function recycledCopy(values: Float32Array): Float32Array {
  return values.slice();
}

/**
 * Lets a function write into the live values of a tensor, where they lie in the memory of this process and no
 * other tensor shares them.
 *
 * @returns false when it could not: nothing was called then
 */
export function mutateInPlace(target: Tensor, change: (values: Float32Array) => void): boolean {
  const backend = tf.backend();
  if (!(backend instanceof MathBackendCPU) || backend.refCount(target.dataId) !== 1) return false;
  const values = backend.data.get(target.dataId).values;
  if (!(values instanceof Float32Array)) return false;
  change(values);
  return true;
}
