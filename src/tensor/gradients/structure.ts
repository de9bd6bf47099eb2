/** Gradients of kernels that move or add up values: reshape, slice, concat, sum, identity, conversion. */
import { around, lengthened } from '../shapes.js';
import { tf, type Tensor } from '../tfjs.js';
import { registerRule, type GradientRule, type Settings } from './register.js';

/** Position of each part of a concatenation along its axis. */
function splitGradient(
  dy: Tensor,
  shapes: readonly (readonly number[])[],
  axis: number,
): (i: number) => Tensor {
  return (i) => {
    const start = shapes.slice(0, i).reduce((total, shape) => total + (shape[axis] ?? 0), 0);
    return tf.slice(
      dy,
      dy.shape.map((_, a) => (a === axis ? start : 0)),
      [...(shapes[i] ?? [])],
    );
  };
}

/** Axes of a sum, none given meaning all. */
function summedAxes(settings: Settings, rank: number): readonly number[] {
  const axis = settings['axis'];
  if (axis === undefined || axis === null) return Array.from({ length: rank }, (_, i) => i);
  const axes = Array.isArray(axis) ? (axis as number[]) : [axis as number];
  return axes.map((a) => (a < 0 ? a + rank : a));
}

/** Zeros before and behind along one axis: through three axes, because webgpu pads four at most. */
export function padAxis(x: Tensor, axis: number, before: number, behind: number): Tensor {
  if (before === 0 && behind === 0) return x;
  const padded = tf.pad(tf.reshape(x, around(x.shape, axis)), [
    [0, 0],
    [before, behind],
    [0, 0],
  ]);
  return tf.reshape(padded, lengthened(x.shape, axis, (x.shape[axis] ?? 0) + before + behind));
}

/**
 * Repeats axes of length 1 up to the given lengths. Neighbouring axes go together, and each repetition through three axes,
 * because webgpu wants to read tensors of five to do so.
 */
function spread(x: Tensor, shape: readonly number[]): Tensor {
  const isRepeated = (axis: number) => x.shape[axis] !== shape[axis];
  let part = x;
  for (let axis = 0; axis < shape.length; axis++) {
    if (!isRepeated(axis)) continue;
    const first = axis;
    while (axis + 1 < shape.length && (isRepeated(axis + 1) || shape[axis + 1] === 1)) axis++;
    const [before, times, behind] = [
      shape.slice(0, first),
      shape.slice(first, axis + 1),
      x.shape.slice(axis + 1),
    ].map((part) => tf.util.sizeFromShape(part)) as [number, number, number];
    part = tf.tile(tf.reshape(part, [before, 1, behind]), [1, times, 1]);
  }
  return part === x ? x : tf.reshape(part, [...shape]);
}

/** Sum over the repeats that make up an axis, each of a length. */
function sumRepeats(x: Tensor, axis: number, times: number, length: number): Tensor {
  if (times === 1) return x;
  const [before, , behind] = around(x.shape, axis);
  const sum = tf.sum(tf.reshape(x, [before, times, length * behind]), 1);
  return tf.reshape(sum, lengthened(x.shape, axis, length));
}

const RULES: readonly GradientRule[] = [
  { kernel: 'Identity', gradient: (dy) => ({ x: () => tf.clone(dy) }) },
  { kernel: 'Cast', gradient: (dy) => ({ x: () => tf.cast(dy, 'float32') }) },
  {
    kernel: 'Reshape',
    saveInputs: ['x'],
    gradient: (dy, [x]) => ({ x: () => tf.reshape(dy, x?.shape ?? []) }),
  },
  {
    kernel: 'Slice',
    saveInputs: ['x'],
    gradient: (dy, [x], settings) => ({
      x: () => {
        const begin = settings['begin'] as readonly number[];
        // tfjs frees the gradient of the slice and that of its input, so they are two tensors also where nothing is cut.
        return dy.shape.reduce((part, length, axis) => {
          const before = begin[axis] ?? 0;
          return padAxis(part, axis, before, (x?.shape[axis] ?? 0) - before - length);
        }, tf.clone(dy));
      },
    }),
  },
  {
    kernel: 'Sum',
    saveInputs: ['x'],
    gradient: (dy, [x], settings) => ({
      x: () => {
        const shape = x?.shape ?? [];
        const axes = summedAxes(settings, shape.length);
        const kept = shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
        return spread(tf.reshape(dy, kept), shape);
      },
    }),
  },
  {
    kernel: 'Tile',
    saveInputs: ['x'],
    gradient: (dy, [x], settings) => ({
      x: () =>
        (settings['reps'] as readonly number[]).reduce(
          (part, times, axis) => sumRepeats(part, axis, times, x?.shape[axis] ?? 1),
          tf.clone(dy),
        ),
    }),
  },
  {
    kernel: 'Cumsum',
    gradient: (dy, _saved, settings) => ({
      // Each value went into the sums behind it: now they come from there.
      x: () =>
        tf.cumsum(
          dy,
          settings['axis'] as number,
          settings['exclusive'] === true,
          settings['reverse'] !== true,
        ),
    }),
  },
];

/** Registers the gradients of structural kernels. */
export function registerStructureGradients(): void {
  for (const rule of RULES) registerRule(rule);
  if (tf.getGradient('Concat')) return;
  // Its inputs are a list, which tfjs saves whole.
  tf.registerGradient({
    kernelName: 'Concat',
    saveAllInputs: true,
    gradFunc: (dy, saved, attributes) => {
      const shapes = saved.map((part) => part.shape);
      const part = splitGradient(dy as Tensor, shapes, (attributes as Settings)['axis'] as number);
      return Object.fromEntries(saved.map((_, i) => [String(i), () => part(i)]));
    },
  });
}
