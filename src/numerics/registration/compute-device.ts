import type { DeviceAdvice, DeviceInfo } from '../../tensor/index.js';

/** Where tensors are computed. */
export interface ComputeOptions {
  /** `auto`, `cpu`, `webgpu`, `cuda` or `cuda:N`; a device that was resolved before is taken as it is. */
  readonly device: string | DeviceInfo;
  /** Threads of the kernels, 1 or more. */
  readonly threads: number;
}

/**
 * Makes a device the current one and loads the tensor code.
 *
 * @param advice - what the errors of a graphics card advise
 * @throws DependencyError BACKEND_MISSING when an explicit device is not there
 */
export async function useComputeDevice(
  { device, threads }: ComputeOptions,
  advice: DeviceAdvice = {},
): Promise<DeviceInfo> {
  const { resolveDevice, useDevice } = await import('../../tensor/index.js');
  const info = typeof device === 'string' ? await resolveDevice(device) : device;
  return useDevice(info, threads, advice);
}
