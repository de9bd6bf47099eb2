/**
 * A WebGPU device in Node: npm `webgpu` (Dawn) brings the API, `@tensorflow/tfjs-backend-webgpu` the tensors. Both are
 * optional packages of the user.
 */
import { setTimeout } from 'node:timers/promises';
import { DependencyError, ProcessingError } from '../../../errors.js';
import { tf } from '../../tfjs.js';
import { installCommand, missingPackages, unavailable } from '../gpu-packages.js';
import { loadPeer } from '../peers.js';
import {
  type GpuBackend,
  limitBindings,
  memoryCure,
  requireBindable,
  WEBGPU_BACKEND_NAME,
} from './program.js';

/** Set to 1 to accept an adapter that computes on the processor (Mesa lavapipe): for tests, far slower than `cpu`. */
export const SOFTWARE_VARIABLE = 'NEUROLOOM_SOFTWARE_GPU';

/** What is used of the API; the limits are numbers by name. */
interface Adapter {
  readonly info: {
    readonly vendor: string;
    readonly architecture: string;
    readonly device: string;
    readonly description: string;
    readonly isFallbackAdapter?: boolean;
  };
  readonly limits: Readonly<Record<string, number>>;
  readonly features: ReadonlySet<string>;
  requestDevice(descriptor: object): Promise<Device>;
}
interface Device {
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  readonly limits: Readonly<Record<string, number>>;
  destroy(): void;
  onuncapturederror:
    | ((event: {
        readonly error: { readonly message: string; readonly constructor: { readonly name: string } };
      }) => void)
    | null;
}

/** A graphics adapter, as metadata name it. */
export interface AdapterFacts {
  readonly vendor: string;
  readonly name: string;
  /** Computes on the processor. */
  readonly software: boolean;
}

let opened: { readonly adapter: Adapter; readonly facts: AdapterFacts } | null = null;
let registered = false;
let failure: Error | null = null;
let lost: Promise<void> | null = null;

/** The loss of a device is told beside the read that failed by it: milliseconds, at most. */
const LOSS_IS_TOLD_WITHIN_MS = 200;

/**
 * Finds the adapter, once in a process.
 *
 * @throws DependencyError BACKEND_MISSING without packages, without an adapter, or with one that computes on the
 *   processor and is not asked for
 */
export async function openAdapter(): Promise<AdapterFacts> {
  if (opened !== null) return requireHardware(opened.facts);
  const missing = missingPackages('webgpu');
  if (missing !== null) throw missing;
  const api = (await loadPeer('webgpu').catch((error: unknown) => {
    throw unavailable(
      'webgpu',
      `the package webgpu does not load: ${messageOf(error)}`,
      `reinstall it: ${installCommand('webgpu')}`,
    );
  })) as {
    create(options: string[]): { requestAdapter(options: object): Promise<Adapter | null> };
    globals: object;
  };
  // tfjs looks for the API where browsers have it.
  Object.assign(globalThis, api.globals);
  const gpu = api.create([]);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) {
    throw unavailable(
      'webgpu',
      'no graphics adapter was found (Dawn needs a Vulkan, Metal or Direct3D 12 driver)',
      'install the driver of the card; on Linux `vulkaninfo --summary` shows what is there',
    );
  }
  const { info } = adapter;
  const name = info.description || info.device || info.architecture || 'unnamed adapter';
  const software =
    info.isFallbackAdapter === true ||
    /llvmpipe|lavapipe|swiftshader|software/i.test(`${name} ${info.architecture}`);
  opened = { adapter, facts: { vendor: info.vendor, name, software } };
  return requireHardware(opened.facts);
}

function requireHardware(facts: AdapterFacts): AdapterFacts {
  if (!facts.software || process.env[SOFTWARE_VARIABLE] === '1') return facts;
  throw unavailable(
    'webgpu',
    `the only adapter, ${facts.name}, computes on the processor and is slower than device cpu`,
    `choose device cpu; ${SOFTWARE_VARIABLE}=1 accepts it for tests`,
  );
}

/** Registers the backend, once in a process, with a device of the largest limits that the adapter has. */
export async function registerWebgpuBackend(): Promise<void> {
  await openAdapter();
  if (registered) return;
  const { adapter } = opened!;
  const limits = [
    'maxComputeWorkgroupStorageSize',
    'maxComputeWorkgroupsPerDimension',
    'maxStorageBufferBindingSize',
    'maxBufferSize',
    'maxComputeWorkgroupSizeX',
    'maxComputeInvocationsPerWorkgroup',
  ];
  const device = await adapter.requestDevice({
    requiredFeatures: ['timestamp-query'].filter((feature) => adapter.features.has(feature)),
    requiredLimits: Object.fromEntries(limits.map((limit) => [limit, adapter.limits[limit]])),
  });
  device.onuncapturederror = ({ error }) => {
    failure ??= /OutOfMemory/.test(error.constructor.name)
      ? new ProcessingError(
          'MEMORY_LIMIT',
          `the graphics device has no memory left: ${firstLine(error.message)}`,
          { cure: memoryCure() },
        )
      : new DependencyError('DEVICE_LOST', `the graphics device refuses work: ${firstLine(error.message)}`, {
          cure: 'update its driver or choose device cpu, and report this bug',
        });
  };
  lost = device.lost.then(({ message }) => {
    failure ??= new DependencyError('DEVICE_LOST', `the graphics device was lost: ${message}`, {
      cure: 'run again: training continues from its checkpoint; choose device cpu when it happens often',
    });
  });
  const package_ = (await loadPeer('@tensorflow/tfjs-backend-webgpu')) as {
    WebGPUBackend: new (device: Device, info: Adapter['info']) => GpuBackend;
  };
  const { registerWebgpuOps } = await import('./register.js');
  tf.removeBackend(WEBGPU_BACKEND_NAME);
  const backend = guarded(new package_.WebGPUBackend(device, adapter.info));
  tf.registerBackend(WEBGPU_BACKEND_NAME, () => backend as never);
  registerWebgpuOps();
  limitBindings(adapter.limits['maxStorageBufferBindingSize'] ?? 0);
  registered = true;
}

/** Refuses work after a failure, and arrays that no program can reach, for our programs and those of tfjs alike. */
function guarded(backend: GpuBackend): GpuBackend {
  const run = backend.runWebGPUProgram.bind(backend);
  backend.runWebGPUProgram = (program, inputs, dtype, uniforms, output) => {
    requireDeviceHealth();
    const { outputShape, shaderKey } = program;
    for (const shape of [outputShape, ...inputs.map((input) => input.shape)])
      requireBindable(shape, shaderKey);
    return run(program, inputs, dtype, uniforms, output);
  };
  return backend;
}

/** Throws what the device reported since it was opened: errors of a GPU come late, and beside the calls. */
export function requireDeviceHealth(): void {
  if (failure !== null) throw failure;
}

/** What a read that failed means: the loss of the device where it was lost, else what the read says itself. */
export async function readFailure(error: unknown): Promise<never> {
  if (lost !== null) await Promise.race([lost, setTimeout(LOSS_IS_TOLD_WITHIN_MS)]);
  requireDeviceHealth();
  throw error;
}

function messageOf(error: unknown): string {
  return firstLine(error instanceof Error ? error.message : String(error));
}

const firstLine = (text: string) => text.split('\n')[0] ?? '';
