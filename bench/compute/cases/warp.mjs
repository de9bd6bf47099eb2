import { warpBackward, warpForward } from '../../../dist/native/index.js';
import { emit, timed, uniform } from '../measure.mjs';

/** Trilinear warp clamped at the border, as `warp` of the torch script: displacements within 2 voxels, 1 and 3 channels. */
export async function run({ sizes, reps }) {
  for (const size of sizes) {
    const voxels = size ** 3;
    const grid = { n: 1, x: size, y: size, z: size };
    const displacement = uniform(3 * voxels, 1).map((value) => 2 * value);
    for (const c of [1, 3]) {
      const volume = uniform(c * voxels, 2);
      const dout = uniform(c * voxels, 3);
      const out = new Float32Array(c * voxels);
      const dVolume = new Float32Array(c * voxels);
      const dDisplacement = new Float32Array(3 * voxels);
      const input = { grid, c, volume, displacement, mode: 'border' };
      const forward = () => warpForward({ ...input, out });
      const backward = () => warpBackward({ ...input, dout, dVolume, dDisplacement });
      emit('warp_fwd', size, await timed(forward, reps), { channels: c });
      emit('warp_bwd', size, await timed(backward, reps), { channels: c });
      emit(
        'warp_fwd_bwd',
        size,
        await timed(() => {
          forward();
          backward();
        }, reps),
        { channels: c },
      );
    }
  }
}
