import { DependencyError } from '../../errors.js';
import { setNativeThreads } from '../../native/index.js';
import type { DeviceAdvice, DeviceInfo } from '../device.js';
import { limitGrid, PORTABLE_VOXEL_LIMIT } from '../dispatch.js';
import { registerGradients } from '../gradients/index.js';
import { tf } from '../tfjs.js';
import { NATIVE_BACKEND_NAME } from './native/kernel.js';
import { registerNativeBackend } from './native/register.js';

/** Names under which tfjs knows the backends. */
const BACKEND_NAMES = {
  native: NATIVE_BACKEND_NAME,
  'tfjs-cpu': 'cpu',
  webgpu: 'webgpu',
  tensorflow: 'tensorflow',
} as const;

/** Makes a device current. Tensors that were made on another one must not be used on it. */
export async function activate(
  info: DeviceInfo,
  threads: number,
  advice: DeviceAdvice = {},
): Promise<DeviceInfo> {
  registerGradients();
  const isNative = info.backend === 'native';
  if (isNative) {
    registerNativeBackend();
    setNativeThreads(threads);
  }
  if (info.backend === 'webgpu') {
    const { registerWebgpuBackend } = await import('./webgpu/open.js');
    await registerWebgpuBackend();
    const { adviseOnFailures } = await import('./webgpu/program.js');
    adviseOnFailures(advice);
  }
  const backend = BACKEND_NAMES[info.backend];
  const selected = await tf.setBackend(backend);
  if (!selected || tf.getBackend() !== backend) {
    throw new DependencyError('BACKEND_MISSING', `the tensor backend ${backend} does not start`, {
      cure: 'see `pipeline doctor`',
    });
  }
  limitGrid(info.backend === 'tfjs-cpu' ? PORTABLE_VOXEL_LIMIT : null);
  return { ...info, threads: isNative ? threads : 1 };
}
