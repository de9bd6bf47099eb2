import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../../src/numerics/random.js';
import { deformAtRandom } from '../../../../src/numerics/registration/augmentation.js';
import { totalMass } from '../../../../src/numerics/registration/density-transform.js';
import { type Shape3, voxelCount } from '../../../../src/numerics/registration/grid.js';
import { ModelSettings } from '../../../../src/numerics/registration/settings.js';
import { memoryCount } from '../../../../src/tensor/index.js';
import { tinyTracts } from '../../../support/tiny-cohort.js';

// Half of it is no multiple of the distance between the control points.
const shape: Shape3 = [12, 16, 20];
const model = ModelSettings.parse({});
const deform = (volume: Float32Array, seed: number) =>
  deformAtRandom(volume, shape, model, seededRandom(seed, 'augmentation'));

describe('random deformation of a volume', () => {
  const [tract] = tinyTracts(1, shape) as [Float32Array];

  test('moves density about and makes hardly any, the same for the same stream', async () => {
    const before = memoryCount();
    const all = await Promise.all([1, 2, 3, 4, 5, 6].map((seed) => deform(tract, seed)));
    const ratios = all.map((one) => totalMass(one) / totalMass(tract));
    expect(ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length).toBeGreaterThan(0.8);
    expect(Math.max(...ratios)).toBeLessThan(1.3);
    const deformed = all[0]!;
    expect(await deform(tract, 1)).toEqual(deformed);
    expect(await deform(tract, 2)).not.toEqual(deformed);
    expect(deformed.every((density) => density >= 0)).toBe(true);
    expect(memoryCount()).toBe(before);
  });

  test('leaves a constant as it is away from the border, and nothing as nothing', async () => {
    const constant = await deform(new Float32Array(voxelCount(shape)).fill(0.75), 3);
    const centre = (6 * shape[1] + 8) * shape[2] + 10;
    expect(constant[centre]).toBeCloseTo(0.75, 6);
    expect(totalMass(await deform(new Float32Array(voxelCount(shape)), 3))).toBe(0);
  });

  test('takes the same number of draws for every volume', async () => {
    const [first, second] = [seededRandom(1, 'x'), seededRandom(1, 'x')];
    await deformAtRandom(tract, shape, model, first);
    await deformAtRandom(new Float32Array(voxelCount(shape)), shape, model, second);
    expect(first.state()).toEqual(second.state());
  });
});
