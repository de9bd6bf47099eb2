/** Pooling, doubling and the steps of Adam: one invocation per value of the result. */
import { type Tensor, type tfjs } from '../../tfjs.js';
import { gridOf } from '../native/shapes.js';
import { asTensor, type GpuBackend, runProgram, type Uniform } from './program.js';

const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);
const keyOf = (name: string, shape: readonly number[], ...more: readonly number[]) =>
  [name, ...shape, ...more].join('_');

/** `place`: item and voxel (p, q, r) and channel of the invocation, on a grid of the given shape. */
function placeOn(shape: readonly number[]): string {
  const { grid, c } = gridOf(shape);
  const { x, y, z } = grid;
  return `
    if (index >= ${sizeOf(shape)}) { return; }
    let channel = index % ${c};
    let r = (index / ${c}) % ${z};
    let q = (index / ${c * z}) % ${y};
    let p = (index / ${c * z * y}) % ${x};
    let item = index / ${c * z * y * x};`;
}

export function maxPool(backend: GpuBackend, x: tfjs.TensorInfo): tfjs.TensorInfo {
  const { grid, c } = gridOf(x.shape);
  const shape = [grid.n, grid.x / 2, grid.y / 2, grid.z / 2, c];
  return runProgram(backend, {
    key: keyOf('max_pool', x.shape),
    inputs: { x },
    shape,
    code: `fn compute(index : i32) {
      ${placeOn(shape)}
      let corner = (((item * ${grid.x} + 2 * p) * ${grid.y} + 2 * q) * ${grid.z} + 2 * r) * ${c} + channel;
      var largest = x[corner];
      for (var at = 1; at < 8; at++) {
        largest = max(largest, x[corner + (((at >> 2) * ${grid.y} + ((at >> 1) & 1)) * ${grid.z} + (at & 1)) * ${c}]);
      }
      result[index] = largest;
    }`,
  });
}

/** The first of equal values in (x, y, z) order gets the gradient. */
export function maxPoolGradient(backend: GpuBackend, x: Tensor, dy: Tensor): Tensor {
  const { grid, c } = gridOf(x.shape);
  const [half, quarter] = [grid.y / 2, grid.z / 2];
  return asTensor(
    runProgram(backend, {
      key: keyOf('max_pool_dx', x.shape),
      inputs: { x, dy },
      shape: x.shape,
      code: `fn compute(index : i32) {
        ${placeOn(x.shape)}
        let corner = (((item * ${grid.x} + (p & -2)) * ${grid.y} + (q & -2)) * ${grid.z} + (r & -2)) * ${c} + channel;
        let own = ((p & 1) << 2) | ((q & 1) << 1) | (r & 1);
        var first = 0;
        var largest = x[corner];
        for (var at = 1; at < 8; at++) {
          let value = x[corner + (((at >> 2) * ${grid.y} + ((at >> 1) & 1)) * ${grid.z} + (at & 1)) * ${c}];
          if (value > largest) { largest = value; first = at; }
        }
        let pooled = (((item * ${grid.x / 2} + p / 2) * ${half} + q / 2) * ${quarter} + r / 2) * ${c} + channel;
        result[index] = select(0.0, dy[pooled], own == first);
      }`,
    }),
  );
}

/** Each voxel repeated along all axes, then the channels of the skip connection, if there is one. */
export function upConcatenate(
  backend: GpuBackend,
  low: tfjs.TensorInfo,
  skip: tfjs.TensorInfo | null,
): tfjs.TensorInfo {
  const { grid, c } = gridOf(low.shape);
  const more = skip?.shape[4] ?? 0;
  const shape = [grid.n, 2 * grid.x, 2 * grid.y, 2 * grid.z, c + more];
  const below = `low[(((item * ${grid.x} + p / 2) * ${grid.y} + q / 2) * ${grid.z} + r / 2) * ${c} + channel]`;
  return runProgram(backend, {
    key: keyOf('up_concat', shape, c),
    inputs: skip === null ? { low } : { low, skip },
    shape,
    code: `fn compute(index : i32) {
      ${placeOn(shape)}
      if (channel < ${c}) { result[index] = ${below}; }
      ${skip === null ? '' : `else { result[index] = skip[(index / ${c + more}) * ${more} + channel - ${c}]; }`}
    }`,
  });
}

/** Sum over the eight voxels that one voxel of `low` went to. */
export function upConcatLowGradient(backend: GpuBackend, low: Tensor, dy: Tensor): Tensor {
  const { grid } = gridOf(low.shape);
  const all = dy.shape[4] ?? 0;
  return asTensor(
    runProgram(backend, {
      key: keyOf('up_concat_dlow', low.shape, all),
      inputs: { dy },
      shape: low.shape,
      code: `fn compute(index : i32) {
        ${placeOn(low.shape)}
        let corner = (((item * ${2 * grid.x} + 2 * p) * ${2 * grid.y} + 2 * q) * ${2 * grid.z} + 2 * r) * ${all} + channel;
        var sum = 0.0;
        for (var at = 0; at < 8; at++) {
          sum += dy[corner + (((at >> 2) * ${2 * grid.y} + ((at >> 1) & 1)) * ${2 * grid.z} + (at & 1)) * ${all}];
        }
        result[index] = sum;
      }`,
    }),
  );
}

/** The last `more` channels. */
export function upConcatSkipGradient(backend: GpuBackend, dy: Tensor, more: number): Tensor {
  const all = dy.shape[4] ?? 0;
  const size = (dy.size / all) * more;
  return asTensor(
    runProgram(backend, {
      key: keyOf('up_concat_dskip', dy.shape, more),
      inputs: { dy },
      shape: [...dy.shape.slice(0, 4), more],
      code: `fn compute(index : i32) {
        if (index < ${size}) { result[index] = dy[(index / ${more}) * ${all} + ${all - more} + index % ${more}]; }
      }`,
    }),
  );
}

const uniforms = (settings: Readonly<Record<string, number>>): Uniform[] =>
  Object.entries(settings).map(([name, value]) => ({ name, value }));

/** Moments [2, size] after one more gradient [size]. */
export function adamMoments(
  backend: GpuBackend,
  moments: tfjs.TensorInfo,
  gradient: tfjs.TensorInfo,
  settings: { readonly beta1: number; readonly beta2: number },
): tfjs.TensorInfo {
  const size = sizeOf(gradient.shape);
  return runProgram(backend, {
    key: `adam_moments_${size}`,
    inputs: { moments, gradient },
    shape: moments.shape,
    uniforms: uniforms(settings),
    code: `fn compute(index : i32) {
      if (index >= ${2 * size}) { return; }
      if (index < ${size}) {
        result[index] = uniforms.beta1 * moments[index] + (1.0 - uniforms.beta1) * gradient[index];
      } else {
        let g = gradient[index - ${size}];
        result[index] = uniforms.beta2 * moments[index] + (1.0 - uniforms.beta2) * g * g;
      }
    }`,
  });
}

/** A parameter [size] after one step along its moments. */
export function adamStep(
  backend: GpuBackend,
  parameter: tfjs.TensorInfo,
  moments: tfjs.TensorInfo,
  settings: { readonly stepSize: number; readonly root: number; readonly epsilon: number },
): tfjs.TensorInfo {
  const size = sizeOf(parameter.shape);
  return runProgram(backend, {
    key: `adam_step_${size}`,
    inputs: { parameter, moments },
    shape: parameter.shape,
    uniforms: uniforms(settings),
    code: `fn compute(index : i32) {
      if (index >= ${size}) { return; }
      let width = sqrt(moments[index + ${size}]) / uniforms.root + uniforms.epsilon;
      result[index] = parameter[index] - uniforms.stepSize * moments[index] / width;
    }`,
  });
}
