import { type ComputeOptions, useComputeDevice } from './compute-device.js';
import type { Shape3 } from './grid.js';
import type { LossSettings } from './settings.js';

/**
 * Mean local correlation of two log densities over the windows in which the subject varies, 0 to 1: 1 minus the
 * similarity term of the loss.
 *
 * @param logDensity - log density that is rated, shape `shape`
 * @param logSubject - log density of the subject, shape `shape`
 */
export async function localCorrelation(
  logDensity: Float32Array,
  logSubject: Float32Array,
  shape: Shape3,
  settings: LossSettings,
  compute: ComputeOptions,
): Promise<number> {
  await useComputeDevice(compute);
  const { readScalars, scoped, tensor } = await import('../../tensor/index.js');
  const { localNccLogLoss } = await import('./losses.js');
  const [loss] = await scoped(() => {
    const volume = [1, ...shape, 1];
    return readScalars([localNccLogLoss(tensor(logDensity, volume), tensor(logSubject, volume), settings)]);
  });
  return 1 - loss!;
}
