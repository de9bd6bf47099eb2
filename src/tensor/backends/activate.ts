import { DependencyError } from '../../errors.js';
import { setNativeThreads } from '../../native/index.js';
import type { DeviceInfo } from '../device.js';
import { limitGrid, PORTABLE_VOXEL_LIMIT } from '../dispatch.js';
import { registerGradients } from '../gradients/index.js';
import { tf } from '../tfjs.js';
import { NATIVE_BACKEND_NAME } from './native/kernel.js';
import { registerNativeBackend } from './native/register.js';

/** Makes a device current. Tensors that were made on another one must not be used on it. */
export async function activate(info: DeviceInfo, threads: number): Promise<DeviceInfo> {
  registerGradients();
  const isNative = info.backend === 'native';
  if (isNative) {
    registerNativeBackend();
    setNativeThreads(threads);
  }
  const backend = isNative ? NATIVE_BACKEND_NAME : 'cpu';
  const selected = await tf.setBackend(backend);
  if (!selected || tf.getBackend() !== backend) {
    throw new DependencyError('BACKEND_MISSING', `the tensor backend ${backend} does not start`, {
      cure: 'see `pipeline doctor`',
    });
  }
  limitGrid(isNative ? null : PORTABLE_VOXEL_LIMIT);
  return { ...info, threads: isNative ? threads : 1 };
}
