import { AsyncLocalStorage } from 'node:async_hooks';
import { ProcessingError } from '../errors.js';
import { tf, type Parameter, type Tensor, type tfjs } from './tfjs.js';
import {
  copiedValues,
  exclusiveValues,
  ownedCopy,
  releaseRecycledBuffers,
  scalarValues,
  sumOfSquaredValues,
  viewedValues,
} from './backends/buffers.js';

function checkedShape(values: Float32Array, shape: readonly number[], what: string): number[] {
  const bad = shape.find((length) => !Number.isInteger(length) || length < 0);
  if (bad !== undefined) {
    throw new ProcessingError('INVALID_ARGUMENT', `${what} with a length of ${bad} along an axis`, {
      where: `shape [${shape.join(', ')}]`,
      cure: 'give whole numbers, none negative',
    });
  }
  const size = shape.reduce((product, length) => product * length, 1);
  if (size !== values.length) {
    throw new ProcessingError('SHAPE_MISMATCH', `${what} of ${values.length} values given for ${size}`, {
      where: `shape [${shape.join(', ')}]`,
      cure: 'pass one value for each element, the last axis fastest',
    });
  }
  return [...shape];
}

/**
 * Copies values onto the current device.
 *
 * @param values - last axis fastest; the array stays the caller's
 * @throws ProcessingError SHAPE_MISMATCH when the number of values is not the product of the shape
 */
export function tensor(values: Float32Array, shape: readonly number[]): Tensor {
  const checked = checkedShape(values, shape, 'tensor');
  return tf.tensor(ownedCopy(values), checked, 'float32');
}

/** A tensor of zeros on the current device. */
export function zeros(shape: readonly number[]): Tensor {
  return tf.zeros([...shape], 'float32');
}

/**
 * A tensor that training changes: pass it to `valueAndGradients` and `Adam.step`, free it with `dispose`.
 *
 * @param values - start values, copied
 * @throws ProcessingError SHAPE_MISMATCH when the number of values is not the product of the shape
 */
export function parameter(values: Float32Array, shape: readonly number[]): Parameter {
  const checked = checkedShape(values, shape, 'parameter');
  const start = tf.tensor(ownedCopy(values), checked, 'float32');
  const created = tf.variable(start);
  start.dispose();
  return created;
}

/** The values of a tensor, copied; waits for the device. */
export function read(source: Tensor): Promise<Float32Array> {
  return copiedValues(source);
}

/** The values of a tensor where they lie in the memory of this process, not to be kept or changed; null elsewhere. */
export function viewed(source: Tensor): Float32Array | null {
  return viewedValues(source);
}

/** The values of some 0-d tensors; waits for the device once. */
export async function readScalars(sources: readonly Tensor[]): Promise<number[]> {
  const long = sources.find(({ size }) => size !== 1);
  if (long !== undefined) {
    throw new ProcessingError('SHAPE_MISMATCH', `a tensor of ${long.size} values is not one number`, {
      where: `shape [${long.shape.join(', ')}]`,
      cure: 'reduce it first',
    });
  }
  return scalarValues(sources);
}

/** Sum of the squared values of some tensors: in float64 on a CPU; waits for the device. */
export function sumOfSquares(sources: readonly Tensor[]): Promise<number> {
  return sumOfSquaredValues(sources);
}

/**
 * Changes the values of a parameter through a function that writes into them (for example a projection).
 * On a CPU device it sees the live values; elsewhere they are read, changed and written back.
 */
export async function update(target: Parameter, change: (values: Float32Array) => void): Promise<void> {
  const live = exclusiveValues(target);
  if (live !== null) return change(live);
  const values = await read(target);
  change(values);
  replaceValues(target, values);
}

/** Sets a parameter to 0 where it is negative or where a mask of ones and zeros is 0; nothing is read back. */
export function project(target: Parameter, mask: Tensor): void {
  tf.tidy(() => target.assign(tf.mul(tf.maximum(target, tf.scalar(0)), mask)));
}

/** Overwrites a parameter. */
export function assign(target: Parameter, values: Float32Array): void {
  checkedShape(values, target.shape, 'assignment');
  const live = exclusiveValues(target);
  if (live === null) replaceValues(target, values.slice());
  else live.set(values);
}

function replaceValues(target: Parameter, values: Float32Array): void {
  const changed = tf.tensor(values, target.shape, 'float32');
  target.assign(changed);
  changed.dispose();
}

/** Runs a function and frees every tensor that it made, except the ones it returns. */
export function tidy<T extends tfjs.TensorContainer>(run: () => T): T {
  return tf.tidy(run);
}

/**
 * Like `tidy` for a function that waits for the device: frees every tensor that it made and did not `keep`. One runs at
 * a time in a process; others wait for it.
 */
export function scoped<T>(run: () => Promise<T>): Promise<T> {
  if (insideScope.getStore() === true) return runScoped(run);
  const turn = lastScope.then(() => insideScope.run(true, () => runScoped(run)));
  lastScope = turn.catch(() => undefined);
  return turn;
}

const insideScope = new AsyncLocalStorage<true>();
let lastScope: Promise<unknown> = Promise.resolve();

async function runScoped<T>(run: () => Promise<T>): Promise<T> {
  tf.engine().startScope();
  try {
    return await run();
  } finally {
    tf.engine().endScope();
  }
}

/** Excepts a tensor from the `tidy` around it; free it with `dispose`. */
export function keep<T extends Tensor>(kept: T): T {
  return tf.keep(kept);
}

/** Frees tensors and parameters, also inside arrays and records. */
export function dispose(tensors: tfjs.TensorContainer): void {
  tf.dispose(tensors);
}

/** Number of tensors alive on the device: it returns to its level when everything was freed. */
export function memoryCount(): number {
  return tf.memory().numTensors;
}

/** Gives memory that the device kept for later tensors back, for example after training. */
export function releaseMemory(): void {
  releaseRecycledBuffers();
}
