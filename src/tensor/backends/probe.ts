import { DependencyError } from '../../errors.js';
import type { DeviceInfo } from '../device.js';
import { convBlock } from '../ops/conv-block.js';
import { sum } from '../ops/elementwise.js';
import { parameter, read, tensor } from '../tensors.js';
import { valueAndGradients } from '../value-and-gradients.js';
import { activate } from './activate.js';

/**
 * Runs a convolution of ones and its gradient on a device: that a package imports says nothing about what works.
 *
 * @throws DependencyError BACKEND_MISSING when the numbers are wrong
 */
export async function probeDevice(info: DeviceInfo): Promise<void> {
  await activate(info, 1);
  const x = tensor(new Float32Array(64).fill(1), [1, 4, 4, 4, 1]);
  const w = parameter(new Float32Array(27).fill(1), [3, 3, 3, 1, 1]);
  const b = tensor(new Float32Array(1), [1]);
  const { value, gradients } = await valueAndGradients(() => sum(convBlock(x, w, b, 1)), [w]);
  const [slopes] = await Promise.all(gradients.map((gradient) => read(gradient)));
  for (const held of [x, w, b, ...gradients]) held.dispose();
  // Along an axis of 4, the filter taps cover 3, 4 and 3 voxels: 10 in all, 4 for the middle tap.
  if (value === 10 ** 3 && slopes?.[13] === 64 && slopes[0] === 27) return;
  throw new DependencyError('BACKEND_MISSING', `a test convolution on ${info.backend} gives wrong numbers`, {
    where: `sum ${value} instead of 1000`,
    cure:
      info.device === 'cpu'
        ? 'rebuild the native addon with `npm rebuild neuroloom`, or report the machine'
        : 'update the driver of the card, or choose device cpu',
  });
}
