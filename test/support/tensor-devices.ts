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

/** Stock tfjs and every native instruction set. */
export const TENSOR_DEVICES: readonly TensorDevice[] = [STOCK_DEVICE, ...NATIVE_DEVICES];
