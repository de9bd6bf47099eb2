import { ProcessingError } from '../errors.js';

/** The typed arrays that a volume can have. */
export type NumericArray =
  Float32Array | Float64Array | Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array;

/** Product of the axis lengths. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/**
 * First axis fastest (NIfTI, MATLAB, Fortran) to last axis fastest (the order of volumes inside the numerics).
 *
 * @param data - shape `shape`, first axis fastest
 * @returns new array of the same type, last axis fastest
 * @throws ProcessingError SHAPE_MISMATCH when the length is not the product of the shape
 */
export function fortranToC<T extends NumericArray>(data: T, shape: readonly number[]): T {
  return permute(data, shape, true);
}

/** Last axis fastest to first axis fastest: the inverse of `fortranToC`, with the same errors. */
export function cToFortran<T extends NumericArray>(data: T, shape: readonly number[]): T {
  return permute(data, shape, false);
}

/**
 * Walks the C order of the array and keeps the matching Fortran offset by adding strides, so that there is one
 * addition per voxel whatever the number of axes.
 */
function permute<T extends NumericArray>(data: T, shape: readonly number[], toC: boolean): T {
  const size = sizeOf(shape);
  if (data.length !== size) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${data.length} values do not fill the shape ${shape.join('x')}`,
      { cure: 'give an array whose length is the product of its shape' },
    );
  }
  const out = new (data.constructor as new (length: number) => T)(size);
  if (size === 0) return out;
  const axes = shape.length;
  const strides: number[] = [];
  for (let axis = 0, stride = 1; axis < axes; stride *= shape[axis] ?? 1, axis++) strides.push(stride);
  const inner = shape[axes - 1] ?? 1;
  const innerStride = strides[axes - 1] ?? 1;
  const index = new Array<number>(axes).fill(0);
  let offset = 0;
  for (let c = 0; c < size;) {
    for (let k = 0, f = offset; k < inner; k++, c++, f += innerStride) {
      if (toC) out[c] = data[f] ?? 0;
      else out[f] = data[c] ?? 0;
    }
    for (let axis = axes - 2; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      const stride = strides[axis] ?? 1;
      if (next < (shape[axis] ?? 1)) {
        index[axis] = next;
        offset += stride;
        break;
      }
      index[axis] = 0;
      offset -= stride * (next - 1);
    }
  }
  return out;
}
