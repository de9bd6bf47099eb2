import { tf, type tfjs } from '../../tfjs.js';
import { type DeviceOp, registerOp } from '../device-op.js';
import type { NativeBackend } from './backend.js';

/** Name under which tfjs knows the backend. */
export const NATIVE_BACKEND_NAME = 'neuroloom-native';

/** An op of the addon: its kernel and its gradient. */
export type NativeOp = DeviceOp<NativeBackend>;

/** A result of a kernel: its tensor, and the array that the addon fills. */
export function output(backend: NativeBackend, shape: readonly number[]): { info: tfjs.TensorInfo; values: Float32Array } {
  const values = backend.takeBuffer(tf.util.sizeFromShape([...shape]));
  return { info: backend.makeTensorInfo([...shape], 'float32', values), values };
}

/** A 0-d result of a kernel. */
export function scalarOutput(backend: NativeBackend, value: number): tfjs.TensorInfo {
  return backend.makeTensorInfo([], 'float32', Float32Array.of(value));
}

/** Registers a kernel and its gradient under the native backend. */
export function registerNativeOp(op: NativeOp): void {
  registerOp(NATIVE_BACKEND_NAME, op);
}

/** Replaces a kernel of the native backend; the new one may call the one that it replaces. */
export function replaceKernel(kernelName: string, replacement: (general: tfjs.KernelFunc) => tfjs.KernelFunc): void {
  const general = tf.getKernel(kernelName, NATIVE_BACKEND_NAME).kernelFunc;
  tf.unregisterKernel(kernelName, NATIVE_BACKEND_NAME);
  tf.registerKernel({ kernelName, backendName: NATIVE_BACKEND_NAME, kernelFunc: replacement(general) });
}
