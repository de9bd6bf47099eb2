/**
 * Element-wise operations and reductions over whole arrays. A result may be written onto an input (the same array);
 * arrays must not overlap otherwise. Sums are accumulated in float64. exp, expm1, log and log1p are correctly rounded
 * but for a few arguments in a million. NaN gives NaN everywhere.
 */
import { ProcessingError } from '../errors.js';
import { checkFloats, checkSeparate } from './arguments.js';
import { nativeBinding } from './loader.js';

// The order of both lists is that of the enumerations in native/elementwise.h.
const UNARY = ['negative', 'absolute', 'square', 'sqrt', 'reciprocal', 'exp', 'expm1', 'log', 'log1p'] as const;
const BINARY = ['add', 'subtract', 'multiply', 'divide', 'maximum', 'minimum'] as const;

export type UnaryOperation = (typeof UNARY)[number];
export type BinaryOperation = (typeof BINARY)[number];

function isSame(a: Float32Array, b: Float32Array): boolean {
  return a.buffer === b.buffer && a.byteOffset === b.byteOffset;
}

/** Checks lengths, and that `out` is each input or apart from it. */
function checkMap(operation: string, out: Float32Array, inputs: Readonly<Record<string, Float32Array>>): void {
  for (const [name, input] of Object.entries(inputs)) {
    checkFloats(operation, name, input, out.length);
    if (!isSame(out, input)) checkSeparate(operation, 'out', out, { [name]: input });
  }
}

function place(operation: string, names: readonly string[]): number {
  const index = names.indexOf(operation);
  if (index >= 0) return index;
  throw new ProcessingError('INVALID_ARGUMENT', `no element-wise operation '${operation}'`, {
    where: 'src/native/elementwise.ts',
    cure: `use one of ${names.join(', ')}`,
  });
}

/**
 * out = operation(x).
 *
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 */
export function mapUnary(operation: UnaryOperation, x: Float32Array, out: Float32Array): void {
  checkMap(operation, out, { x });
  nativeBinding().unary(place(operation, UNARY), out.length, x, out);
}

/** out = operation(a, b). Same errors as mapUnary. */
export function mapBinary(
  operation: BinaryOperation,
  a: Float32Array,
  b: Float32Array,
  out: Float32Array,
): void {
  checkMap(operation, out, { a, b });
  nativeBinding().binary(place(operation, BINARY), out.length, a, b, out);
}

/** out = factor * x + term. Same errors as mapUnary. */
export function affine(x: Float32Array, factor: number, term: number, out: Float32Array): void {
  checkMap('affine', out, { x });
  nativeBinding().affine(out.length, x, factor, term, out);
}

/** y += factor * x. Same errors as mapUnary. */
export function axpy(factor: number, x: Float32Array, y: Float32Array): void {
  checkMap('axpy', y, { x });
  nativeBinding().axpy(y.length, factor, x, y);
}

/** out = x limited to [low, high]; either bound may be infinite. Same errors as mapUnary. */
export function clamp(x: Float32Array, low: number, high: number, out: Float32Array): void {
  checkMap('clamp', out, { x });
  nativeBinding().clamp(out.length, x, low, high, out);
}

/** Sum of the elements, in float64; 0 for an empty array. */
export function sum(x: Float32Array): number {
  checkFloats('sum', 'x', x, x.length);
  return nativeBinding().reduce(0, x.length, x);
}

/** Sum of the squared elements, in float64. */
export function sumOfSquares(x: Float32Array): number {
  checkFloats('sumOfSquares', 'x', x, x.length);
  return nativeBinding().reduce(1, x.length, x);
}

/** Sum of the products a * b, in float64. Same errors as mapUnary. */
export function dot(a: Float32Array, b: Float32Array): number {
  checkFloats('dot', 'a', a, b.length);
  return nativeBinding().dot(a.length, a, b);
}

/** Whether no element is NaN or infinite. */
export function allFinite(x: Float32Array): boolean {
  checkFloats('allFinite', 'x', x, x.length);
  return nativeBinding().allFinite(x.length, x);
}
