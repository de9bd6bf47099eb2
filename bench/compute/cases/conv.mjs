import { convBackward, convForward } from '../../../dist/native/index.js';
import { emit, timed, uniform } from '../measure.mjs';

/** 3x3x3 convolution, as many channels out as in, and its two gradients: `conv` of the torch script. */
export async function run({ sizes, channels, reps }) {
  for (const c of channels) {
    for (const size of sizes) {
      const voxels = size ** 3;
      const gflop = (2 * 27 * c * c * voxels) / 1e9;
      const call = {
        ...{ grid: { n: 1, x: size, y: size, z: size }, cin: c, cout: c, slope: 1 },
        ...{ x: uniform(voxels * c, 1), w: uniform(27 * c * c, 2) },
      };
      const y = uniform(voxels * c, 3);
      const dy = uniform(voxels * c, 4);
      const gradients = { dx: new Float32Array(voxels * c), dw: new Float32Array(27 * c * c) };
      const nothing = { ...call, y, dy, dx: null, dw: null, db: null };
      const results = {
        conv_fwd: () => convForward({ ...call, bias: null, y }),
        conv_bwd_input: () => convBackward({ ...nothing, dx: gradients.dx }),
        conv_bwd_filter: () => convBackward({ ...nothing, dw: gradients.dw }),
      };
      for (const [name, fn] of Object.entries(results)) {
        emit(name, size, await timed(fn, reps), { channels: c, gflop });
      }
    }
  }
}
