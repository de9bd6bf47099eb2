import type * as tensorRoom from '../../src/tensor/index.js';

/**
 * How torch's grid_sample sees a displacement. It samples at `unnormalise(normalise(p + u))` in float64, which at some
 * voxels p lies 1e-16 beside p + u. Where u is exactly 0, as everywhere at the start of direct mode, that decides
 * whether the derivative of the left or of the right cell is taken, and whether empty voxels beside the tract receive
 * 1e-16 or nothing. The golden runs have this rounding; ours samples at p + u itself. Adding the rounding to u makes
 * the two comparable: the gradient passes unchanged.
 *
 * @param tensors - the tensor room, handed in because the caller replaces parts of it
 */
export function asTorchSamples(
  tensors: typeof tensorRoom,
  displacement: tensorRoom.Tensor,
): tensorRoom.Tensor {
  const sizes = displacement.shape.slice(1, 4);
  const values = tensors.viewed(displacement)!;
  const rounding = new Float32Array(values.length);
  for (let at = 0; at < values.length; at++) {
    const axis = at % 3;
    const last = sizes[axis]! - 1;
    const voxel = Math.floor(at / 3);
    const position = [
      Math.floor(voxel / (sizes[1]! * sizes[2]!)) % sizes[0]!,
      Math.floor(voxel / sizes[2]!) % sizes[1]!,
      voxel % sizes[2]!,
    ][axis]!;
    const normalised = (2 * (position + values[at]!)) / last - 1;
    const sampled = ((normalised + 1) / 2) * last;
    // From the value that the warp will read: where u is not tiny, this is 0 or one float32 step.
    rounding[at] = Math.fround(sampled - position) - values[at]!;
  }
  return tensors.add(displacement, tensors.tensor(rounding, displacement.shape));
}
