import { readNpy } from '../../src/io/npy.js';
import { reference } from './reference.js';

/** Values with their shape, in the layout of src/tensor: last axis fastest. */
export interface Volume {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

async function golden(name: string): Promise<{ shape: readonly number[]; values: Float32Array }> {
  const { shape, data } = await readNpy(reference(`atlas/golden/${name}.npy`));
  return { shape, values: Float32Array.from(data as ArrayLike<number>) };
}

/** Puts the axes of an array into another order. */
export function transpose({ shape, values }: Volume, order: readonly number[]): Volume {
  const strides = shape.map((_, axis) =>
    shape.slice(axis + 1).reduce((product, length) => product * length, 1),
  );
  const target = order.map((axis) => shape[axis] ?? 1);
  const moved = new Float32Array(values.length);
  const position = target.map(() => 0);
  for (let i = 0; i < moved.length; i++) {
    moved[i] =
      values[order.reduce((at, axis, k) => at + (strides[axis] ?? 0) * (position[k] ?? 0), 0)] ?? NaN;
    for (let k = target.length - 1; k >= 0; k--) {
      position[k] = (position[k] ?? 0) + 1;
      if ((position[k] ?? 0) < (target[k] ?? 0)) break;
      position[k] = 0;
    }
  }
  return { shape: target, values: moved };
}

/** A golden volume, (N, C, X, Y, Z) in the file, as (N, X, Y, Z, C). */
export async function goldenVolume(name: string): Promise<Volume> {
  return transpose(await golden(name), [0, 2, 3, 4, 1]);
}

/** A golden filter, [out, in, 3, 3, 3] in the file, as [3, 3, 3, in, out]; a bias stays as it is. */
export async function goldenWeights(name: string): Promise<Volume> {
  const stored = await golden(name);
  return stored.shape.length === 1 ? stored : transpose(stored, [2, 3, 4, 1, 0]);
}

/** Largest absolute difference, as a part of the largest absolute value of the expected array. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i] as number));
    const gap = Math.abs((actual[i] as number) - (expected[i] as number));
    difference = Number.isNaN(gap) ? Infinity : Math.max(difference, gap);
  }
  return largest === 0 ? difference : difference / largest;
}
