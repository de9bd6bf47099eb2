import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { matrix, type Matrix } from '../../src/numerics/linalg/matrix.js';
import { reference } from './reference.js';

interface Entry {
  readonly file: string;
  readonly dtype: 'float32le' | 'float64le' | 'int32le';
  readonly shape: readonly number[];
}

const READERS = { float32le: Float32Array, float64le: Float64Array, int32le: Int32Array } as const;

/** A golden array of the encoding models by name; flat, row by row, as float64. */
export function goldenArray(name: string): {
  readonly shape: readonly number[];
  readonly values: Float64Array;
} {
  const manifest = JSON.parse(readFileSync(reference('encoding/manifest.json'), 'utf8')) as Record<
    string,
    Entry
  >;
  const { file, dtype, shape } = manifest[name]!;
  const bytes = gunzipSync(readFileSync(reference(`encoding/${file}`)));
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  return { shape, values: Float64Array.from(new READERS[dtype](copy)) };
}

/** A golden array with one or two dimensions. */
export function goldenMatrix(name: string): Matrix {
  const { shape, values } = goldenArray(name);
  return matrix(shape[0]!, shape[1] ?? 1, values);
}

/** Columns by name of a golden parameter array. */
export function goldenColumns(name: string, columns: readonly string[]): Record<string, Float64Array> {
  const { rows, columns: width, values } = goldenMatrix(name);
  return Object.fromEntries(
    columns.map((column, at) => [
      column,
      Float64Array.from({ length: rows }, (_, row) => values[row * width + at]!),
    ]),
  );
}

/** Largest difference relative to the largest golden value. */
export function relativeError(got: Float64Array, golden: Float64Array): number {
  if (got.length !== golden.length) return Infinity;
  let largest = 0;
  let worst = 0;
  golden.forEach((value, at) => {
    largest = Math.max(largest, Math.abs(value));
    worst = Math.max(worst, Math.abs(value - got[at]!));
  });
  return Number.isNaN(got.reduce((sum, value) => sum + value, 0)) ? NaN : worst / largest;
}
