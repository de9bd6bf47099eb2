import { nccBackward, nccForward, nccSavedLength } from '../../../dist/native/index.js';
import { emit, timed, uniform } from '../measure.mjs';

const WINDOW = 9;

/**
 * Local correlation forward and backward: `ncc9_fwd_bwd` in the plain form with both gradients, to be compared with
 * `ncc9_fwd_bwd_sep` of the torch script; `ncc9_loss` as the atlas trains, with the gradient to the template only.
 */
export async function run({ sizes, reps }) {
  for (const size of sizes) {
    const grid = { n: 1, x: size, y: size, z: size };
    const i = uniform(size ** 3, 1).map((value) => (value + 1) / 2);
    const noise = uniform(size ** 3, 2);
    const j = i.map((value, at) => 0.7 * value + 0.15 * (noise[at] + 1));
    const di = new Float32Array(i.length);
    const dj = new Float32Array(i.length);
    const workspace = new Float32Array(nccSavedLength(grid, 'both'));
    const plain = { grid, window: WINDOW, eps: 1e-5, activeOnly: false, i, j };
    const both = () => {
      const { saved } = nccForward({ ...plain, workspace });
      nccBackward({ ...plain, saved, scale: 1, di, dj });
    };
    emit('ncc9_fwd', size, await timed(() => nccForward({ ...plain, workspace }), reps));
    emit('ncc9_fwd_bwd', size, await timed(both, reps));
    const atlas = { ...plain, activeOnly: true };
    const part = workspace.subarray(0, nccSavedLength(grid, 'j'));
    const training = () => {
      const { saved } = nccForward({ ...atlas, gradients: 'j', workspace: part });
      nccBackward({ ...atlas, saved, scale: 1, di: null, dj });
    };
    emit('ncc9_loss', size, await timed(training, reps));
  }
}
