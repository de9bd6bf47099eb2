import { tf } from '../../tfjs.js';
import { NativeBackend } from './backend.js';
import { NATIVE_BACKEND_NAME, registerNativeOp } from './kernel.js';
import { LOSS_OPS } from './loss-ops.js';
import { NETWORK_OPS } from './network-ops.js';
import { REGISTRATION_OPS } from './registration-ops.js';
import { replaceStockKernels } from './stock-kernels.js';

/** Registers the native backend with all its kernels, once in a process. */
export function registerNativeBackend(): void {
  if (tf.findBackendFactory(NATIVE_BACKEND_NAME) !== null) return;
  tf.registerBackend(NATIVE_BACKEND_NAME, () => new NativeBackend());
  for (const kernel of tf.getKernelsForBackend('cpu')) {
    tf.registerKernel({ ...kernel, backendName: NATIVE_BACKEND_NAME });
  }
  replaceStockKernels();
  for (const op of [...NETWORK_OPS, ...REGISTRATION_OPS, ...LOSS_OPS]) registerNativeOp(op);
}
