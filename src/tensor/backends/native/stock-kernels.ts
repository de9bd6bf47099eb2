/**
 * Stock kernels replaced for plain float32 operands: the element-wise ones of tfjs compute an index along every axis
 * for each element. Whatever is broadcast or of another type still goes to them.
 */
import { affine, axpy, mapBinary, mapUnary, sum, type BinaryOperation, type UnaryOperation } from '../../../native/index.js';
import { tf, type tfjs } from '../../tfjs.js';
import type { NativeBackend } from './backend.js';
import { output, replaceKernel, scalarOutput } from './kernel.js';

type Inputs = Readonly<Record<string, tfjs.TensorInfo>>;
type Attributes = Readonly<Record<string, unknown>>;

/** A stock kernel: where `fits` holds, `compute` runs instead. */
interface Replacement {
  readonly kernel: string;
  readonly fits: (inputs: Inputs, attributes: Attributes) => boolean;
  readonly compute: (backend: NativeBackend, inputs: Inputs, attributes: Attributes) => tfjs.TensorInfo;
}

const isFloat = (info: tfjs.TensorInfo | undefined) => info?.dtype === 'float32';

function pairwise(kernel: string, operation: BinaryOperation): Replacement {
  return {
    kernel,
    fits: ({ a, b }) => isFloat(a) && isFloat(b) && tf.util.arraysEqual(a?.shape ?? [], b?.shape ?? []),
    compute(backend, inputs) {
      const { a, b } = inputs as Readonly<Record<'a' | 'b', tfjs.TensorInfo>>;
      const result = output(backend, a.shape);
      mapBinary(operation, backend.valuesOf(a), backend.valuesOf(b), result.values);
      return result.info;
    },
  };
}

/** A tensor and a 0-d tensor: every scaling by a number and every addition of one. */
function withNumber(kernel: string, terms: (value: number) => readonly [factor: number, term: number]): Replacement {
  return {
    kernel,
    fits: ({ a, b }) => isFloat(a) && isFloat(b) && b?.shape.length === 0 && a?.shape.length !== 0,
    compute(backend, inputs) {
      const { a, b } = inputs as Readonly<Record<'a' | 'b', tfjs.TensorInfo>>;
      const result = output(backend, a.shape);
      affine(backend.valuesOf(a), ...terms(backend.valuesOf(b)[0] as number), result.values);
      return result.info;
    },
  };
}

function single(kernel: string, operation: UnaryOperation): Replacement {
  return {
    kernel,
    fits: ({ x }) => isFloat(x),
    compute(backend, inputs) {
      const { x } = inputs as Readonly<Record<'x', tfjs.TensorInfo>>;
      const result = output(backend, x.shape);
      mapUnary(operation, backend.valuesOf(x), result.values);
      return result.info;
    },
  };
}

/** Axes of a sum; all where none are given. */
function summedAxes(x: tfjs.TensorInfo | undefined, axis: unknown): readonly number[] {
  const rank = x?.shape.length ?? 0;
  if (axis === undefined || axis === null) return Array.from({ length: rank }, (_, i) => i);
  return [axis as number | number[]].flat().map((a) => (a < 0 ? a + rank : a));
}

/** Sum over all elements. */
const totalSum: Replacement = {
  kernel: 'Sum',
  fits: ({ x }, { axis, keepDims }) =>
    isFloat(x) && keepDims !== true && summedAxes(x, axis).length === x?.shape.length,
  compute(backend, inputs) {
    const { x } = inputs as Readonly<Record<'x', tfjs.TensorInfo>>;
    return scalarOutput(backend, sum(backend.valuesOf(x)));
  },
};

/** Sum over the batch. */
const batchSum: Replacement = {
  kernel: 'Sum',
  fits: ({ x }, { axis }) => isFloat(x) && x?.shape.length === 5 && summedAxes(x, axis).join() === '0',
  compute(backend, inputs, { keepDims }) {
    const { x } = inputs as Readonly<Record<'x', tfjs.TensorInfo>>;
    const item = x.shape.slice(1);
    const result = output(backend, keepDims === true ? [1, ...item] : item);
    const values = backend.valuesOf(x);
    const { length } = result.values;
    result.values.set(values.subarray(0, length));
    for (let at = length; at < values.length; at += length) {
      axpy(1, values.subarray(at, at + length), result.values);
    }
    return result.info;
  },
};

/** Axes that are repeated. */
const repeatedAxes = (reps: unknown): readonly number[] =>
  (reps as readonly number[]).flatMap((times, axis) => (times === 1 ? [] : [axis]));

/** One number in every element, or what lies behind one axis, several times: the gradients of sums. */
const repetition: Replacement = {
  kernel: 'Tile',
  fits: ({ x }, { reps }) =>
    isFloat(x) && (tf.util.sizeFromShape(x?.shape ?? []) === 1 || repeatedAxes(reps).length === 1),
  compute(backend, inputs, { reps }) {
    const { x } = inputs as Readonly<Record<'x', tfjs.TensorInfo>>;
    const result = output(
      backend,
      x.shape.map((length, axis) => length * ((reps as number[])[axis] ?? 1)),
    );
    const values = backend.valuesOf(x);
    if (values.length === 1) {
      result.values.fill(values[0] as number);
      return result.info;
    }
    const [axis] = repeatedAxes(reps) as [number];
    const block = tf.util.sizeFromShape(x.shape.slice(axis));
    const times = (reps as number[])[axis]!;
    for (let from = 0, to = 0; from < values.length; from += block, to += times * block) {
      if (block === 1) result.values.fill(values[from] as number, to, to + times);
      else {
        const one = values.subarray(from, from + block);
        for (let n = 0; n < times; n++) result.values.set(one, to + n * block);
      }
    }
    return result.info;
  },
};

const REPLACEMENTS: readonly Replacement[] = [
  pairwise('Add', 'add'),
  pairwise('Sub', 'subtract'),
  pairwise('Multiply', 'multiply'),
  pairwise('RealDiv', 'divide'),
  pairwise('Maximum', 'maximum'),
  pairwise('Minimum', 'minimum'),
  withNumber('Multiply', (value) => [value, 0]),
  withNumber('Add', (value) => [1, value]),
  single('Square', 'square'),
  single('Log', 'log'),
  totalSum,
  batchSum,
  repetition,
];

/** Registers the replacements under the native backend. */
export function replaceStockKernels(): void {
  for (const { kernel, fits, compute } of REPLACEMENTS) {
    replaceKernel(kernel, (general) => (call) => {
      const inputs = call.inputs as Inputs;
      const attributes = (call.attrs ?? {}) as Attributes;
      return fits(inputs, attributes) ? compute(call.backend as NativeBackend, inputs, attributes) : general(call);
    });
  }
  // The stock slice returns a view of its input where it can: the array would be used again under it.
  replaceKernel('Slice', (general) => (call) => {
    const backend = call.backend as NativeBackend;
    const info = general(call) as tfjs.TensorInfo;
    const stored = backend.data.get(info.dataId);
    if (stored.values instanceof Float32Array) stored.values = stored.values.slice();
    return info;
  });
}
