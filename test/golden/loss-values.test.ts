/** The losses as `neuroloom/numerics` offers them, on arrays, against reference/atlas/golden. */
import { describe, expect, test } from 'vitest';
import {
  gradientSmoothness,
  learnedAtlasLoss,
  localNccLogLoss,
  presenceWeightedSoftDice,
  type DensityPair,
} from '../../src/numerics.js';
import { memoryCount } from '../../src/tensor/index.js';
import { goldenNumbers } from '../support/golden-atlas.js';
import { goldenVolume, relativeError } from '../support/golden-tensors.js';
import { hasReference } from '../support/reference.js';

const VALUE_TOLERANCE = 2e-5;
const GRADIENT_TOLERANCE = 1e-4;

async function goldenPair(): Promise<DensityPair> {
  const [warped, subject] = [await goldenVolume('loss_W'), await goldenVolume('loss_S')];
  const [n, x, y, z] = subject.shape as [number, number, number, number];
  return { warped: warped.values, subject: subject.values, shape: [x, y, z], n };
}

describe.skipIf(!hasReference)('losses of arrays', () => {
  const scalars = () => (goldenNumbers() as unknown as { scalars: Record<string, number> }).scalars;

  test.each([3, 5, 9])('local correlation, window %d', async (window) => {
    const { value, gradient } = await localNccLogLoss(await goldenPair(), {
      settings: { ncc_window: window },
    });
    expect(Math.abs(value - scalars()[`ncc_log_win${window}`]!)).toBeLessThanOrEqual(VALUE_TOLERANCE);
    const expected = (await goldenVolume(`ncc_log_win${window}_gW`)).values;
    expect(relativeError(gradient, expected)).toBeLessThanOrEqual(GRADIENT_TOLERANCE);
  });

  test.each([
    [0.25, 0, 'dice_off0.25_thr0.0'],
    [0, 0.1, 'dice_off0.0_thr0.1'],
  ])('soft Dice, off-support weight %f, threshold %f', async (offWeight, threshold, name) => {
    const settings = { off_support_weight: offWeight, support_threshold: threshold };
    const { value, gradient } = await presenceWeightedSoftDice(await goldenPair(), { settings });
    expect(Math.abs(value - scalars()[name]!)).toBeLessThanOrEqual(VALUE_TOLERANCE);
    const expected = (await goldenVolume(`${name}_gW`)).values;
    expect(relativeError(gradient, expected)).toBeLessThanOrEqual(GRADIENT_TOLERANCE);
  });
});

test('smoothness of a ramp of slope s along one axis is s^2 over three axes and three components', async () => {
  const shape = [4, 5, 6] as const;
  const data = new Float32Array(3 * 4 * 5 * 6);
  for (let x = 0, at = 0; x < 4; x++)
    for (let rest = 0; rest < 30; rest++, at += 3) {
      data[at] = 0.5 * x;
    }
  const { value } = await gradientSmoothness({ data, shape });
  expect(value).toBeCloseTo(0.25 / 9, 6);
});

test('the objective is the weighted sum of its terms; density and its gradient by hand; no tensor is left', async () => {
  const shape = [4, 4, 4] as const;
  const subject = new Float32Array(64).fill(0.5);
  const warped = new Float32Array(64).fill(0.75);
  const displacement = new Float32Array(3 * 64);
  const velocity = { data: new Float32Array(3 * 8), shape: [2, 2, 2] as const };
  const meanDisplacement = new Float32Array(3 * 64).fill(2);
  const settings = { similarity_weight: 0, presence_weight: 2, density_weight: 0.5, ncc_window: 3 };
  const before = memoryCount();
  const { value, terms, gradients } = await learnedAtlasLoss(
    { warped, subject, shape, velocity, displacement, meanDisplacement },
    { settings },
  );
  expect(memoryCount()).toBe(before);
  expect(Object.keys(terms)).toEqual(['presence', 'density', 'smoothness', 'jacobian', 'mean_deformation']);
  expect(terms.density).toBeCloseTo(0.5, 6);
  expect(terms).toMatchObject({ smoothness: 0, jacobian: 0, mean_deformation: 4 });
  expect(value).toBeCloseTo(2 * terms.presence! + 0.5 * 0.5 + 0.1 * 4, 5);
  expect(gradients.displacement.every((g) => g === 0)).toBe(true);
  expect(gradients.velocity).toHaveLength(24);
  const densityAlone = await learnedAtlasLoss(
    { warped, subject, shape, velocity, displacement },
    { settings: { ...settings, presence_weight: 0, density_weight: 1 } },
  );
  // d/dW of sum |W - S| / sum S is sign(W - S) / sum S.
  for (const g of densityAlone.gradients.warped) expect(g).toBeCloseTo(1 / 32, 6);
});

test('arrays that do not fill their grid are refused', async () => {
  const pair = { warped: new Float32Array(7), subject: new Float32Array(8), shape: [2, 2, 2] as const };
  await expect(localNccLogLoss(pair)).rejects.toThrow('warped has 7 values, shape 1 x 2 x 2 x 2 x 1 needs 8');
});
