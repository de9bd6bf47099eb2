/**
 * Which device computes. Nothing heavy is imported here: requirement checks ask it before any training starts.
 */
import { type DependencyError, ProcessingError } from '../errors.js';
import { getNativeThreads, nativeStatus } from '../native/index.js';
import { GPU_DEVICES, type GpuDevice, gpuVersions, missingPackages } from './backends/gpu-packages.js';
import { installedVersion } from './backends/peers.js';
import type { AdapterFacts } from './backends/webgpu/open.js';

/** What the user of a caller can do where a graphics card fails, in the words of its own settings. */
export interface DeviceAdvice {
  /** Where the card has no room, after "set device cpu, or". */
  readonly memory?: string;
  /** What a second run finds when the device was lost, after "run again:". */
  readonly afterLoss?: string;
}

/** What a run computes on, for its metadata. */
export interface DeviceInfo {
  readonly device: 'cpu' | 'webgpu' | 'cuda';
  /**
   * `native`: the compiled kernels. `tfjs-cpu`: plain JavaScript, for tests and tiny grids. `webgpu`: programs on a
   * graphics card. `tensorflow`: tfjs-node-gpu.
   */
  readonly backend: 'native' | 'tfjs-cpu' | 'webgpu' | 'tensorflow';
  /** The graphics card of `webgpu`; null for other devices. */
  readonly adapter: AdapterFacts | null;
  /** Instruction set of the compiled kernels; null without them. */
  readonly isa: string | null;
  /** Threads of the kernels; 1 in plain JavaScript. Results can depend on it in the last digits. */
  readonly threads: number;
  readonly versions: Readonly<Record<string, string>>;
  /** What a user should know about this choice; null when all is well. */
  readonly warning: {
    readonly code: 'ADDON_MISSING';
    readonly message: string;
    readonly cure: string;
  } | null;
}

const ADDON_CURE =
  'install a C++17 compiler and run `npm rebuild neuroloom` (or `npm run build:addon` in a clone); `pipeline doctor` shows the state';

/** Devices that can be chosen here, best first. Graphics cards are tried in a process of their own. */
export async function availableDevices(): Promise<string[]> {
  const reasons = await Promise.all(GPU_DEVICES.map(gpuProblem));
  return [...GPU_DEVICES.filter((_, i) => reasons[i] === null), 'cpu'];
}

/**
 * Why a graphics device cannot be used, with the cure; null when it can. Nothing of it is loaded into this process.
 *
 * @param spec - `webgpu`, `cuda` or `cuda:N`
 */
export async function gpuProblem(spec: string): Promise<DependencyError | null> {
  const missing = missingPackages(spec.startsWith('cuda') ? 'cuda' : 'webgpu', spec);
  if (missing !== null) return missing;
  const { probeInChild } = await import('./backends/probe-child.js');
  return probeInChild(spec);
}

/**
 * Resolves a device setting. A graphics device is opened in this process, and has passed a convolution with its gradient.
 *
 * @param spec - `cpu`, `webgpu`, `cuda`, `cuda:N`, or `auto` for the best one on which a convolution and its
 *   gradient really run
 * @throws ProcessingError INVALID_ARGUMENT for other words
 * @throws DependencyError BACKEND_MISSING when an explicit device is not there, with the reason
 */
export async function resolveDevice(spec: string): Promise<DeviceInfo> {
  const [, device, index] = /^(auto|cpu|webgpu|cuda)(:\d+)?$/.exec(spec) ?? [];
  if (device === undefined || (index !== undefined && device !== 'cuda')) {
    throw new ProcessingError('INVALID_ARGUMENT', `unknown device '${spec}'`, {
      cure: 'give auto, cpu, webgpu, cuda or cuda:N',
    });
  }
  if (device === 'webgpu' || device === 'cuda') return resolveGpu(device, spec);
  const info = cpuDevice();
  if (device !== 'auto') return info;
  for (const gpu of GPU_DEVICES) {
    if ((await gpuProblem(gpu)) === null) return resolveGpu(gpu, gpu);
  }
  const { probeDevice } = await import('./backends/probe.js');
  await probeDevice(info);
  return info;
}

async function resolveGpu(device: GpuDevice, spec: string): Promise<DeviceInfo> {
  const info = device === 'webgpu' ? await webgpuDevice() : await cudaDevice(spec);
  const { probeDevice } = await import('./backends/probe.js');
  await probeDevice(info);
  return info;
}

async function webgpuDevice(): Promise<DeviceInfo> {
  const { openAdapter } = await import('./backends/webgpu/open.js');
  const adapter = await openAdapter();
  const versions = { ...packageVersions(), ...gpuVersions('webgpu') };
  return { device: 'webgpu', backend: 'webgpu', adapter, isa: null, threads: 1, versions, warning: null };
}

async function cudaDevice(spec: string): Promise<DeviceInfo> {
  const { openTensorflow } = await import('./backends/tensorflow.js');
  const versions = { ...packageVersions(), ...(await openTensorflow(spec)) };
  return {
    device: 'cuda',
    backend: 'tensorflow',
    adapter: null,
    isa: null,
    threads: 1,
    versions,
    warning: null,
  };
}

function cpuDevice(): DeviceInfo {
  const status = nativeStatus();
  if (!status.available) return portableCpuDevice(status.reason);
  return {
    device: 'cpu',
    backend: 'native',
    adapter: null,
    isa: status.isa,
    threads: getNativeThreads(),
    versions: packageVersions(),
    warning: null,
  };
}

/**
 * The CPU without compiled kernels: stock tfjs, accepted for grids up to 32^3 voxels only.
 *
 * @param reason - why the kernels are not used; null when they are not wanted (tests)
 */
export function portableCpuDevice(reason: string | null): DeviceInfo {
  const message = `the native addon is not usable (${reason ?? ''}): tensors run in plain JavaScript, hundreds of times slower, and only on grids up to 32 x 32 x 32 voxels`;
  return {
    device: 'cpu',
    backend: 'tfjs-cpu',
    adapter: null,
    isa: null,
    threads: 1,
    versions: packageVersions(),
    warning: reason === null ? null : { code: 'ADDON_MISSING', message, cure: ADDON_CURE },
  };
}

function packageVersions(): Readonly<Record<string, string>> {
  const tfjs = installedVersion('@tensorflow/tfjs-core');
  return { node: process.versions.node, ...(tfjs === null ? {} : { tfjs }) };
}

/**
 * Makes a device the current one of this process.
 *
 * @param threads - threads that its kernels may use, 1 or more
 * @param advice - what the errors of a graphics card advise
 * @returns the device as it now runs, for the metadata
 */
export async function useDevice(
  info: DeviceInfo,
  threads: number,
  advice: DeviceAdvice = {},
): Promise<DeviceInfo> {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new ProcessingError('INVALID_ARGUMENT', `${threads} threads`, {
      cure: 'give a whole number, 1 or more',
    });
  }
  const { activate } = await import('./backends/activate.js');
  return activate(info, threads, advice);
}
