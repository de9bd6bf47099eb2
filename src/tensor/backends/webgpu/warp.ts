/** Trilinear pull and its two gradients. */
import { type Tensor, type tfjs } from '../../tfjs.js';
import { gridOf } from '../native/shapes.js';
import { asTensor, free, type GpuBackend, runProgram } from './program.js';
import { DEPOSIT, DEPOSITED, largestBits } from './scatter.js';

type Mode = 'zeros' | 'border';

/**
 * Shared by programs that sample where `displacement`, times a factor, points: for a voxel, the cell below the sampled
 * coordinate along an axis, the weights of its two ends and their derivatives. As in ops/trilinear.ts, the cell comes from
 * the displacement and not from the sum.
 */
export function sampling(shape: readonly number[], mode: Mode, factor = '1.0'): string {
  const { x, y, z } = gridOf(shape).grid;
  const border = mode === 'border';
  return `
    struct Side { at : vec2<i32>, weight : vec2<f32>, slope : vec2<f32> }
    fn sideOf(position : i32, u : f32, length : i32) -> Side {
      let whole = floor(u);
      let free = u - whole;
      let rest = (whole + 1.0) - u;
      // Far outside is as good as just outside, and fits an integer.
      let below = position + i32(clamp(whole, -1.0e6, 1.0e6));
      let last = length - 1;
      var side : Side;
      side.at = clamp(vec2<i32>(below, below + 1), vec2<i32>(0), vec2<i32>(last));
      ${
        border
          ? `let inside = below >= 0 && below <= last - 1;
      let moves = select(0.0, 1.0, inside && f32(below) + free > 0.0);
      side.weight = select(vec2<f32>(1.0, 0.0), vec2<f32>(rest, free), inside);
      side.slope = vec2<f32>(-moves, moves);`
          : `let exists = vec2<f32>(
        select(0.0, 1.0, below >= 0 && below <= last),
        select(0.0, 1.0, below + 1 >= 0 && below + 1 <= last));
      side.weight = vec2<f32>(rest, free) * exists;
      side.slope = vec2<f32>(-1.0, 1.0) * exists;`
      }
      return side;
    }
    fn sidesOf(voxel : i32) -> array<Side, 3> {
      return array<Side, 3>(
        sideOf((voxel / ${y * z}) % ${x}, ${factor} * displacement[3 * voxel], ${x}),
        sideOf((voxel / ${z}) % ${y}, ${factor} * displacement[3 * voxel + 1], ${y}),
        sideOf(voxel % ${z}, ${factor} * displacement[3 * voxel + 2], ${z}));
    }
    fn cornerOf(voxel : i32, sides : array<Side, 3>, corner : i32) -> i32 {
      let item = voxel / ${x * y * z};
      return ((item * ${x} + sides[0].at[corner >> 2]) * ${y} + sides[1].at[(corner >> 1) & 1]) * ${z} + sides[2].at[corner & 1];
    }
    fn weightOf(sides : array<Side, 3>, corner : i32) -> f32 {
      return sides[0].weight[corner >> 2] * sides[1].weight[(corner >> 1) & 1] * sides[2].weight[corner & 1];
    }
    fn slopesOf(sides : array<Side, 3>, corner : i32) -> vec3<f32> {
      let side = vec3<i32>(corner >> 2, (corner >> 1) & 1, corner & 1);
      let weight = vec3<f32>(sides[0].weight[side.x], sides[1].weight[side.y], sides[2].weight[side.z]);
      let slope = vec3<f32>(sides[0].slope[side.x], sides[1].slope[side.y], sides[2].slope[side.z]);
      return vec3<f32>(slope.x * weight.y * weight.z, weight.x * slope.y * weight.z, weight.x * weight.y * slope.z);
    }`;
}

const keyOf = (name: string, shape: readonly number[], mode: Mode) => [name, ...shape, mode].join('_');

export function pullVolume(
  backend: GpuBackend,
  volume: tfjs.TensorInfo,
  displacement: tfjs.TensorInfo,
  mode: Mode,
): tfjs.TensorInfo {
  const { c } = gridOf(volume.shape);
  const size = volume.shape.reduce((product, length) => product * length, 1);
  return runProgram(backend, {
    key: keyOf('warp', volume.shape, mode),
    inputs: { volume, displacement },
    shape: volume.shape,
    code: `${sampling(volume.shape, mode)}
      fn compute(index : i32) {
        if (index >= ${size}) { return; }
        let voxel = index / ${c};
        let channel = index % ${c};
        let sides = sidesOf(voxel);
        var sum = 0.0;
        for (var corner = 0; corner < 8; corner++) {
          sum += weightOf(sides, corner) * volume[cornerOf(voxel, sides, corner) * ${c} + channel];
        }
        result[index] = sum;
      }`,
  });
}

/** Scatters the upstream gradient to the corners that each voxel sampled. */
export function pullVolumeGradient(
  backend: GpuBackend,
  displacement: tfjs.TensorInfo,
  dy: Tensor,
  mode: Mode,
): Tensor {
  const { c } = gridOf(dy.shape);
  const bits = largestBits(backend, dy);
  const sums = runProgram(backend, {
    key: keyOf('warp_scatter', dy.shape, mode),
    inputs: { displacement, dy, bits },
    shape: [dy.size, 2],
    workgroups: Math.ceil(dy.size / 64),
    atomic: true,
    code: `${sampling(dy.shape, mode)} ${DEPOSIT}
      fn compute(index : i32) {
        if (index >= ${dy.size}) { return; }
        let scale = scaleOf(bits[0], 1);
        let voxel = index / ${c};
        let channel = index % ${c};
        let sides = sidesOf(voxel);
        for (var corner = 0; corner < 8; corner++) {
          deposit(cornerOf(voxel, sides, corner) * ${c} + channel, weightOf(sides, corner) * dy[index], scale);
        }
      }`,
  });
  const gradient = runProgram(backend, {
    key: `deposited_${dy.size}`,
    inputs: { sums, bits },
    shape: dy.shape,
    code: `${DEPOSITED}
      fn compute(index : i32) { if (index < ${dy.size}) { result[index] = deposited(index, bits[0]); } }`,
  });
  free(backend, bits, sums);
  return asTensor(gradient);
}

export function pullFieldGradient(
  backend: GpuBackend,
  volume: tfjs.TensorInfo,
  displacement: Tensor,
  dy: Tensor,
  mode: Mode,
): Tensor {
  const { c } = gridOf(volume.shape);
  const voxels = displacement.size / 3;
  return asTensor(
    runProgram(backend, {
      key: keyOf('warp_dfield', volume.shape, mode),
      inputs: { volume, displacement, dy },
      shape: displacement.shape,
      workgroups: Math.ceil(voxels / 64),
      code: `${sampling(volume.shape, mode)}
        fn compute(index : i32) {
          if (index >= ${voxels}) { return; }
          let sides = sidesOf(index);
          var slopes = vec3<f32>(0.0);
          for (var corner = 0; corner < 8; corner++) {
            let at = cornerOf(index, sides, corner) * ${c};
            var match_ = 0.0;
            for (var channel = 0; channel < ${c}; channel++) { match_ += dy[index * ${c} + channel] * volume[at + channel]; }
            slopes += match_ * slopesOf(sides, corner);
          }
          result[3 * index] = slopes.x;
          result[3 * index + 1] = slopes.y;
          result[3 * index + 2] = slopes.z;
        }`,
    }),
  );
}
