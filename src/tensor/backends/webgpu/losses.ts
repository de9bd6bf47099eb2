/** Loss terms of a training step and their gradients; the upstream gradient of a loss stays on the device. */
import type { Tensor, tfjs } from '../../tfjs.js';
import { gridOf } from '../native/shapes.js';
import { float } from './convolution.js';
import { asTensor, free, type GpuBackend, runProgram } from './program.js';
import { reduce, scalarOf } from './reduction.js';

export interface DiceSettings {
  readonly threshold: number;
  readonly offWeight: number;
  readonly eps: number;
}

/** Items and values of an item. */
function rowsOf(shape: readonly number[]): { readonly rows: number; readonly columns: number } {
  const { grid, c } = gridOf(shape);
  return { rows: grid.n, columns: grid.x * grid.y * grid.z * c };
}

const settingsKey = (settings: object) => (Object.values(settings) as number[]).join('_');

const weightOn = ({ threshold, offWeight }: DiceSettings) =>
  `select(${float(offWeight)}, 1.0, s[index] > ${float(threshold)})`;

/** Weighted sums of each item: of the product, of both squares. */
function diceSums(
  backend: GpuBackend,
  inputs: { readonly a: tfjs.TensorInfo; readonly b: tfjs.TensorInfo; readonly s: tfjs.TensorInfo },
  settings: DiceSettings,
): tfjs.TensorInfo {
  return reduce(backend, {
    key: `dice_${settingsKey(settings)}`,
    inputs: { ...inputs },
    ...rowsOf(inputs.a.shape),
    terms: 2,
    code: `fn termsOf(index : i32) -> array<f32, 2> {
      let weight = ${weightOn(settings)};
      return array<f32, 2>(weight * a[index] * b[index], weight * (a[index] * a[index] + b[index] * b[index]));
    }`,
  });
}

export function diceLoss(
  backend: GpuBackend,
  inputs: { readonly a: tfjs.TensorInfo; readonly b: tfjs.TensorInfo; readonly s: tfjs.TensorInfo },
  settings: DiceSettings,
): tfjs.TensorInfo {
  const { rows } = rowsOf(inputs.a.shape);
  const eps = float(settings.eps);
  return scalarOf(
    backend,
    `dice_${settingsKey(settings)}`,
    diceSums(backend, inputs, settings),
    `var total = 0.0;
     for (var row = 0; row < ${rows}; row++) { total += (2.0 * sums[2 * row] + ${eps}) / (sums[2 * row + 1] + ${eps}); }
     result[0] = 1.0 - total / ${float(rows)};`,
  );
}

export function diceGradient(
  backend: GpuBackend,
  { a, b, s, dy }: Readonly<Record<'a' | 'b' | 's' | 'dy', Tensor>>,
  settings: DiceSettings,
): Tensor {
  const { rows, columns } = rowsOf(a.shape);
  const sums = diceSums(backend, { a, b, s }, settings);
  const eps = float(settings.eps);
  const gradient = runProgram(backend, {
    key: ['dice_gradient', ...a.shape, settingsKey(settings)].join('_'),
    inputs: { a, b, s, dy, sums },
    shape: a.shape,
    code: `fn compute(index : i32) {
      if (index >= ${rows * columns}) { return; }
      let row = index / ${columns};
      let both = sums[2 * row + 1] + ${eps};
      let agreement = (2.0 * sums[2 * row] + ${eps}) / both;
      result[index] = dy[0] * ${weightOn(settings)} * 2.0 * (agreement * a[index] - b[index]) / (both * ${float(rows)});
    }`,
  });
  free(backend, sums);
  return asTensor(gradient);
}

/** Sums of each item: of the absolute differences, of the reference. */
function densitySums(backend: GpuBackend, w: tfjs.TensorInfo, s: tfjs.TensorInfo): tfjs.TensorInfo {
  return reduce(backend, {
    key: 'density',
    inputs: { w, s },
    ...rowsOf(w.shape),
    terms: 2,
    code: `fn termsOf(index : i32) -> array<f32, 2> { return array<f32, 2>(abs(w[index] - s[index]), s[index]); }`,
  });
}

export function densityLoss(
  backend: GpuBackend,
  w: tfjs.TensorInfo,
  s: tfjs.TensorInfo,
  eps: number,
): tfjs.TensorInfo {
  const { rows } = rowsOf(w.shape);
  return scalarOf(
    backend,
    `density_${eps}`,
    densitySums(backend, w, s),
    `var total = 0.0;
     for (var row = 0; row < ${rows}; row++) { total += sums[2 * row] / (sums[2 * row + 1] + ${float(eps)}); }
     result[0] = total / ${float(rows)};`,
  );
}

export function densityGradient(
  backend: GpuBackend,
  { w, s, dy }: Readonly<Record<'w' | 's' | 'dy', Tensor>>,
  eps: number,
): Tensor {
  const { rows, columns } = rowsOf(w.shape);
  const sums = densitySums(backend, w, s);
  const gradient = runProgram(backend, {
    key: ['density_gradient', ...w.shape, eps].join('_'),
    inputs: { w, s, dy, sums },
    shape: w.shape,
    code: `fn compute(index : i32) {
      if (index >= ${rows * columns}) { return; }
      let whole = (sums[2 * (index / ${columns}) + 1] + ${float(eps)}) * ${float(rows)};
      result[index] = dy[0] * sign(w[index] - s[index]) / whole;
    }`,
  });
  free(backend, sums);
  return asTensor(gradient);
}

/** Weights of the squared differences along the three axes, and the steps to the next value along them. */
function differences(shape: readonly number[]) {
  const { grid, c } = gridOf(shape);
  const { n, x, y, z } = grid;
  return [
    { length: x, stride: y * z * c },
    { length: y, stride: z * c },
    { length: z, stride: c },
  ].map(({ length, stride }) => ({
    length,
    stride,
    weight: float(length / (3 * n * x * y * z * c * (length - 1))),
  }));
}

export function smoothness(backend: GpuBackend, v: tfjs.TensorInfo): tfjs.TensorInfo {
  const size = v.shape.reduce((product, length) => product * length, 1);
  const added = differences(v.shape).map(
    ({ length, stride, weight }) => `
      if ((index / ${stride}) % ${length} < ${length - 1}) {
        let difference = v[index + ${stride}] - v[index];
        sum += ${weight} * difference * difference;
      }`,
  );
  const sums = reduce(backend, {
    key: ['smoothness', ...v.shape].join('_'),
    inputs: { v },
    rows: 1,
    columns: size,
    terms: 1,
    code: `fn termsOf(index : i32) -> array<f32, 1> {
      var sum = 0.0;
      ${added.join('\n')}
      return array<f32, 1>(sum);
    }`,
  });
  return { ...sums, shape: [] };
}

export function smoothnessGradient(backend: GpuBackend, v: Tensor, dy: Tensor): Tensor {
  const added = differences(v.shape).map(
    ({ length, stride, weight }) => `
      {
        let place = (index / ${stride}) % ${length};
        if (place > 0) { sum += 2.0 * ${weight} * (v[index] - v[index - ${stride}]); }
        if (place < ${length - 1}) { sum -= 2.0 * ${weight} * (v[index + ${stride}] - v[index]); }
      }`,
  );
  return asTensor(
    runProgram(backend, {
      key: ['smoothness_gradient', ...v.shape].join('_'),
      inputs: { v, dy },
      shape: v.shape,
      code: `fn compute(index : i32) {
        if (index >= ${v.size}) { return; }
        var sum = 0.0;
        ${added.join('\n')}
        result[index] = dy[0] * sum;
      }`,
    }),
  );
}

/** `jacobianAt(voxel)`: columns are the derivatives of p + u(p) along the axes, by forward differences. */
function jacobian(shape: readonly number[]): string {
  const { y, z } = gridOf(shape).grid;
  return `
    fn fieldAt(voxel : i32) -> vec3<f32> { return vec3<f32>(u[3 * voxel], u[3 * voxel + 1], u[3 * voxel + 2]); }
    fn jacobianAt(voxel : i32) -> mat3x3<f32> {
      let own = fieldAt(voxel);
      return mat3x3<f32>(
        fieldAt(voxel + ${y * z}) - own + vec3<f32>(1.0, 0.0, 0.0),
        fieldAt(voxel + ${z}) - own + vec3<f32>(0.0, 1.0, 0.0),
        fieldAt(voxel + 1) - own + vec3<f32>(0.0, 0.0, 1.0));
    }
    fn determinantOf(j : mat3x3<f32>) -> f32 { return dot(j[0], cross(j[1], j[2])); }`;
}

/** `place` of `voxel` in its item. */
function placeOf(shape: readonly number[]): string {
  const { x, y, z } = gridOf(shape).grid;
  return `let place = vec3<i32>((voxel / ${y * z}) % ${x}, (voxel / ${z}) % ${y}, voxel % ${z});`;
}

export function jacobianHinge(backend: GpuBackend, u: tfjs.TensorInfo, margin: number): tfjs.TensorInfo {
  const { n, x, y, z } = gridOf(u.shape).grid;
  const sums = reduce(backend, {
    key: ['hinge', ...u.shape, margin].join('_'),
    inputs: { u },
    rows: 1,
    columns: n * x * y * z,
    terms: 1,
    code: `${jacobian(u.shape)}
      fn termsOf(voxel : i32) -> array<f32, 1> {
        ${placeOf(u.shape)}
        var shortfall = 0.0;
        if (all(place < vec3<i32>(${x - 1}, ${y - 1}, ${z - 1}))) {
          let missing = ${float(margin)} - determinantOf(jacobianAt(voxel));
          // Not max: it may take a number for what is none.
          shortfall = select(missing, 0.0, missing < 0.0);
        }
        return array<f32, 1>(shortfall * shortfall);
      }`,
  });
  return scalarOf(backend, 'hinge', sums, `result[0] = sums[0] / ${float(n)};`);
}

/** Each voxel gathers from the Jacobians that it is part of: its own and those of its neighbours below. */
export function jacobianHingeGradient(backend: GpuBackend, u: Tensor, dy: Tensor, margin: number): Tensor {
  const { n, x, y, z } = gridOf(u.shape).grid;
  const voxels = n * x * y * z;
  const below = [y * z, z, 1].map(
    (stride, axis) => `
      if (place[${axis}] > 0) {
        let lower = place - ${['vec3<i32>(1, 0, 0)', 'vec3<i32>(0, 1, 0)', 'vec3<i32>(0, 0, 1)'][axis]};
        if (all(lower < last)) { sum += slopesAt(voxel - ${stride})[${axis}]; }
      }`,
  );
  return asTensor(
    runProgram(backend, {
      key: ['hinge_gradient', ...u.shape, margin].join('_'),
      inputs: { u, dy },
      shape: u.shape,
      workgroups: Math.ceil(voxels / 64),
      code: `${jacobian(u.shape)}
        // Derivatives of the squared shortfall by the entries of the Jacobian.
        fn slopesAt(voxel : i32) -> mat3x3<f32> {
          let j = jacobianAt(voxel);
          let missing = ${float(margin)} - determinantOf(j);
          let slope = -2.0 * select(missing, 0.0, missing < 0.0);
          return mat3x3<f32>(slope * cross(j[1], j[2]), slope * cross(j[2], j[0]), slope * cross(j[0], j[1]));
        }
        fn compute(voxel : i32) {
          if (voxel >= ${voxels}) { return; }
          ${placeOf(u.shape)}
          let last = vec3<i32>(${x - 1}, ${y - 1}, ${z - 1});
          var sum = vec3<f32>(0.0);
          if (all(place < last)) {
            let own = slopesAt(voxel);
            sum -= own[0] + own[1] + own[2];
          }
          ${below.join('\n')}
          for (var c = 0; c < 3; c++) { result[3 * voxel + c] = dy[0] * sum[c] / ${float(n)}; }
        }`,
    }),
  );
}
