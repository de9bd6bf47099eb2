/** Checks that stand before every call into the addon, which sees raw pointers. */
import { ProcessingError } from '../errors.js';

/** Batch and spatial sizes of a channels-last tensor, in voxels. */
export interface Grid {
  readonly n: number;
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** Largest element count of one array: what a typed array of Node 20 can hold. */
const MOST_ELEMENTS = 2 ** 32;

/** @throws ProcessingError INVALID_ARGUMENT unless value is a whole number from `least` on */
export function checkCount(operation: string, name: string, value: number, least = 1): number {
  if (Number.isInteger(value) && value >= least && value <= MOST_ELEMENTS) return value;
  throw new ProcessingError('INVALID_ARGUMENT', `${name} is ${value}`, {
    where: operation,
    cure: `give a whole number of ${least} or more`,
  });
}

/** @throws ProcessingError INVALID_ARGUMENT unless value is a finite number */
export function checkFinite(operation: string, name: string, value: number): number {
  if (Number.isFinite(value)) return value;
  throw new ProcessingError('INVALID_ARGUMENT', `${name} is ${value}`, {
    where: operation,
    cure: 'give a finite number',
  });
}

/** Checks the sizes of a grid and returns its number of voxels, batch included. */
export function checkGrid(operation: string, grid: Grid): number {
  let voxels = 1;
  for (const axis of ['n', 'x', 'y', 'z'] as const) {
    voxels *= checkCount(operation, `grid.${axis}`, grid[axis]);
  }
  return voxels;
}

/** checkGrid for operations between a fine grid and one of half its size: x, y and z must be even. */
export function checkEvenGrid(operation: string, grid: Grid): number {
  const voxels = checkGrid(operation, grid);
  for (const axis of ['x', 'y', 'z'] as const) {
    if (grid[axis] % 2 !== 0) {
      throw new ProcessingError('INVALID_ARGUMENT', `grid.${axis} is ${grid[axis]}, which is odd`, {
        where: operation,
        cure: 'pad the volume to even sizes',
      });
    }
  }
  return voxels;
}

type Constructor<A> = { readonly name: string; new (length: number): A };

function checkArray<A extends { readonly length: number }>(
  kind: Constructor<A>,
  operation: string,
  name: string,
  array: A,
  length: number,
): A {
  if (!(array instanceof kind)) {
    throw new ProcessingError('INVALID_ARGUMENT', `${name} is not a ${kind.name}`, {
      where: operation,
      cure: `convert it to a ${kind.name} of ${length} elements`,
    });
  }
  if (array.length !== length) {
    throw new ProcessingError('SHAPE_MISMATCH', `${name} has ${array.length} elements, not ${length}`, {
      where: operation,
      cure: 'give the grid and channel counts that the array was made with',
    });
  }
  return array;
}

/** @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH unless array is a Float32Array of that length */
export function checkFloats(operation: string, name: string, array: Float32Array, length: number): Float32Array {
  return checkArray(Float32Array, operation, name, array, length);
}

/** checkFloats for an argument that may be null. */
export function checkOptionalFloats(
  operation: string,
  name: string,
  array: Float32Array | null,
  length: number,
): Float32Array | null {
  return array === null ? null : checkFloats(operation, name, array, length);
}

/** @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH unless array is a Uint8Array of that length */
export function checkBytes(operation: string, name: string, array: Uint8Array, length: number): Uint8Array {
  return checkArray(Uint8Array, operation, name, array, length);
}

/** @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH unless array is a Float64Array of that length */
export function checkDoubles(operation: string, name: string, array: Float64Array, length: number): Float64Array {
  return checkArray(Float64Array, operation, name, array, length);
}

/** @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH unless array is an Int32Array of that length */
export function checkInts(operation: string, name: string, array: Int32Array, length: number): Int32Array {
  return checkArray(Int32Array, operation, name, array, length);
}

/**
 * Checks that what is written shares no memory with the other arrays: kernels read while they write.
 *
 * @param written - array that the operation fills, null where it is left out
 * @param others - by name; null entries are skipped
 * @throws ProcessingError INVALID_ARGUMENT naming the two
 */
export function checkSeparate(
  operation: string,
  name: string,
  written: ArrayBufferView | null,
  others: Readonly<Record<string, ArrayBufferView | null>>,
): void {
  if (written === null) return;
  for (const [other, array] of Object.entries(others)) {
    if (array === null || array.buffer !== written.buffer) continue;
    const apart =
      array.byteOffset + array.byteLength <= written.byteOffset ||
      written.byteOffset + written.byteLength <= array.byteOffset;
    if (!apart) {
      throw new ProcessingError('INVALID_ARGUMENT', `${name} overlaps ${other} in memory`, {
        where: operation,
        cure: 'give the result an array of its own',
      });
    }
  }
}
