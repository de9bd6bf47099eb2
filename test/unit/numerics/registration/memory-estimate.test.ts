import { describe, expect, test } from 'vitest';
import { estimateTrainingMemoryMb } from '../../../../src/numerics/registration/memory-estimate.js';
import { trainTemplate } from '../../../../src/numerics/registration/train.js';
import { tinySettings } from '../../../support/tiny-cohort.js';

const widths = { enc_features: [16, 32, 32, 32], dec_features: [32, 32, 32, 32, 32, 16, 16] };

describe('memory estimate', () => {
  // Peak resident size of a process that trains two subjects for one epoch, native backend, two threads, MB.
  test.each([
    [32, 'half', 'network', 1, 95],
    [64, 'half', 'network', 1, 191],
    [96, 'half', 'network', 1, 443],
    [64, 'full', 'network', 1, 298],
    [64, 'half', 'network', 2, 259],
    [64, 'half', 'direct', 1, 146],
    [96, 'half', 'direct', 1, 266],
    [160, 'half', 'network', 1, 1484],
    [160, 'full', 'network', 1, 3268],
  ] as const)(
    '%d^3, %s flow, mode %s, batch %d: not below the measured peak, not far above',
    (size, flow, mode, batch, peak) => {
      const settings = tinySettings(
        { mode, batch_size: batch },
        { model: { ...widths, flow_resolution: flow } },
      );
      const estimate = estimateTrainingMemoryMb([size, size, size], 2, settings);
      expect(estimate).toBeGreaterThanOrEqual(peak);
      expect(estimate).toBeLessThanOrEqual(1.42 * peak);
    },
  );

  test('training above the limit is refused before anything is computed', async () => {
    const volume = new Float32Array(8 * 8 * 8).fill(1);
    const options = {
      volumes: [volume],
      ids: ['1'],
      shape: [8, 8, 8] as const,
      unionSupport: new Uint8Array(512).fill(1),
      settings: tinySettings({}),
      checkpointDir: null,
      device: 'cpu',
      threads: 1,
    };
    const estimates: number[] = [];
    const onMemoryEstimate = (megabytes: number) => estimates.push(Math.ceil(megabytes));
    await expect(trainTemplate({ ...options, memoryLimitMb: 100, onMemoryEstimate })).rejects.toThrow(
      'training needs about 121 MB, memory_limit_mb is 100',
    );
    expect(estimates).toEqual([121]);
  });
});
