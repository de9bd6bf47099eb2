/** Which optional packages bring graphics devices, and whether they are there. Nothing of them is loaded here. */
import { DependencyError } from '../../errors.js';
import { installedVersion } from './peers.js';

/** Devices of a graphics card, best first. */
export const GPU_DEVICES = ['webgpu', 'cuda'] as const;
export type GpuDevice = (typeof GPU_DEVICES)[number];

/** Packages of each device, with the versions that were tested. */
const PACKAGES: Readonly<Record<GpuDevice, Readonly<Record<string, string>>>> = {
  webgpu: { webgpu: '0.6.2', '@tensorflow/tfjs-backend-webgpu': '4.22.0' },
  cuda: { '@tensorflow/tfjs-node-gpu': '4.22.0' },
};

/** Versions of the packages of a device that are installed. */
export function gpuVersions(device: GpuDevice): Readonly<Record<string, string>> {
  const found = Object.keys(PACKAGES[device]).map((name) => [name, installedVersion(name)] as const);
  return Object.fromEntries(found.flatMap(([name, version]) => (version === null ? [] : [[name, version]])));
}

/** Why the packages of a device do not do; null when all are installed. */
export function missingPackages(device: GpuDevice, spec: string = device): DependencyError | null {
  const versions = gpuVersions(device);
  const missing = Object.keys(PACKAGES[device]).filter((name) => versions[name] === undefined);
  if (missing.length === 0) return null;
  return unavailable(
    spec,
    `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not installed`,
    `${installCommand(device)}, or choose device cpu`,
  );
}

/** The command that installs what a device needs. */
export function installCommand(device: GpuDevice): string {
  const wanted = Object.entries(PACKAGES[device]).map(([name, version]) => `${name}@${version}`);
  return `npm install ${wanted.join(' ')}`;
}

export function unavailable(spec: string, reason: string, cure: string): DependencyError {
  return new DependencyError('BACKEND_MISSING', `device '${spec}' is not available here: ${reason}`, {
    cure,
  });
}

/** Whether a device setting makes a node compute on a graphics card, as far as the packages say. */
export function claimsGpu(spec: string): boolean {
  if (spec !== 'auto') return spec !== 'cpu';
  return GPU_DEVICES.some((device) => missingPackages(device) === null);
}
