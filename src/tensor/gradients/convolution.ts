import { tf, type Tensor, type tfjs } from '../tfjs.js';
import { registerRule } from './register.js';

/** Registers the gradients of the stock 3-D convolution. */
export function registerConvolutionGradient(): void {
  registerRule({
    kernel: 'Conv3D',
    saveInputs: ['x', 'filter'],
    gradient: (dy, saved, { strides, pad }) => {
      const [x, filter] = saved as readonly [Tensor, Tensor];
      const settings = { strides, pad, inputShape: x.shape, filterShape: filter.shape } as tfjs.NamedAttrMap;
      return {
        x: () => tf.engine().runKernel('Conv3DBackpropInputV2', { dy, filter }, settings),
        filter: () => tf.engine().runKernel('Conv3DBackpropFilterV2', { x, dy }, settings),
      };
    },
  });
}
