/** Integration of velocities by scaling and squaring, and doubling of displacement fields. */
import type { Tensor, tfjs } from '../../tfjs.js';
import type { Workspace } from '../../workspace.js';
import { doubled, gridOf } from '../native/shapes.js';
import { float } from './convolution.js';
import { asTensor, free, type GpuBackend, runProgram } from './program.js';
import { DEPOSIT, DEPOSITED, largestBits } from './scatter.js';
import { sampling } from './warp.js';

const keyOf = (name: string, shape: readonly number[], factor: number) => [name, ...shape, factor].join('_');

/** u + u(p + u), with u = factor * displacement: scaling and the first squaring are one program. */
function squared(backend: GpuBackend, displacement: tfjs.TensorInfo, factor: number): tfjs.TensorInfo {
  const { shape } = displacement;
  const { grid } = gridOf(shape);
  const voxels = grid.n * grid.x * grid.y * grid.z;
  return runProgram(backend, {
    key: keyOf('squared', shape, factor),
    inputs: { displacement },
    shape,
    workgroups: Math.ceil(voxels / 64),
    code: `${sampling(shape, 'border', float(factor))}
      fn compute(index : i32) {
        if (index >= ${voxels}) { return; }
        let sides = sidesOf(index);
        var sum = vec3<f32>(0.0);
        for (var corner = 0; corner < 8; corner++) {
          let at = 3 * cornerOf(index, sides, corner);
          sum += weightOf(sides, corner) * vec3<f32>(displacement[at], displacement[at + 1], displacement[at + 2]);
        }
        for (var c = 0; c < 3; c++) {
          result[3 * index + c] = ${float(factor)} * displacement[3 * index + c] + ${float(factor)} * sum[c];
        }
      }`,
  });
}

/** Displacement after `steps` squarings; what its gradient needs is left in the workspace. */
export function integrate(
  backend: GpuBackend,
  velocity: tfjs.TensorInfo,
  steps: number,
  workspace: Workspace | null,
): tfjs.TensorInfo {
  if (steps === 0) return copied(backend, velocity);
  const stages = [velocity];
  let last = velocity;
  for (let step = 0; step < steps; step++) {
    const next = squared(backend, last, step === 0 ? 2 ** -steps : 1);
    if (workspace === null && last !== velocity) free(backend, last);
    if (step > 0) stages.push(last);
    last = next;
  }
  const own = stages.slice(1);
  workspace?.leave(own, () => {
    free(backend, ...own);
  });
  return last;
}

function copied(backend: GpuBackend, source: tfjs.TensorInfo): tfjs.TensorInfo {
  const size = source.shape.reduce((product, length) => product * length, 1);
  return runProgram(backend, {
    key: `copy_${size}`,
    inputs: { source },
    shape: source.shape,
    code: `fn compute(index : i32) { if (index < ${size}) { result[index] = source[index]; } }`,
  });
}

/** Gradient by the displacement of `squared`. */
function squaredGradient(
  backend: GpuBackend,
  displacement: tfjs.TensorInfo,
  dy: tfjs.TensorInfo,
  factor: number,
): tfjs.TensorInfo {
  const { shape } = displacement;
  const { grid } = gridOf(shape);
  const voxels = grid.n * grid.x * grid.y * grid.z;
  const bits = largestBits(backend, dy);
  const where = sampling(shape, 'border', float(factor));
  const sums = runProgram(backend, {
    key: keyOf('squared_scatter', shape, factor),
    inputs: { displacement, dy, bits },
    shape: [3 * voxels, 2],
    workgroups: Math.ceil(voxels / 64),
    atomic: true,
    code: `${where} ${DEPOSIT}
      fn compute(index : i32) {
        if (index >= ${voxels}) { return; }
        let scale = scaleOf(bits[0], 1);
        let sides = sidesOf(index);
        for (var corner = 0; corner < 8; corner++) {
          let at = 3 * cornerOf(index, sides, corner);
          let weight = weightOf(sides, corner);
          for (var c = 0; c < 3; c++) { deposit(at + c, weight * dy[3 * index + c], scale); }
        }
      }`,
  });
  const gradient = runProgram(backend, {
    key: keyOf('squared_gradient', shape, factor),
    inputs: { displacement, dy, bits, sums },
    shape,
    workgroups: Math.ceil(voxels / 64),
    code: `${where} ${DEPOSITED}
      fn compute(index : i32) {
        if (index >= ${voxels}) { return; }
        let sides = sidesOf(index);
        let own = vec3<f32>(dy[3 * index], dy[3 * index + 1], dy[3 * index + 2]);
        var slopes = vec3<f32>(0.0);
        for (var corner = 0; corner < 8; corner++) {
          let at = 3 * cornerOf(index, sides, corner);
          let match_ = ${float(factor)} * dot(own, vec3<f32>(displacement[at], displacement[at + 1], displacement[at + 2]));
          slopes += match_ * slopesOf(sides, corner);
        }
        for (var c = 0; c < 3; c++) {
          result[3 * index + c] = ${float(factor)} * (own[c] + deposited(3 * index + c, bits[0]) + slopes[c]);
        }
      }`,
  });
  free(backend, bits, sums);
  return gradient;
}

/** Gradient of `integrate` by the velocity. */
export function integrateGradient(
  backend: GpuBackend,
  velocity: Tensor,
  stages: readonly tfjs.TensorInfo[],
  dy: Tensor,
  steps: number,
): Tensor {
  if (steps === 0) return asTensor(copied(backend, dy));
  let gradient: tfjs.TensorInfo = dy;
  for (const [step, stage] of [...[velocity, ...stages].entries()].toReversed()) {
    const next = squaredGradient(backend, stage, gradient, step === 0 ? 2 ** -steps : 1);
    if (gradient !== dy) free(backend, gradient);
    gradient = next;
  }
  return asTensor(gradient);
}

/** A displacement on the doubled grid: trilinear between the centres of blocks of 2^3 voxels, clamped, times 2. */
export function upsample(backend: GpuBackend, u: tfjs.TensorInfo): tfjs.TensorInfo {
  const { grid, c } = gridOf(u.shape);
  const full = doubled(grid);
  const voxels = full.n * full.x * full.y * full.z;
  return runProgram(backend, {
    key: keyOf('upsample', u.shape, 2),
    inputs: { u },
    shape: [full.n, full.x, full.y, full.z, c],
    workgroups: Math.ceil(voxels / 64),
    code: `
      // The nearer half-grid neighbour, weight 3/4, and the farther, weight 1/4.
      fn neighbours(position : i32, length : i32) -> vec2<i32> {
        let near = position / 2;
        return vec2<i32>(near, clamp(near + 2 * (position & 1) - 1, 0, length - 1));
      }
      fn compute(index : i32) {
        if (index >= ${voxels}) { return; }
        let item = index / ${full.x * full.y * full.z};
        let px = neighbours((index / ${full.y * full.z}) % ${full.x}, ${grid.x});
        let py = neighbours((index / ${full.z}) % ${full.y}, ${grid.y});
        let pz = neighbours(index % ${full.z}, ${grid.z});
        let weight = vec2<f32>(0.75, 0.25);
        var sum = vec3<f32>(0.0);
        for (var corner = 0; corner < 8; corner++) {
          let side = vec3<i32>(corner >> 2, (corner >> 1) & 1, corner & 1);
          let at = 3 * (((item * ${grid.x} + px[side.x]) * ${grid.y} + py[side.y]) * ${grid.z} + pz[side.z]);
          sum += weight[side.x] * weight[side.y] * weight[side.z] * vec3<f32>(u[at], u[at + 1], u[at + 2]);
        }
        for (var c = 0; c < 3; c++) { result[3 * index + c] = 2.0 * sum[c]; }
      }`,
  });
}

/** Each voxel of the half grid gathers from the four positions along each axis that it gave to. */
export function upsampleGradient(backend: GpuBackend, u: Tensor, dy: Tensor): Tensor {
  const { grid } = gridOf(u.shape);
  const full = doubled(grid);
  const voxels = u.size / 3;
  return asTensor(
    runProgram(backend, {
      key: keyOf('upsample_gradient', u.shape, 2),
      inputs: { dy },
      shape: u.shape,
      workgroups: Math.ceil(voxels / 64),
      code: `
        // Weights of positions 2i - 1 to 2i + 2; at the ends the clamped neighbour is the voxel itself.
        fn weights(position : i32, length : i32) -> vec4<f32> {
          var weight = vec4<f32>(0.25, 0.75, 0.75, 0.25);
          if (position == 0) { weight[0] = 0.0; weight[1] = 1.0; }
          if (position == length - 1) { weight[3] = 0.0; weight[2] = 1.0; }
          return weight;
        }
        fn compute(index : i32) {
          if (index >= ${voxels}) { return; }
          let item = index / ${grid.x * grid.y * grid.z};
          let p = vec3<i32>((index / ${grid.y * grid.z}) % ${grid.x}, (index / ${grid.z}) % ${grid.y}, index % ${grid.z});
          let wx = weights(p.x, ${grid.x});
          let wy = weights(p.y, ${grid.y});
          let wz = weights(p.z, ${grid.z});
          var sum = vec3<f32>(0.0);
          for (var i = 0; i < 64; i++) {
            let side = vec3<i32>(i >> 4, (i >> 2) & 3, i & 3);
            let weight = wx[side.x] * wy[side.y] * wz[side.z];
            if (weight == 0.0) { continue; }
            let at = 3 * (((item * ${full.x} + 2 * p.x - 1 + side.x) * ${full.y} + 2 * p.y - 1 + side.y) * ${full.z} + 2 * p.z - 1 + side.z);
            sum += weight * vec3<f32>(dy[at], dy[at + 1], dy[at + 2]);
          }
          for (var c = 0; c < 3; c++) { result[3 * index + c] = 2.0 * sum[c]; }
        }`,
    }),
  );
}
