import { beforeAll, describe, expect, test } from 'vitest';
import { PipelineError } from '../../../src/errors.js';
import * as nl from '../../../src/tensor/index.js';

/** Code, message and place of an error. */
async function refusal(run: () => unknown): Promise<string> {
  try {
    await nl.scoped(() => Promise.resolve(run()));
  } catch (error) {
    if (error instanceof PipelineError)
      return `${error.code} ${error.message} | ${error.where ?? ''} | ${error.cure ?? ''}`;
    throw error;
  }
  return 'accepted';
}

describe('arguments of tensor ops', () => {
  beforeAll(async () => {
    await nl.useDevice(await nl.resolveDevice('cpu'), 1);
  });
  const volume = (...shape: number[]) => nl.zeros(shape);

  test.each<[string, () => unknown, string]>([
    [
      'values that do not fill the shape',
      () => nl.tensor(new Float32Array(5), [2, 3]),
      'SHAPE_MISMATCH tensor of 5 values given for 6 | shape [2, 3] | pass one value for each element, the last axis fastest',
    ],
    [
      'a length that is no whole number',
      () => nl.tensor(new Float32Array(5), [2.5, 2]),
      'INVALID_ARGUMENT tensor with a length of 2.5 along an axis | shape [2.5, 2] | give whole numbers, none negative',
    ],
    [
      'a volume without batch axis',
      () => nl.maxPool2(volume(4, 4, 4, 1)),
      'SHAPE_MISMATCH maxPool2: x is not (N, X, Y, Z, C) without empty axes | shape (4, 4, 4, 1) | add the batch and channel axes, or give a grid with voxels',
    ],
    [
      'an empty grid',
      () => nl.warp(volume(1, 0, 4, 4, 1), volume(1, 0, 4, 4, 3), 'zeros'),
      'SHAPE_MISMATCH warp: volume is not (N, X, Y, Z, C) without empty axes | shape (1, 0, 4, 4, 1) | add the batch and channel axes, or give a grid with voxels',
    ],
    [
      'a filter of other channels',
      () => nl.convBlock(volume(1, 2, 2, 2, 3), volume(3, 3, 3, 2, 4), volume(4), 0.2),
      'SHAPE_MISMATCH convBlock: w has shape (3, 3, 3, 2, 4) | expected (3, 3, 3, 3, 4) | give tensors that belong to one grid',
    ],
    [
      'a slope above 1',
      () => nl.convBlock(volume(1, 2, 2, 2, 3), volume(3, 3, 3, 3, 4), volume(4), 1.5),
      'INVALID_ARGUMENT convBlock: slope is 1.5 |  | give a finite number at least 0 and at most 1',
    ],
    [
      'pooling of odd sizes',
      () => nl.maxPool2(volume(1, 4, 5, 4, 1)),
      'SHAPE_MISMATCH maxPool2: sizes must be even | shape (1, 4, 5, 4, 1) | pad the grid to a multiple of 2 for each level of the network',
    ],
    [
      'a skip connection of another grid',
      () => nl.upConcat(volume(1, 2, 2, 2, 3), volume(1, 4, 4, 5, 2)),
      'SHAPE_MISMATCH upConcat: skip has shape (1, 4, 4, 5, 2) | expected (1, 4, 4, 4, 2) | give tensors that belong to one grid',
    ],
    [
      'a displacement with two components',
      () => nl.warp(volume(1, 2, 2, 2, 1), volume(1, 2, 2, 2, 2), 'border'),
      'SHAPE_MISMATCH warp: displacement has shape (1, 2, 2, 2, 2) | expected (1, 2, 2, 2, 3) | give tensors that belong to one grid',
    ],
    [
      'half a squaring',
      () => nl.integrateVelocity(volume(1, 2, 2, 2, 3), 1.5),
      'INVALID_ARGUMENT integrateVelocity: steps is 1.5 |  | give a whole number from 0 to 24',
    ],
    [
      'an even window',
      () => nl.localNccLoss(volume(1, 4, 4, 4, 1), volume(1, 4, 4, 4, 1), { window: 4, eps: 1e-5 }),
      'INVALID_ARGUMENT localNccLoss: window is 4 |  | give an odd whole number of voxels, 3 or more',
    ],
    [
      'an offset of zero',
      () => nl.logDensity(volume(3), 0),
      'INVALID_ARGUMENT logDensity: offset is 0 |  | give a finite number greater than 0',
    ],
    [
      'differences along an axis of one voxel',
      () => nl.smoothnessLoss(volume(1, 1, 4, 4, 3)),
      'SHAPE_MISMATCH smoothnessLoss: v needs at least 2 voxels along each axis | shape (1, 1, 4, 4, 3) | use a larger grid',
    ],
    [
      'a factor that is not finite',
      () => nl.scale(volume(3), Infinity),
      'INVALID_ARGUMENT scale: factor is Infinity |  | give a finite number',
    ],
    [
      'a mean of nothing',
      () => nl.mean(volume(0, 3)),
      'SHAPE_MISMATCH mean: x has no elements | shape (0, 3) | give a tensor with elements',
    ],
    [
      'nothing to differentiate by',
      () => nl.valueAndGradients(() => nl.sum(volume(3)), []),
      'INVALID_ARGUMENT valueAndGradients: nothing to differentiate by |  | give at least one tensor',
    ],
    [
      'a single number asked of many',
      () => nl.readScalars([volume(3)]),
      'SHAPE_MISMATCH a tensor of 3 values is not one number | shape [3] | reduce it first',
    ],
  ])('refuse %s', async (_, run, expected) => {
    expect(await refusal(run)).toBe(expected);
  });
});
