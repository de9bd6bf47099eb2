/**
 * Which device computes. Nothing heavy is imported here: requirement checks ask it before any training starts.
 */
import { createRequire } from 'node:module';
import { DependencyError, ProcessingError } from '../errors.js';
import { getNativeThreads, nativeStatus } from '../native/index.js';

/** What a run computes on, for its metadata. */
export interface DeviceInfo {
  readonly device: 'cpu';
  /** `native`: the compiled kernels. `tfjs-cpu`: plain JavaScript, for tests and tiny grids. */
  readonly backend: 'native' | 'tfjs-cpu';
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

/** Version of an installed package; null when it is not there. */
function installedVersion(name: string): string | null {
  const require = createRequire(import.meta.url);
  try {
    return (require(`${name}/package.json`) as { version: string }).version;
  } catch (error) {
    // Absent, or present without an entry for its package.json: both mean that it cannot be used from here.
    if (
      ['MODULE_NOT_FOUND', 'ERR_PACKAGE_PATH_NOT_EXPORTED'].includes(
        (error as NodeJS.ErrnoException).code ?? '',
      )
    ) {
      return null;
    }
    throw error;
  }
}

/** Why a GPU device cannot be used. */
function gpuReason(device: 'webgpu' | 'cuda'): string {
  const name = device === 'cuda' ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-backend-webgpu';
  const version = installedVersion(name);
  if (version === null)
    return `its package ${name} is not installed, and this version of neuroloom has no ${device} backend yet`;
  return `this version of neuroloom has no ${device} backend yet, although ${name} ${version} is installed`;
}

/** Devices that can be chosen here, best first. */
export function availableDevices(): Promise<string[]> {
  return Promise.resolve(['cpu']);
}

/**
 * Resolves a device setting.
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
  if (device === 'webgpu' || device === 'cuda') {
    const available = (await availableDevices()).join(', ');
    throw new DependencyError(
      'BACKEND_MISSING',
      `device '${spec}' is not available here: ${gpuReason(device)} (available: ${available})`,
      { cure: 'choose device cpu or auto' },
    );
  }
  const info = cpuDevice();
  if (device === 'auto') {
    const { probeDevice } = await import('./backends/probe.js');
    await probeDevice(info);
  }
  return info;
}

function cpuDevice(): DeviceInfo {
  const status = nativeStatus();
  if (!status.available) return portableCpuDevice(status.reason);
  return {
    device: 'cpu',
    backend: 'native',
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
 * @returns the device as it now runs, for the metadata
 */
export async function useDevice(info: DeviceInfo, threads: number): Promise<DeviceInfo> {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new ProcessingError('INVALID_ARGUMENT', `${threads} threads`, {
      cure: 'give a whole number, 1 or more',
    });
  }
  const { activate } = await import('./backends/activate.js');
  return activate(info, threads);
}
