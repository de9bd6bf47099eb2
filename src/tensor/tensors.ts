import { ProcessingError } from '../errors.js';
import { tf, type Parameter, type Tensor, type tfjs } from './tfjs.js';
import {
  copiedValues,
  exclusiveValues,
  ownedCopy,
  releaseRecycledBuffers,
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
export function read(source: Tensor): Float32Array {
  return copiedValues(source);
}

/**
 * Shows the values of a tensor to a function, without a copy where they lie in the memory of this process. The function
 * must neither keep nor change them.
 */
export function inspect<T>(source: Tensor, look: (values: Float32Array) => T): T {
  return look(viewedValues(source));
}

/** The single value of a 0-d tensor. */
export function readScalar(source: Tensor): number {
  const [value] = source.dataSync();
  if (value === undefined || source.size !== 1) {
    throw new ProcessingError('SHAPE_MISMATCH', `a tensor of ${source.size} values is not one number`, {
      where: `shape [${source.shape.join(', ')}]`,
      cure: 'reduce it first',
    });
  }
  return value;
}

/** Sum of the squared values, in float64; waits for the device. */
export function sumOfSquares(source: Tensor): number {
  return sumOfSquaredValues(source);
}

/**
 * Changes the values of a parameter through a function that writes into them (for example a projection).
 * On a CPU device it sees the live values; elsewhere they are read, changed and written back.
 */
export function update(target: Parameter, change: (values: Float32Array) => void): void {
  const live = exclusiveValues(target);
  if (live !== null) return change(live);
  const values = read(target);
  change(values);
  const changed = tf.tensor(values, target.shape, 'float32');
  target.assign(changed);
  changed.dispose();
}

/** Overwrites a parameter. */
export function assign(target: Parameter, values: Float32Array): void {
  checkedShape(values, target.shape, 'assignment');
  update(target, (live) => live.set(values));
}

/** Runs a function and frees every tensor that it made, except the ones it returns. */
export function tidy<T extends tfjs.TensorContainer>(run: () => T): T {
  return tf.tidy(run);
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
