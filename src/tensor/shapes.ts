import { ProcessingError } from '../errors.js';
import type { Tensor } from './tfjs.js';

/** Batch, spatial sizes and channels of a tensor (N, X, Y, Z, C), channels fastest. */
export interface VolumeShape {
  readonly n: number;
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly c: number;
}

/** Text of a shape for messages. */
export function shapeText(shape: readonly number[]): string {
  return `(${shape.join(', ')})`;
}

/** Three axes in the same order of values: those before an axis, the axis, those behind it. */
export function around(shape: readonly number[], axis: number): [number, number, number] {
  const size = (part: readonly number[]) => part.reduce((product, length) => product * length, 1);
  return [size(shape.slice(0, axis)), shape[axis] ?? 1, size(shape.slice(axis + 1))];
}

/** A shape with another length along one axis. */
export function lengthened(shape: readonly number[], axis: number, length: number): number[] {
  return shape.map((own, i) => (i === axis ? length : own));
}

/** Reads (N, X, Y, Z, C) and refuses everything else: other ranks, other types, empty axes. */
export function volumeShape(source: Tensor, operation: string, name: string): VolumeShape {
  const [n, x, y, z, c] = source.shape;
  const complete =
    n !== undefined && x !== undefined && y !== undefined && z !== undefined && c !== undefined;
  if (!complete || source.shape.length !== 5 || source.size === 0) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `${operation}: ${name} is not (N, X, Y, Z, C) without empty axes`,
      {
        where: `shape ${shapeText(source.shape)}`,
        cure: 'add the batch and channel axes, or give a grid with voxels',
      },
    );
  }
  requireFloat32(source, operation, name);
  return { n, x, y, z, c };
}

export function requireFloat32(source: Tensor, operation: string, name: string): void {
  if (source.dtype === 'float32') return;
  throw new ProcessingError('DTYPE', `${operation}: ${name} has type ${source.dtype}`, {
    cure: 'convert it to float32 first',
  });
}

/** Refuses a tensor whose shape is not the expected one. */
export function requireShape(
  source: Tensor,
  expected: readonly number[],
  operation: string,
  name: string,
): void {
  requireFloat32(source, operation, name);
  const same =
    source.shape.length === expected.length && expected.every((v, axis) => source.shape[axis] === v);
  if (same) return;
  throw new ProcessingError('SHAPE_MISMATCH', `${operation}: ${name} has shape ${shapeText(source.shape)}`, {
    where: `expected ${shapeText(expected)}`,
    cure: 'give tensors that belong to one grid',
  });
}

/** Refuses a setting that is not a finite number of the stated range. */
export function requireNumber(
  value: number,
  operation: string,
  name: string,
  range: { readonly least?: number; readonly greatest?: number; readonly above?: number } = {},
): void {
  const { least = -Infinity, greatest = Infinity, above = -Infinity } = range;
  if (Number.isFinite(value) && value >= least && value <= greatest && value > above) return;
  const bounds = [
    ...(range.above === undefined ? [] : [`greater than ${above}`]),
    ...(range.least === undefined ? [] : [`at least ${least}`]),
    ...(range.greatest === undefined ? [] : [`at most ${greatest}`]),
  ];
  throw new ProcessingError('INVALID_ARGUMENT', `${operation}: ${name} is ${value}`, {
    cure: `give a finite number${bounds.length > 0 ? ' ' : ''}${bounds.join(' and ')}`,
  });
}
