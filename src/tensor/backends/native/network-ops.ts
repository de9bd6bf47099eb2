/** Convolution, pooling and upsampling by the addon. */
import {
  maxPoolBackward,
  maxPoolForward,
  upConcatBackward,
  upConcatForward,
} from '../../../native/index.js';
import type { Tensor } from '../../tfjs.js';
import { input, output, type NativeOp } from './kernel.js';
import { doubled, gridOf } from './shapes.js';

const maxPool2: NativeOp = {
  kernel: 'NeuroloomMaxPool2',
  inputs: ['x'],
  forward(call) {
    const { backend, workspace } = call;
    const x = input(call, 'x');
    const { grid, c } = gridOf(x.shape);
    const y = output(backend, [grid.n, grid.x / 2, grid.y / 2, grid.z / 2, c]);
    const argmax = backend.takeBytes(y.values.length);
    maxPoolForward({ grid, c, x: backend.valuesOf(x), y: y.values, argmax });
    if (workspace === null) backend.giveBack(argmax);
    else workspace.leave([argmax], () => backend.giveBack(argmax));
    return y.info;
  },
  gradient({ backend, dy, workspace }) {
    const half = gridOf(dy.shape);
    const grid = doubled(half.grid);
    const dx = backend.takeBuffer(8 * dy.size);
    const [argmax] = (workspace?.arrays ?? []) as readonly Uint8Array[];
    maxPoolBackward({ grid, c: half.c, dy: backend.valuesOf(dy), argmax: argmax as Uint8Array, dx });
    return { x: backend.tensorOf(dx, [grid.n, grid.x, grid.y, grid.z, half.c]) };
  },
};

const upConcat: NativeOp = {
  kernel: 'NeuroloomUpConcat',
  inputs: ['low', 'skip'],
  saveInputs: ['low'],
  forward(call) {
    const { backend, inputs } = call;
    const low = input(call, 'low');
    const skip = inputs['skip'];
    const { grid, c: cLow } = gridOf(low.shape);
    const cSkip = skip?.shape[4] ?? 0;
    const fine = doubled(grid);
    const y = output(backend, [fine.n, fine.x, fine.y, fine.z, cLow + cSkip]);
    const skipValues = skip === undefined ? null : backend.valuesOf(skip);
    upConcatForward({ grid: fine, cLow, cSkip, low: backend.valuesOf(low), skip: skipValues, y: y.values });
    return y.info;
  },
  gradient({ backend, dy, saved, wanted }) {
    const [low] = saved as readonly [Tensor];
    const cLow = low.shape[4] ?? 0;
    const { grid, c } = gridOf(dy.shape);
    const cSkip = c - cLow;
    const voxels = dy.size / c;
    const dLow = wanted.has('low') ? backend.takeBuffer(low.size) : null;
    const dSkip = wanted.has('skip') && cSkip > 0 ? backend.takeBuffer(voxels * cSkip) : null;
    upConcatBackward({ grid, cLow, cSkip, dy: backend.valuesOf(dy), dLow, dSkip });
    return {
      ...(dLow === null ? {} : { low: backend.tensorOf(dLow, low.shape) }),
      ...(dSkip === null
        ? {}
        : { skip: backend.tensorOf(dSkip, [grid.n, grid.x, grid.y, grid.z, cSkip]) }),
    };
  },
};

/** Ops of the network. */
export const NETWORK_OPS: readonly NativeOp[] = [maxPool2, upConcat];
