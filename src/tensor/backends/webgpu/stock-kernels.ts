/**
 * Kernels of tfjs whose own programs are not right for all arrays. Many index coordinates as vectors, which end at four axes:
 * they refuse more, do not compile, or want to read the array at once. Here such arrays are brought to fewer axes, whose
 * order of values is the same, and the programs run as they are.
 */
import { around, lengthened } from '../../shapes.js';
import { tf, type tfjs } from '../../tfjs.js';
import { type GpuBackend, WEBGPU_BACKEND_NAME } from './program.js';

/** Axes up to which every program of tfjs is right. */
const MOST_AXES = 4;

type Info = tfjs.TensorInfo;

/** One call of a kernel of tfjs. */
interface Call {
  readonly inputs: Readonly<Record<string, Info>>;
  readonly backend: GpuBackend;
  readonly attrs: Readonly<Record<string, unknown>>;
}

/** Runs the kernel as tfjs has it, with other inputs or settings. */
type Stock = (changed: Partial<Call>) => Info;

type Kernel = (call: Call, stock: Stock) => Info;

const shaped = (info: Info, shape: readonly number[]): Info => ({ ...info, shape: [...shape] });

const sizeOf = (shape: readonly number[]) => tf.util.sizeFromShape([...shape]);

/** Kernels of two operands that are repeated along axes of length 1. */
const BINARY = [
  'Add',
  'Atan2',
  'Equal',
  'FloorDiv',
  'Greater',
  'GreaterEqual',
  'Less',
  'LessEqual',
  'LogicalAnd',
  'LogicalOr',
  'Maximum',
  'Minimum',
  'Mod',
  'Multiply',
  'NotEqual',
  'Pow',
  'Prelu',
  'RealDiv',
  'SquaredDifference',
  'Sub',
];

/** Neighbouring axes along which the same operands run are one axis; axes of length 1 are none. */
function merged(a: readonly number[], b: readonly number[]): readonly [number[], number[]] {
  const rank = Math.max(a.length, b.length);
  const lengths = (shape: readonly number[], axis: number) => shape[axis - rank + shape.length] ?? 1;
  const [ofA, ofB]: [number[], number[]] = [[], []];
  let running = '';
  for (let axis = 0; axis < rank; axis++) {
    const [la, lb] = [lengths(a, axis), lengths(b, axis)];
    if (la === 1 && lb === 1) continue;
    const now = `${la !== 1}${lb !== 1}`;
    if (now === running) {
      ofA.push(ofA.pop()! * la);
      ofB.push(ofB.pop()! * lb);
    } else {
      ofA.push(la);
      ofB.push(lb);
    }
    running = now;
  }
  return ofA.length === 0 ? [[1], [1]] : [ofA, ofB];
}

const binary: Kernel = ({ inputs }, stock) => {
  const [[nameA, a], [nameB, b]] = Object.entries(inputs) as [[string, Info], [string, Info]];
  const shape = tf.backend_util.assertAndGetBroadcastShape([...a.shape], [...b.shape]);
  const [shapeA, shapeB] = merged(a.shape, b.shape);
  const found = stock({ inputs: { [nameA]: shaped(a, shapeA), [nameB]: shaped(b, shapeB) } });
  return shaped(found, shape);
};

/** A choice for each value; tfjs has brought the condition to the shape of the values. */
const select: Kernel = ({ inputs }, stock) => {
  const { condition, t, e } = inputs as { condition: Info; t: Info; e: Info };
  const flat = (info: Info) => shaped(info, [sizeOf(info.shape)]);
  return shaped(stock({ inputs: { condition: flat(condition), t: flat(t), e: flat(e) } }), t.shape);
};

/** Works on one axis after the other, each as the middle one of three. `step` keeps its input. */
function axisByAxis(
  { inputs, backend }: Call,
  axes: readonly number[],
  step: (part: Info, axis: number) => Info,
): Info {
  const x = inputs['x'] as Info;
  let current = x;
  for (const axis of axes) {
    const part = step(shaped(current, around(current.shape, axis)), axis);
    const next = shaped(part, lengthened(current.shape, axis, part.shape[1] ?? 0));
    if (current !== x) backend.disposeData(current.dataId);
    current = next;
  }
  if (current !== x) return current;
  backend.incRef(x.dataId);
  return { ...x };
}

const axesOf = (list: readonly unknown[], isTouched: (axis: number) => boolean) =>
  list.map((_, axis) => axis).filter(isTouched);

/**
 * Running sums and products. Those from behind run over the reversed axis: the program of tfjs for them holds the length of
 * the axis, and is taken again for other lengths.
 */
const cumulate: Kernel = (call, stock) => {
  const { backend, inputs, attrs } = call;
  const [axis = 0] = tf.util.parseAxisParam(attrs['axis'] as number, [...(inputs['x'] as Info).shape]);
  const forward = (part: Info) =>
    stock({ inputs: { x: part }, attrs: { ...attrs, axis: 1, reverse: false } });
  const turned = (part: Info) => stockOf('Reverse')({ inputs: { x: part }, backend, attrs: { dims: [1] } });
  return axisByAxis(call, [axis], (part) => {
    if (attrs['reverse'] !== true) return forward(part);
    const before = turned(part);
    const sums = forward(before);
    const found = turned(sums);
    for (const { dataId } of [before, sums]) backend.disposeData(dataId);
    return found;
  });
};

const tile: Kernel = (call, stock) => {
  const reps = call.attrs['reps'] as readonly number[];
  const repeated = axesOf(reps, (axis) => reps[axis] !== 1);
  return axisByAxis(call, repeated, (part, axis) =>
    stock({ inputs: { x: part }, attrs: { reps: [1, reps[axis], 1] } }),
  );
};

const pad: Kernel = (call, stock) => {
  const paddings = call.attrs['paddings'] as readonly (readonly [number, number])[];
  const padded = axesOf(paddings, (axis) => paddings[axis]?.some((length) => length > 0) === true);
  return axisByAxis(call, padded, (part, axis) => {
    const own = [[0, 0], paddings[axis], [0, 0]];
    return stock({ inputs: { x: part }, attrs: { ...call.attrs, paddings: own } });
  });
};

const reverse: Kernel = (call, stock) => {
  const x = call.inputs['x'] as Info;
  const turned = tf.util.parseAxisParam(call.attrs['dims'] as number[], [...x.shape]);
  return axisByAxis(call, turned, (part) => stock({ inputs: { x: part }, attrs: { dims: [1] } }));
};

interface StridedSlice {
  readonly begin: number[];
  readonly end: number[];
  readonly strides: number[];
  readonly beginMask: number;
  readonly endMask: number;
  readonly ellipsisMask: number;
  readonly newAxisMask: number;
  readonly shrinkAxisMask: number;
}

/** Every n-th value along axes: gathered, because the program of tfjs for slices takes coordinates by number. */
const stridedSlice: Kernel = (call) => {
  const { backend, inputs } = call;
  const x = inputs['x'] as Info;
  const asked = call.attrs as unknown as StridedSlice;
  const { begin, end, strides, finalShape } = tf.slice_util.sliceInfo(
    [...x.shape],
    asked.begin,
    asked.end,
    asked.strides,
    asked.beginMask,
    asked.endMask,
    asked.ellipsisMask,
    asked.newAxisMask,
    asked.shrinkAxisMask,
  );
  const gather = stockOf('GatherV2');
  const lengths = tf.slice_util.computeOutShape(begin, end, strides);
  const cut = axesOf(x.shape, (axis) => lengths[axis] !== x.shape[axis] || strides[axis] !== 1);
  const taken = axisByAxis(call, cut, (part, axis) => {
    const places = Int32Array.from(
      { length: lengths[axis] ?? 0 },
      (_, i) => (begin[axis] ?? 0) + i * (strides[axis] ?? 1),
    );
    const indices = backend.makeTensorInfo([places.length], 'int32', places);
    const found = gather({ inputs: { x: part, indices }, backend, attrs: { axis: 1, batchDims: 0 } });
    backend.disposeData(indices.dataId);
    return found;
  });
  return shaped(taken, finalShape);
};

const hasManyAxes = ({ inputs }: Call) => Object.values(inputs).some(({ shape }) => shape.length > MOST_AXES);

interface Replacement {
  readonly kernels: readonly string[];
  readonly replaces: (call: Call) => boolean;
  readonly by: Kernel;
}

const REPLACEMENTS: readonly Replacement[] = [
  { kernels: BINARY, replaces: hasManyAxes, by: binary },
  { kernels: ['Select'], replaces: hasManyAxes, by: select },
  {
    kernels: ['Cumsum', 'Cumprod'],
    replaces: (call) => hasManyAxes(call) || call.attrs['reverse'] === true,
    by: cumulate,
  },
  { kernels: ['Tile'], replaces: hasManyAxes, by: tile },
  { kernels: ['PadV2', 'MirrorPad'], replaces: hasManyAxes, by: pad },
  { kernels: ['Reverse'], replaces: hasManyAxes, by: reverse },
  { kernels: ['StridedSlice'], replaces: hasManyAxes, by: stridedSlice },
];

function stockOf(kernel: string): (call: Call) => Info {
  const { kernelFunc } = tf.getKernel(kernel, WEBGPU_BACKEND_NAME);
  return kernelFunc as unknown as (call: Call) => Info;
}

/** Puts what this file has before the kernels of tfjs; once in a process, after its package was loaded. */
export function replaceStockKernels(): void {
  for (const { kernels, replaces, by } of REPLACEMENTS) {
    for (const kernelName of kernels) {
      const config = tf.getKernel(kernelName, WEBGPU_BACKEND_NAME);
      const stock = stockOf(kernelName);
      const kernelFunc = (call: Call): Info =>
        replaces(call) ? by(call, (changed) => stock({ ...call, ...changed })) : stock(call);
      tf.unregisterKernel(kernelName, WEBGPU_BACKEND_NAME);
      tf.registerKernel({ ...config, kernelFunc: kernelFunc as unknown as tfjs.KernelFunc });
    }
  }
}
