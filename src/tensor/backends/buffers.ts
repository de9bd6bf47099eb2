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
export async function copiedValues(source: Tensor): Promise<Float32Array> {
  const values = await source.data<'float32'>().catch(failedRead);
  await requireHealthyDevice();
  if (!(values instanceof Float32Array)) return Float32Array.from(values);
  // Other backends hand out an array that they keep, ours a copy.
  return tf.backend() instanceof NativeBackend ? values : values.slice();
}

async function failedRead(error: unknown): Promise<never> {
  if (tf.getBackend() !== 'webgpu') throw error;
  const { readFailure } = await import('./webgpu/open.js');
  return readFailure(error);
}

/** A graphics device tells late, and beside the calls, that it could not do its work. */
async function requireHealthyDevice(): Promise<void> {
  if (tf.getBackend() !== 'webgpu') return;
  const { requireDeviceHealth } = await import('./webgpu/open.js');
  await requireDeviceHealth();
}

/** The live values of a float32 tensor, not to be kept, not to be changed; null where they are not in this process. */
export function viewedValues(source: Tensor): Float32Array | null {
  const backend = tf.backend();
  if (backend instanceof NativeBackend) return backend.valuesOf(source);
  if (!(backend instanceof MathBackendCPU)) return null;
  const values = source.dataSync<'float32'>();
  return values instanceof Float32Array ? values : Float32Array.from(values);
}

/** The values of tensors of one element, with one transfer where they are on another device. */
export async function scalarValues(sources: readonly Tensor[]): Promise<number[]> {
  if (tf.backend() instanceof MathBackendCPU) return sources.map((source) => source.dataSync()[0] as number);
  const packed = tf.tidy(() => tf.concat(sources.map((source) => tf.reshape(source, [1]))));
  const values = await packed
    .data()
    .catch(failedRead)
    .finally(() => packed.dispose());
  await requireHealthyDevice();
  return [...values];
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

/** Sum of the squared values of some tensors: in float64 where they are in this process. */
export async function sumOfSquaredValues(sources: readonly Tensor[]): Promise<number> {
  const backend = tf.backend();
  if (backend instanceof MathBackendCPU)
    return sources.reduce((total, source) => total + squaredNorm(source), 0);
  const sums = tf.tidy(() => sources.map((source) => tf.sum(tf.square(source))));
  const values = await scalarValues(sums).finally(() => {
    for (const sum of sums) sum.dispose();
  });
  return values.reduce((total, value) => total + value, 0);
}

function squaredNorm(source: Tensor): number {
  const values = viewedValues(source) as Float32Array;
  if (tf.backend() instanceof NativeBackend) return sumOfSquares(values);
  return values.reduce((total, value) => total + value * value, 0);
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
