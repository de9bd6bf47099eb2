/**
 * Stock kernels written anew for plain float32 operands: the element-wise ones of tfjs compute an index along every
 * axis for each element. Whatever is broadcast or of another type still goes to them.
 */
import { tf } from '../../tfjs.js';
import type { NativeBackend } from './backend.js';
import { output, replaceKernel, scalarOutput } from './kernel.js';

type Values = Float32Array;
type Pairwise = (a: Values, b: Values, result: Values) => void;

/** A stock kernel: where `fits` holds, `compute` runs instead. */
interface Replacement {
  readonly kernel: string;
  readonly fits: (inputs: Readonly<Record<string, tf.TensorInfo>>) => boolean;
  readonly compute: (backend: NativeBackend, inputs: Readonly<Record<string, tf.TensorInfo>>) => tf.TensorInfo;
}

const isFloat = (info: tf.TensorInfo | undefined) => info?.dtype === 'float32';
const sameShape = ({ a, b }: Readonly<Record<string, tf.TensorInfo>>) =>
  a !== undefined && b !== undefined && isFloat(a) && isFloat(b) && tf.util.arraysEqual(a.shape, b.shape);

function pairwise(kernel: string, compute: Pairwise): Replacement {
  return {
    kernel,
    fits: sameShape,
    compute(backend, inputs) {
      const { a, b } = inputs as Readonly<Record<'a' | 'b', tf.TensorInfo>>;
      const result = output(backend, a.shape);
      compute(backend.valuesOf(a), backend.valuesOf(b), result.values);
      return result.info;
    },
  };
}

const addPairs: Pairwise = (a, b, result) => {
  for (let i = 0; i < result.length; i++) result[i] = (a[i] as number) + (b[i] as number);
};
const subtractPairs: Pairwise = (a, b, result) => {
  for (let i = 0; i < result.length; i++) result[i] = (a[i] as number) - (b[i] as number);
};
const multiplyPairs: Pairwise = (a, b, result) => {
  for (let i = 0; i < result.length; i++) result[i] = (a[i] as number) * (b[i] as number);
};

/** x times a 0-d tensor: every scaling by a number. */
const scaling: Replacement = {
  kernel: 'Multiply',
  fits: ({ a, b }) => isFloat(a) && isFloat(b) && b?.shape.length === 0,
  compute(backend, inputs) {
    const { a, b } = inputs as Readonly<Record<'a' | 'b', tf.TensorInfo>>;
    const result = output(backend, a.shape);
    const values = backend.valuesOf(a);
    const factor = backend.valuesOf(b)[0] as number;
    for (let i = 0; i < values.length; i++) result.values[i] = (values[i] as number) * factor;
    return result.info;
  },
};

const squaring: Replacement = {
  kernel: 'Square',
  fits: ({ x }) => isFloat(x),
  compute(backend, inputs) {
    const { x } = inputs as Readonly<Record<'x', tf.TensorInfo>>;
    const result = output(backend, x.shape);
    const values = backend.valuesOf(x);
    for (let i = 0; i < values.length; i++) result.values[i] = (values[i] as number) ** 2;
    return result.info;
  },
};

/** Registers the replacements under the native backend. */
export function replaceStockKernels(): void {
  const replacements = [
    pairwise('Add', addPairs),
    pairwise('Sub', subtractPairs),
    pairwise('Multiply', multiplyPairs),
    scaling,
    squaring,
  ];
  for (const { kernel, fits, compute } of replacements) {
    replaceKernel(kernel, (general) => (call) => {
      const inputs = call.inputs as Readonly<Record<string, tf.TensorInfo>>;
      return fits(inputs) ? compute(call.backend as NativeBackend, inputs) : general(call);
    });
  }
  replaceKernel('Sum', (general) => (call) => {
    const { x } = call.inputs as Readonly<Record<'x', tf.TensorInfo>>;
    const axis = (call.attrs as Readonly<Record<string, unknown>>)['axis'];
    const whole = (axis === undefined || axis === null || (axis as number[]).length === x.shape.length) && isFloat(x);
    if (!whole || (call.attrs as Readonly<Record<string, unknown>>)['keepDims'] === true) return general(call);
    const backend = call.backend as NativeBackend;
    let total = 0;
    for (const value of backend.valuesOf(x)) total += value;
    return scalarOutput(backend, total);
  });
  // The stock slice returns a view of its input where it can: the array would be recycled under it.
  replaceKernel('Slice', (general) => (call) => {
    const backend = call.backend as NativeBackend;
    const info = general(call) as tf.TensorInfo;
    const stored = backend.data.get(info.dataId);
    if (stored.values instanceof Float32Array) stored.values = stored.values.slice();
    return info;
  });
}
