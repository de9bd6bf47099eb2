/** What tensors can be computed on, for requirement checks and `pipeline doctor`. Importing this loads no backend. */
export { availableDevices, gpuProblem, resolveDevice, type DeviceInfo } from '../tensor/device.js';
export { claimsGpu } from '../tensor/backends/gpu-packages.js';
export { getNativeThreads, nativeStatus, type NativeStatus } from '../native/index.js';
