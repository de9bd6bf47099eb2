import { ProcessingError } from '../../errors.js';

/** Typed arrays of numbers. */
export type NumberArray =
  Float64Array | Float32Array | Int32Array | Uint32Array | Int16Array | Uint16Array | Int8Array | Uint8Array;

/** Numbers with a shape, C order. */
export interface ShapedArray<A extends NumberArray = NumberArray> {
  readonly shape: readonly number[];
  readonly data: A;
}

/** What can be cut into batches: a list, one row of numbers, or an array with a shape. */
export type Batchable = readonly unknown[] | NumberArray | ShapedArray;

/** Options of cutting arrays into batches. */
export interface BatchOptions {
  /** Axis that is cut; lists and rows have axis 0 only. */
  readonly axis?: number;
}

/**
 * Cuts data into pieces of `batchSize` along an axis; the last one is shorter where it does not come out even.
 *
 * Pieces of axis 0 of numbers share the memory of the data. Lists, and pieces of another axis, are copied.
 *
 * @throws ProcessingError INVALID_ARGUMENT for a size below 1 or an axis that is not there
 */
export function* batchIterator<D extends Batchable>(
  data: D,
  batchSize = 1000,
  { axis = 0 }: BatchOptions = {},
): Generator<D, void, undefined> {
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw refused(`a batch size of ${batchSize} is not possible`, 'give a whole number from 1');
  }
  const shape = shapeOf(data);
  if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length) {
    throw refused(`there is no axis ${axis} in an array of ${shape.length}`, 'count axes from 0');
  }
  const length = shape[axis]!;
  for (let from = 0; from < length; from += batchSize) {
    yield cut(data, axis, from, Math.min(from + batchSize, length)) as D;
  }
}

/** Pieces put together again along an axis: the inverse of {@link batchIterator}. @throws ProcessingError */
export function concatenate<D extends Batchable>(pieces: readonly D[], axis = 0): D {
  const first = pieces[0];
  if (first === undefined) throw refused('there is nothing to put together', 'give at least one piece');
  if (isList(first)) return (pieces as unknown as readonly (readonly unknown[])[]).flat(1) as unknown as D;
  const shapes = pieces.map(shapeOf);
  const fits = shapes.every(
    (shape) => shape.length === shapes[0]!.length && shape.every((n, i) => i === axis || n === shapes[0]![i]),
  );
  if (!fits) {
    throw new ProcessingError('SHAPE_MISMATCH', `pieces differ beside axis ${axis}`, {
      cure: 'return pieces whose other axes agree',
    });
  }
  const rows = pieces.map(numbersOf);
  const shape = shapes[0]!.map((n, i) => (i === axis ? shapes.reduce((sum, one) => sum + one[axis]!, 0) : n));
  const Kind = rows[0]!.constructor as new (length: number) => NumberArray;
  const data = new Kind(product(shape));
  const inner = product(shape.slice(axis + 1));
  const outer = product(shape.slice(0, axis));
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const [p, row] of rows.entries()) {
      const width = shapes[p]![axis]! * inner;
      data.set(row.subarray(o * width, (o + 1) * width), at);
      at += width;
    }
  }
  return (isShaped(first) ? { shape, data } : data) as D;
}

function cut(data: Batchable, axis: number, from: number, to: number): Batchable {
  if (isList(data)) return data.slice(from, to);
  if (!isShaped(data)) return data.subarray(from, to);
  const { shape } = data;
  const inner = product(shape.slice(axis + 1));
  const cutShape = shape.map((n, i) => (i === axis ? to - from : n));
  if (axis === 0) return { shape: cutShape, data: data.data.subarray(from * inner, to * inner) };
  const Kind = data.data.constructor as new (length: number) => NumberArray;
  const copy = new Kind(product(cutShape));
  const outer = product(shape.slice(0, axis));
  for (let o = 0; o < outer; o++) {
    const start = o * shape[axis]! * inner;
    copy.set(data.data.subarray(start + from * inner, start + to * inner), o * (to - from) * inner);
  }
  return { shape: cutShape, data: copy };
}

function isList(data: Batchable): data is readonly unknown[] {
  return Array.isArray(data);
}

function isShaped(data: Batchable): data is ShapedArray {
  return !Array.isArray(data) && 'shape' in data;
}

function numbersOf(data: Batchable): NumberArray {
  return isShaped(data) ? data.data : (data as NumberArray);
}

function shapeOf(data: Batchable): readonly number[] {
  if (!isShaped(data)) return [data.length];
  if (product(data.shape) !== data.data.length) {
    throw new ProcessingError(
      'SHAPE_MISMATCH',
      `shape ${data.shape.join(' x ')} needs ${product(data.shape)} numbers, got ${data.data.length}`,
      { cure: 'give one number for each place' },
    );
  }
  return data.shape;
}

function product(numbers: readonly number[]): number {
  return numbers.reduce((all, n) => all * n, 1);
}

function refused(what: string, cure: string): ProcessingError {
  return new ProcessingError('INVALID_ARGUMENT', what, { cure });
}
