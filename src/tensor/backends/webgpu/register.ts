import type { Tensor } from '../../tfjs.js';
import { type DeviceOp, input, number, registerOp } from '../device-op.js';
import { convolutionGradients, convolve } from './convolution.js';
import { type GpuBackend, WEBGPU_BACKEND_NAME } from './program.js';
import {
  adamMoments,
  adamStep,
  boxMeans,
  maxPool,
  maxPoolGradient,
  upConcatenate,
  upConcatLowGradient,
  upConcatSkipGradient,
} from './volumes.js';
import { pullFieldGradient, pullVolume, pullVolumeGradient } from './warp.js';

type GpuOp = DeviceOp<GpuBackend>;

const mode = (settings: Readonly<Record<string, unknown>>) =>
  settings['mode'] === 'zeros' ? 'zeros' : 'border';

const convBlock: GpuOp = {
  kernel: 'NeuroloomConvBlock',
  inputs: ['x', 'w', 'b'],
  saveInputs: ['x', 'w'],
  saveOutput: true,
  forward: (call) =>
    convolve(
      call.backend,
      input(call, 'x'),
      input(call, 'w'),
      input(call, 'b'),
      number(call.settings, 'slope'),
    ),
  gradient({ backend, dy, saved, settings, wanted }) {
    const [x, w, y] = saved as readonly [Tensor, Tensor, Tensor];
    return convolutionGradients(backend, { x, w, y, dy, slope: number(settings, 'slope'), wanted });
  },
};

const maxPool2: GpuOp = {
  kernel: 'NeuroloomMaxPool2',
  inputs: ['x'],
  saveInputs: ['x'],
  forward: (call) => maxPool(call.backend, input(call, 'x')),
  gradient: ({ backend, dy, saved }) => ({ x: maxPoolGradient(backend, saved[0] as Tensor, dy) }),
};

const upConcat: GpuOp = {
  kernel: 'NeuroloomUpConcat',
  inputs: ['low', 'skip'],
  saveInputs: ['low', 'skip'],
  forward: (call) => upConcatenate(call.backend, input(call, 'low'), call.inputs['skip'] ?? null),
  gradient({ backend, dy, saved, wanted }) {
    const [low, skip] = saved as readonly [Tensor, Tensor | undefined];
    return {
      low: upConcatLowGradient(backend, low, dy),
      ...(skip !== undefined && wanted.has('skip') ? { skip: upConcatSkipGradient(backend, skip, dy) } : {}),
    };
  },
};

const warp: GpuOp = {
  kernel: 'NeuroloomWarp',
  inputs: ['volume', 'displacement'],
  saveInputs: ['volume', 'displacement'],
  forward: (call) =>
    pullVolume(call.backend, input(call, 'volume'), input(call, 'displacement'), mode(call.settings)),
  gradient({ backend, dy, saved, settings, wanted }) {
    const [volume, displacement] = saved as readonly [Tensor, Tensor];
    return {
      ...(wanted.has('volume')
        ? { volume: pullVolumeGradient(backend, displacement, dy, mode(settings)) }
        : {}),
      ...(wanted.has('displacement')
        ? { displacement: pullFieldGradient(backend, volume, displacement, dy, mode(settings)) }
        : {}),
    };
  },
};

/** Ops that are called where nothing is differentiated. */
const plain = (kernel: string, inputs: readonly string[], forward: GpuOp['forward']): GpuOp => ({
  kernel,
  inputs,
  forward,
  gradient: () => ({}),
});

const OPS: readonly GpuOp[] = [
  convBlock,
  maxPool2,
  upConcat,
  warp,
  plain('NeuroloomBoxMeans', ['source'], (call) =>
    boxMeans(call.backend, input(call, 'source'), number(call.settings, 'window')),
  ),
  plain('NeuroloomAdamMoments', ['moments', 'gradient'], (call) =>
    adamMoments(call.backend, input(call, 'moments'), input(call, 'gradient'), {
      beta1: number(call.settings, 'beta1'),
      beta2: number(call.settings, 'beta2'),
    }),
  ),
  plain('NeuroloomAdamStep', ['parameter', 'moments'], (call) =>
    adamStep(call.backend, input(call, 'parameter'), input(call, 'moments'), {
      stepSize: number(call.settings, 'stepSize'),
      root: number(call.settings, 'root'),
      epsilon: number(call.settings, 'epsilon'),
    }),
  ),
];

let done = false;

/** Registers the programs of this room, once in a process. */
export function registerWebgpuOps(): void {
  if (done) return;
  for (const op of OPS) registerOp(WEBGPU_BACKEND_NAME, op);
  done = true;
}
