import { portableCpuDevice, resolveDevice, useDevice, type DeviceInfo } from '../../src/tensor/index.js';
import { nativeStatus, selectIsa, type Isa } from '../../src/native/index.js';

/** A way to run tensors that a test repeats itself on. */
export interface TensorDevice {
  readonly name: string;
  select(): Promise<DeviceInfo>;
}

const status = nativeStatus();

/** Every instruction set of the addon that this processor has; empty without the addon. */
export const NATIVE_DEVICES: readonly TensorDevice[] = (status.available ? status.isas : []).map(
  (isa: Isa) => ({
    name: `native, ${isa}`,
    async select() {
      selectIsa(isa);
      return useDevice(await resolveDevice('cpu'), 2);
    },
  }),
);

export const STOCK_DEVICE: TensorDevice = {
  name: 'stock tfjs',
  select: () => useDevice(portableCpuDevice(null), 1),
};

const WEBGPU_DEVICE: TensorDevice = {
  name: 'webgpu',
  async select() {
    return useDevice(await resolveDevice('webgpu'), 1);
  },
};

/** Tests that choose their devices from here run once more on a graphics card, or on software that acts as one. */
const onGpu = process.env['NEUROLOOM_TEST_DEVICE'] === 'webgpu';

/**
 * Software that acts as a card takes a second to compile a program: outside of the long proofs, one size or setting of each
 * kind is run there.
 */
export const IS_BRIEF = onGpu && process.env['NEUROLOOM_TEST_LONG'] === undefined;

/** Flows of golden trainings: on software that acts as a card the full one takes minutes. */
export const TRAINED_FLOWS: readonly ('half' | 'full')[] = IS_BRIEF ? ['half'] : ['half', 'full'];

/** Stock tfjs and every native instruction set; in the project `gpu` webgpu alone. */
export const TENSOR_DEVICES: readonly TensorDevice[] = onGpu
  ? [WEBGPU_DEVICE]
  : [STOCK_DEVICE, ...NATIVE_DEVICES];

/** Devices that train on grids of any size. */
export const TRAINING_DEVICES: readonly TensorDevice[] = onGpu ? [WEBGPU_DEVICE] : NATIVE_DEVICES;

/** Devices whose kernels are compared with those of another one, and that other one. */
export const OWN_KERNEL_DEVICES: readonly TensorDevice[] = TRAINING_DEVICES;
export const REFERENCE_DEVICE: TensorDevice = onGpu ? (NATIVE_DEVICES.at(-1) ?? STOCK_DEVICE) : STOCK_DEVICE;

/** Whether portable compositions and whole networks run on the device too: on software that acts as a card a minute. */
export const COMPOSES = !IS_BRIEF;
