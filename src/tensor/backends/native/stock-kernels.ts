/**
 * Stock kernels replaced for plain float32 operands: the element-wise ones of tfjs compute an index along every axis
 * for each element. Whatever is broadcast or of another type still goes to them.
 */
import { affine, mapBinary, mapUnary, sum, type BinaryOperation, type UnaryOperation } from '../../../native/index.js';
import { tf } from '../../tfjs.js';
import type { NativeBackend } from './backend.js';
import { output, replaceKernel, scalarOutput } from './kernel.js';

type Inputs = Readonly<Record<string, tf.TensorInfo>>;

/** A stock kernel: where `fits` holds, `compute` runs instead. */
interface Replacement {
  readonly kernel: string;
  readonly fits: (inputs: Inputs, attributes: Readonly<Record<string, unknown>>) => boolean;
  readonly compute: (backend: NativeBackend, inputs: Inputs) => tf.TensorInfo;
}

const isFloat = (info: tf.TensorInfo | undefined) => info?.dtype === 'float32';

function pairwise(kernel: string, operation: BinaryOperation): Replacement {
  return {
    kernel,
    fits: ({ a, b }) => isFloat(a) && isFloat(b) && tf.util.arraysEqual(a?.shape ?? [], b?.shape ?? []),
    compute(backend, inputs) {
      const { a, b } = inputs as Readonly<Record<'a' | 'b', tf.TensorInfo>>;
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
      const { a, b } = inputs as Readonly<Record<'a' | 'b', tf.TensorInfo>>;
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
      const { x } = inputs as Readonly<Record<'x', tf.TensorInfo>>;
      const result = output(backend, x.shape);
      mapUnary(operation, backend.valuesOf(x), result.values);
      return result.info;
    },
  };
}

/** Sum over all elements. */
const total: Replacement = {
  kernel: 'Sum',
  fits: ({ x }, { axis, keepDims }) => {
    const axes = axis === undefined || axis === null ? x?.shape.length : [axis].flat().length;
    return isFloat(x) && keepDims !== true && axes === x?.shape.length;
  },
  compute(backend, inputs) {
    const { x } = inputs as Readonly<Record<'x', tf.TensorInfo>>;
    return scalarOutput(backend, sum(backend.valuesOf(x)));
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
  total,
];

/** Registers the replacements under the native backend. */
export function replaceStockKernels(): void {
  for (const { kernel, fits, compute } of REPLACEMENTS) {
    replaceKernel(kernel, (general) => (call) => {
      const inputs = call.inputs as Inputs;
      const attributes = (call.attrs ?? {}) as Readonly<Record<string, unknown>>;
      return fits(inputs, attributes) ? compute(call.backend as NativeBackend, inputs) : general(call);
    });
  }
  // The stock slice returns a view of its input where it can: the array would be used again under it.
  replaceKernel('Slice', (general) => (call) => {
    const backend = call.backend as NativeBackend;
    const info = general(call) as tf.TensorInfo;
    const stored = backend.data.get(info.dataId);
    if (stored.values instanceof Float32Array) stored.values = stored.values.slice();
    return info;
  });
}
