import * as native from '../../../dist/native/index.js';
import { emit, timed, uniform } from '../measure.mjs';

/** Integration, upsampling and the regularisers of a smooth field, and the element-wise work of a training step. */
export async function run({ sizes, reps }) {
  for (const size of sizes) {
    const grid = { n: 1, x: size, y: size, z: size };
    const length = 3 * size ** 3;
    const velocity = Float32Array.from({ length }, (_, at) => Math.sin(at / (7 * size)));
    const out = new Float32Array(length);
    const gradient = new Float32Array(length);
    const stages = new Float32Array(7 * length);
    const dout = uniform(length, 3);
    const integrate = () => native.integrateForward({ grid, steps: 7, velocity, out, stages });
    const back = () => native.integrateBackward({ grid, steps: 7, stages, dout, dvelocity: gradient });
    emit('integrate7_fwd', size, await timed(integrate, reps));
    emit('integrate7_bwd', size, await timed(back, reps));
    const half = { n: 1, x: size / 2, y: size / 2, z: size / 2 };
    const coarse = velocity.slice(0, length / 8);
    const dCoarse = new Float32Array(coarse.length);
    const upsample = () => native.upsampleFieldForward({ grid: half, u: coarse, out });
    const fold = () => native.upsampleFieldBackward({ grid: half, dout, du: dCoarse });
    emit('upsample_fwd', size, await timed(upsample, reps));
    emit('upsample_bwd', size, await timed(fold, reps));
    const smooth = { grid, v: velocity };
    emit('smoothness_fwd', size, await timed(() => native.smoothnessForward(smooth), reps));
    emit(
      'smoothness_bwd',
      size,
      await timed(() => native.smoothnessBackward({ ...smooth, scale: 1, dv: gradient }), reps),
    );
    const hinge = { grid, u: velocity, margin: 0.1 };
    emit('hinge_fwd', size, await timed(() => native.jacobianHingeForward(hinge), reps));
    emit(
      'hinge_bwd',
      size,
      await timed(() => native.jacobianHingeBackward({ ...hinge, scale: 1, du: gradient }), reps),
    );
    const density = uniform(size ** 3, 4).map((value) => Math.max(0, value));
    const log = new Float32Array(density.length);
    emit('log_density', size, await timed(() => native.logDensity(density, 1e-3, log), reps));
    emit('inverse_log_density', size, await timed(() => native.inverseLogDensity(density, 1e-3, log), reps));
    emit('exp', size, await timed(() => native.mapUnary('exp', density, log), reps));
    emit('add', size, await timed(() => native.mapBinary('add', density, density, log), reps));
    const dice = {
      n: 1,
      size: density.length,
      a: log,
      b: density,
      s: density,
      threshold: 0,
      offWeight: 0.25,
      eps: 1e-6,
    };
    emit('soft_dice_fwd', size, await timed(() => native.softDiceForward(dice), reps));
    const [m, v] = [new Float32Array(length), new Float32Array(length)];
    const adam = { param: out, grad: dout, m, v, lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, step: 1 };
    emit('adam', size, await timed(() => native.adamStep(adam), reps), { elements: length });
  }
}
