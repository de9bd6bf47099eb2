import { DependencyError } from '../../errors.js';
import type { DeviceInfo } from '../device.js';
import { limitGrid, PORTABLE_VOXEL_LIMIT } from '../dispatch.js';
import { registerGradients } from '../gradients/index.js';
import { tf } from '../tfjs.js';

/** Makes a device current; tensors made before on another one move over when they are used. */
export async function activate(info: DeviceInfo, threads: number): Promise<DeviceInfo> {
  registerGradients();
  const backend = info.backend === 'native' ? 'native' : 'cpu';
  const selected = await tf.setBackend(backend);
  if (!selected || tf.getBackend() !== backend) {
    throw new DependencyError('BACKEND_MISSING', `the tensor backend ${backend} does not start`, {
      cure: 'see `pipeline doctor`',
    });
  }
  limitGrid(info.backend === 'native' ? null : PORTABLE_VOXEL_LIMIT);
  return { ...info, threads: info.backend === 'native' ? threads : 1 };
}
