/**
 * A WebGPU device in Node: npm `webgpu` (Dawn) brings the API, `@tensorflow/tfjs-backend-webgpu` the tensors. Both are
 * optional packages of the user.
 */
import { setTimeout } from 'node:timers/promises';
import { DependencyError, PipelineError, ProcessingError } from '../../../errors.js';
import { shapeText } from '../../shapes.js';
import { tf } from '../../tfjs.js';
import { installCommand, missingPackages, unavailable } from '../gpu-packages.js';
import { loadPeer } from '../peers.js';
import { replaceStockKernels } from './stock-kernels.js';
import {
  type GpuBackend,
  limitBindings,
  lossCure,
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
interface GpuError {
  readonly message: string;
  readonly constructor: { readonly name: string };
}
interface Device {
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  readonly limits: Readonly<Record<string, number>>;
  pushErrorScope(filter: 'validation'): void;
  popErrorScope(): Promise<GpuError | null>;
  destroy(): void;
  onuncapturederror: ((event: { readonly error: GpuError }) => void) | null;
}
interface Api {
  requestAdapter(options: object): Promise<Adapter | null>;
}

/** A graphics adapter, as metadata name it. */
export interface AdapterFacts {
  readonly vendor: string;
  readonly name: string;
  /** Computes on the processor. */
  readonly software: boolean;
}

/** A device, and what it reported since it was opened: errors of a GPU come late, and beside the calls. */
interface Session {
  readonly device: Device;
  readonly lost: Promise<void>;
  /** Programs that the device has not answered for yet. */
  readonly compiling: Set<Promise<void>>;
  failure: Error | null;
}

let api: Api | null = null;
let facts: AdapterFacts | null = null;
/** Each adapter gives one device. */
let unopened: Adapter | null = null;
let session: Session | null = null;
let registered = false;

/** The loss of a device is told beside the read that failed by it: milliseconds, at most. */
const LOSS_IS_TOLD_WITHIN_MS = 200;

/**
 * Finds the adapter, once in a process.
 *
 * @throws DependencyError BACKEND_MISSING without packages, without an adapter, or with one that computes on the
 *   processor and is not asked for
 */
export async function openAdapter(): Promise<AdapterFacts> {
  if (facts !== null) return requireHardware(facts);
  unopened = await findAdapter();
  const { info } = unopened;
  const name = info.description || info.device || info.architecture || 'unnamed adapter';
  const software =
    info.isFallbackAdapter === true ||
    /llvmpipe|lavapipe|swiftshader|software/i.test(`${name} ${info.architecture}`);
  facts = { vendor: info.vendor, name, software };
  return requireHardware(facts);
}

async function findAdapter(): Promise<Adapter> {
  api ??= await openApi();
  const adapter = await api.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter !== null) return adapter;
  throw unavailable(
    'webgpu',
    'no graphics adapter was found (Dawn needs a Vulkan, Metal or Direct3D 12 driver)',
    'install the driver of the card; on Linux `vulkaninfo --summary` shows what is there',
  );
}

async function openApi(): Promise<Api> {
  const missing = missingPackages('webgpu');
  if (missing !== null) throw missing;
  const { create, globals } = (await loadPeer('webgpu').catch((error: unknown) => {
    throw unavailable(
      'webgpu',
      `the package webgpu does not load: ${messageOf(error)}`,
      `reinstall it: ${installCommand('webgpu')}`,
    );
  })) as { create(options: string[]): Api; globals: object };
  // tfjs looks for the API where browsers have it.
  Object.assign(globalThis, globals);
  const gpu = create([]);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  return gpu;
}

function requireHardware(facts: AdapterFacts): AdapterFacts {
  if (!facts.software || process.env[SOFTWARE_VARIABLE] === '1') return facts;
  throw unavailable(
    'webgpu',
    `the only adapter, ${facts.name}, computes on the processor and is slower than device cpu`,
    `choose device cpu; ${SOFTWARE_VARIABLE}=1 accepts it for tests`,
  );
}

/**
 * Registers the backend with a device of the largest limits that the adapter has, once in a process; again, with a new
 * device, after the one before was lost or refused work. Arrays of that one are gone.
 */
export async function registerWebgpuBackend(): Promise<void> {
  await openAdapter();
  if (session !== null && session.failure === null) return;
  session?.device.destroy();
  const adapter = unopened ?? (await findAdapter());
  unopened = null;
  const opened = await openDevice(adapter);
  const package_ = (await loadPeer('@tensorflow/tfjs-backend-webgpu')) as {
    WebGPUBackend: new (device: Device, info: Adapter['info']) => GpuBackend;
  };
  const { registerWebgpuOps } = await import('./register.js');
  tf.removeBackend(WEBGPU_BACKEND_NAME);
  const backend = guarded(new package_.WebGPUBackend(opened.device, adapter.info), opened);
  tf.registerBackend(WEBGPU_BACKEND_NAME, () => backend as never);
  if (!registered) {
    replaceStockKernels();
    registerWebgpuOps();
  }
  registered = true;
  limitBindings(adapter.limits['maxStorageBufferBindingSize'] ?? 0);
  session = opened;
}

const LIMITS = [
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
];

async function openDevice(adapter: Adapter): Promise<Session> {
  const device = await adapter.requestDevice({
    requiredFeatures: ['timestamp-query'].filter((feature) => adapter.features.has(feature)),
    requiredLimits: Object.fromEntries(LIMITS.map((limit) => [limit, adapter.limits[limit]])),
  });
  device.onuncapturederror = ({ error }) => {
    opened.failure ??= /OutOfMemory/.test(error.constructor.name)
      ? new ProcessingError(
          'MEMORY_LIMIT',
          `the graphics device has no memory left: ${firstLine(error.message)}`,
          { cure: memoryCure() },
        )
      : new DependencyError(
          'DEVICE_REFUSED',
          `the graphics device refuses work: ${firstLine(error.message)}`,
          {
            cure: REFUSAL_CURE,
          },
        );
  };
  const lost = device.lost.then(({ message }) => {
    opened.failure ??= new DependencyError('DEVICE_LOST', `the graphics device was lost: ${message}`, {
      cure: lossCure(),
    });
  });
  const opened: Session = { device, lost, compiling: new Set(), failure: null };
  return opened;
}

const REFUSAL_CURE =
  'set device cpu; update the driver of the card, and report this bug with the message if it stays';

/** Refuses work after a failure, and arrays that no program can reach, for our programs and those of tfjs alike. */
function guarded(backend: GpuBackend, opened: Session): GpuBackend {
  const run = backend.runWebGPUProgram.bind(backend);
  const seen = new Set<string>();
  backend.runWebGPUProgram = (program, inputs, dtype, uniforms, output) => {
    requireHealth(opened);
    const { outputShape, shaderKey } = program;
    const shapes = [...inputs.map(({ shape }) => shape), outputShape];
    for (const shape of shapes) requireBindable(shape, shaderKey);
    const own = `${shaderKey} ${shapes.map(shapeText).join(' ')}`;
    if (seen.has(own)) return run(program, inputs, dtype, uniforms, output);
    // It may be compiled now: what is wrong with a program is told by no later error.
    seen.add(own);
    opened.device.pushErrorScope('validation');
    try {
      return run(program, inputs, dtype, uniforms, output);
    } finally {
      watch(opened, `${nameOf(program, shaderKey)} for arrays ${shapes.map(shapeText).join(', ')}`);
    }
  };
  return backend;
}

/** Name of a program as messages have it: those of tfjs are known by their class. */
function nameOf(program: object, key: string): string {
  const own = /^neuroloom_(.*)_\d+$/.exec(key)?.[1];
  return own ?? `${program.constructor.name} of tfjs`;
}

/** Waits for what the device says of the work since the last error scope, which is told with the name of the program. */
function watch(opened: Session, program: string): void {
  const answer = opened.device.popErrorScope().then(
    (error) => {
      if (error === null) return;
      const message = `the graphics device does not take the program ${program}: ${firstLine(error.message)}`;
      const refused = new DependencyError('DEVICE_REFUSED', message, { cure: REFUSAL_CURE });
      // What follows from it may have been told before; it says less.
      const isLess = opened.failure === null || codeOf(opened.failure) === 'DEVICE_REFUSED';
      if (isLess) opened.failure = refused;
    },
    // A device that is lost answers for no program; its loss is told by itself.
    () => undefined,
  );
  opened.compiling.add(answer);
  void answer.finally(() => opened.compiling.delete(answer));
}

const codeOf = (error: Error) => (error instanceof PipelineError ? error.code : null);

function requireHealth({ failure }: Session): void {
  if (failure !== null) throw failure;
}

/** Throws what the device reported since it was opened, once it has answered for all programs. */
export async function requireDeviceHealth(): Promise<void> {
  const asked = session;
  if (asked === null) return;
  await Promise.race([Promise.all(asked.compiling), asked.lost]);
  requireHealth(asked);
}

/** What a read that failed means: the loss of the device where it was lost, else what the read says itself. */
export async function readFailure(error: unknown): Promise<never> {
  if (session !== null) await Promise.race([session.lost, setTimeout(LOSS_IS_TOLD_WITHIN_MS)]);
  await requireDeviceHealth();
  throw error;
}

function messageOf(error: unknown): string {
  return firstLine(error instanceof Error ? error.message : String(error));
}

const firstLine = (text: string) => text.split('\n')[0] ?? '';
