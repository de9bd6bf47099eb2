/** Twelve rounds of direct mode against reference/atlas/golden (torch, float64); tolerances of spec/learned_atlas 11. */
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { DirectTraining } from '../../src/numerics/registration/direct-training.js';
import { type Shape3, unionSupportOf } from '../../src/numerics/registration/grid.js';
import { displacementOf, toDensity } from '../../src/numerics/registration/registration-pass.js';
import {
  LossSettings,
  ModelSettings,
  OptimizerSettings,
  type TrainingSettings,
} from '../../src/numerics/registration/settings.js';
import { ATLAS_STATISTIC_NAMES, computeAtlasStatistics } from '../../src/numerics/registration/statistics.js';
import * as nl from '../../src/tensor/index.js';
import { goldenArray, goldenNumbers } from '../support/golden-atlas.js';
import { goldenVolume, relativeError } from '../support/golden-tensors.js';
import { hasReference } from '../support/reference.js';
import { NATIVE_DEVICES } from '../support/tensor-devices.js';

// The trainer, its kernels and its optimiser are the product's. Only the sampled coordinates get torch's rounding, for
// which the squarings have to be separate warps.
vi.mock('../../src/tensor/index.js', async (importOriginal) => {
  const original = await importOriginal<typeof nl>();
  const { asTorchSamples } = await import('../support/torch-sampling.js');
  const warp: typeof original.warp = (volume, displacement, mode) =>
    original.warp(volume, asTorchSamples(original, displacement), mode);
  const integrateVelocity: typeof original.integrateVelocity = (velocity, steps) => {
    let displacement = original.scale(velocity, 2 ** -steps);
    for (let step = 0; step < steps; step++) {
      displacement = original.add(displacement, warp(displacement, displacement, 'border'));
    }
    return displacement;
  };
  return { ...original, warp, integrateVelocity };
});

/** Relative to the largest absolute value of the array. */
const TOLERANCE = 2e-5;
const SHAPE: Shape3 = [16, 16, 32];

describe.skipIf(!hasReference).each(NATIVE_DEVICES)('golden direct mode on $name', ({ select }) => {
  const settings: TrainingSettings = {
    model: ModelSettings.parse({}),
    loss: LossSettings.parse({ mean_deformation_weight: 0 }),
    optimizer: OptimizerSettings.parse({ mode: 'direct', epochs: 12 }),
    densityInLog: false,
  };
  let losses: number[][] = [];
  let volumes: Float32Array[] = [];
  beforeAll(async () => {
    await select();
    const golden = goldenNumbers() as unknown as {
      scalars: { direct_mode: { loss_per_round_and_subject: number[][] } };
    };
    losses = golden.scalars.direct_mode.loss_per_round_and_subject;
    const stack = Float32Array.from(goldenArray('step_stack').data as Float32Array);
    const voxels = stack.length / 3;
    volumes = [0, 1, 2].map((i) => stack.slice(i * voxels, (i + 1) * voxels));
  });

  test('losses of every round and subject, template, velocities and the five maps', async () => {
    const before = nl.memoryCount();
    const unionSupport = unionSupportOf(volumes);
    const training = new DirectTraining({
      volumes,
      ids: ['a', 'b', 'c'],
      shape: SHAPE,
      unionSupport,
      settings,
    });
    const reached: number[][] = [];
    for (const round of losses) {
      training.startEpoch();
      const row: number[] = [];
      for (const subject of round.keys()) row.push((await training.step(subject)).loss);
      await training.finishEpoch();
      reached.push(row);
    }
    expect(relativeError(reached.flat(), losses.flat())).toBeLessThanOrEqual(TOLERANCE);

    const [theta, ...velocities] = (await training.exportModel()).map(({ values }) => values as Float32Array);
    training.dispose();
    expect(relativeError(theta!, goldenArray('direct_theta').data)).toBeLessThanOrEqual(TOLERANCE);
    const expected = (await goldenVolume('direct_v')).values;
    const stacked = Float32Array.from(velocities.flatMap((velocity) => [...velocity]));
    expect(relativeError(stacked, expected)).toBeLessThanOrEqual(TOLERANCE);

    const warped = await Promise.all(velocities.map((velocity) => warpTemplate(theta!, velocity, settings)));
    const maps = computeAtlasStatistics(warped);
    for (const name of ATLAS_STATISTIC_NAMES) {
      const golden = goldenArray(`direct_warped_${name}`).data;
      expect(relativeError(maps[name], golden), name).toBeLessThanOrEqual(TOLERANCE);
    }
    expect(nl.memoryCount()).toBe(before);
  });
});

function warpTemplate(
  theta: Float32Array,
  velocity: Float32Array,
  settings: TrainingSettings,
): Promise<Float32Array> {
  return nl.scoped(() => {
    const template = toDensity(nl.tensor(theta, [1, ...SHAPE, 1]), settings.loss.log_offset);
    const displacement = displacementOf(nl.tensor(velocity, [1, 8, 8, 16, 3]), settings.model);
    return nl.read(nl.warp(template, displacement, 'zeros'));
  });
}
