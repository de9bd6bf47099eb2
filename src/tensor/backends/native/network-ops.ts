/** Convolution, pooling, upsampling and joined channels by the addon. */
import {
  convBackward,
  convForward,
  maxPoolBackward,
  maxPoolForward,
  upConcatBackward,
  upConcatForward,
  upConvBackward,
  upConvForward,
} from '../../../native/index.js';
import { tf, type Tensor } from '../../tfjs.js';
import { input, number } from '../device-op.js';
import { output, type NativeOp } from './kernel.js';
import { MOST_CONCATENATED } from '../../ops/elementwise.js';
import { doubled, gridOf } from './shapes.js';

const convBlock: NativeOp = {
  kernel: 'NeuroloomConvBlock',
  inputs: ['x', 'w', 'b'],
  saveInputs: ['x', 'w'],
  saveOutput: true,
  forward(call) {
    const [x, w, b] = [input(call, 'x'), input(call, 'w'), input(call, 'b')];
    const { grid, c } = gridOf(x.shape);
    const cout = b.shape[0] ?? 0;
    const { backend } = call;
    const y = output(backend, [grid.n, grid.x, grid.y, grid.z, cout]);
    convForward({
      grid,
      cin: c,
      cout,
      x: backend.valuesOf(x),
      w: backend.valuesOf(w),
      bias: backend.valuesOf(b),
      slope: number(call.settings, 'slope'),
      y: y.values,
    });
    return y.info;
  },
  gradient({ backend, dy, saved, settings, wanted }) {
    const [x, w, y] = saved as readonly [Tensor, Tensor, Tensor];
    const { grid, c } = gridOf(x.shape);
    const cout = y.shape[4] ?? 0;
    const dx = wanted.has('x') ? backend.takeBuffer(x.size) : null;
    const dw = wanted.has('w') ? backend.takeBuffer(w.size) : null;
    const db = wanted.has('b') ? backend.takeBuffer(cout) : null;
    convBackward({
      grid,
      cin: c,
      cout,
      x: backend.valuesOf(x),
      w: backend.valuesOf(w),
      y: backend.valuesOf(y),
      slope: number(settings, 'slope'),
      dy: backend.valuesOf(dy),
      dx,
      dw,
      db,
    });
    return {
      ...(dx === null ? {} : { x: backend.tensorOf(dx, x.shape) }),
      ...(dw === null ? {} : { w: backend.tensorOf(dw, w.shape) }),
      ...(db === null ? {} : { b: backend.tensorOf(db, [cout]) }),
    };
  },
};

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

const upConvBlock: NativeOp = {
  kernel: 'NeuroloomUpConvBlock',
  inputs: ['low', 'skip', 'w', 'b'],
  saveInputs: ['low', 'skip', 'w'],
  saveOutput: true,
  forward(call) {
    const [low, skip, w, b] = [input(call, 'low'), input(call, 'skip'), input(call, 'w'), input(call, 'b')];
    const { grid, c: cSkip } = gridOf(skip.shape);
    const cout = b.shape[0] ?? 0;
    const { backend } = call;
    const y = output(backend, [grid.n, grid.x, grid.y, grid.z, cout]);
    upConvForward({
      grid,
      cLow: gridOf(low.shape).c,
      cSkip,
      cout,
      low: backend.valuesOf(low),
      skip: backend.valuesOf(skip),
      w: backend.valuesOf(w),
      bias: backend.valuesOf(b),
      slope: number(call.settings, 'slope'),
      y: y.values,
    });
    return y.info;
  },
  gradient({ backend, dy, saved, settings, wanted }) {
    const [low, skip, w, y] = saved as readonly [Tensor, Tensor, Tensor, Tensor];
    const { grid, c: cSkip } = gridOf(skip.shape);
    const cout = y.shape[4] ?? 0;
    const shapes = { low: low.shape, skip: skip.shape, w: w.shape, b: [cout] };
    const wantedNames = (Object.keys(shapes) as (keyof typeof shapes)[]).filter((name) => wanted.has(name));
    const values = Object.fromEntries(
      wantedNames.map((name) => [name, backend.takeBuffer(tf.util.sizeFromShape(shapes[name]))]),
    );
    upConvBackward({
      grid,
      cLow: gridOf(low.shape).c,
      cSkip,
      cout,
      low: backend.valuesOf(low),
      skip: backend.valuesOf(skip),
      w: backend.valuesOf(w),
      y: backend.valuesOf(y),
      slope: number(settings, 'slope'),
      dy: backend.valuesOf(dy),
      dLow: values['low'] ?? null,
      dSkip: values['skip'] ?? null,
      dw: values['w'] ?? null,
      db: values['b'] ?? null,
    });
    return Object.fromEntries(
      wantedNames.map((name) => [name, backend.tensorOf(values[name] as Float32Array, shapes[name])]),
    );
  },
};

/** Joined channels: any number of volumes, named part0, part1, ... */
const concatChannels: NativeOp = {
  kernel: 'NeuroloomConcatChannels',
  inputs: Array.from({ length: MOST_CONCATENATED }, (_, i) => `part${i}`),
  separateGradients: true,
  forward({ backend, inputs }) {
    const parts = Object.values(inputs);
    const shapes = parts.map((part) => gridOf(part.shape));
    const channels = shapes.reduce((total, { c }) => total + c, 0);
    const { grid } = shapes[0] as (typeof shapes)[number];
    const y = output(backend, [grid.n, grid.x, grid.y, grid.z, channels]);
    let first = 0;
    parts.forEach((part, i) => {
      const c = shapes[i]?.c ?? 0;
      copyChannels(backend.valuesOf(part), { from: 0, stride: c }, y.values, { from: first, stride: channels }, c);
      first += c;
    });
    return y.info;
  },
  gradient({ backend, dy, settings, wanted }) {
    const { grid, c: channels } = gridOf(dy.shape);
    const gradients: Record<string, Tensor> = {};
    let first = 0;
    (settings['channels'] as readonly number[]).forEach((c, i) => {
      if (wanted.has(`part${i}`)) {
        const part = backend.takeBuffer((dy.size / channels) * c);
        copyChannels(backend.valuesOf(dy), { from: first, stride: channels }, part, { from: 0, stride: c }, c);
        gradients[`part${i}`] = backend.tensorOf(part, [grid.n, grid.x, grid.y, grid.z, c]);
      }
      first += c;
    });
    return gradients;
  },
};

/** First channel and channels in all of an array of voxels. */
interface ChannelView {
  readonly from: number;
  readonly stride: number;
}

/** Copies `count` channels of every voxel. */
function copyChannels(
  source: Float32Array,
  read: ChannelView,
  target: Float32Array,
  write: ChannelView,
  count: number,
): void {
  const voxels = source.length / read.stride;
  for (let k = 0; k < count; k++) {
    let from = read.from + k;
    let to = write.from + k;
    for (let voxel = 0; voxel < voxels; voxel++) {
      target[to] = source[from] as number;
      from += read.stride;
      to += write.stride;
    }
  }
}

/** Ops of the network. */
export const NETWORK_OPS: readonly NativeOp[] = [convBlock, maxPool2, upConcat, upConvBlock, concatChannels];
