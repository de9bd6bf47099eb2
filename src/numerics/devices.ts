/** What tensors can be computed on, for requirement checks and `pipeline doctor`. Importing this loads no backend. */
export { availableDevices, resolveDevice, type DeviceInfo } from '../tensor/device.js';
export { getNativeThreads, nativeStatus, type NativeStatus } from '../native/index.js';
