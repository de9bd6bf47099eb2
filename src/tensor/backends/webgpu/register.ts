import { tf, type Tensor, type tfjs } from '../../tfjs.js';
import { type DeviceOp, input, number, registerOp } from '../device-op.js';
import { convolutionGradients, convolve } from './convolution.js';
import { correlationGradient, correlationLoss } from './correlation.js';
import { inverseLogDensity, inverseLogDensityGradient, logDensity, logDensityGradient } from './density.js';
import { integrate, integrateGradient, upsample, upsampleGradient } from './fields.js';
import {
  densityGradient,
  densityLoss,
  diceGradient,
  diceLoss,
  jacobianHinge,
  jacobianHingeGradient,
  smoothness,
  smoothnessGradient,
} from './losses.js';
import { type GpuBackend, WEBGPU_BACKEND_NAME } from './program.js';
import {
  adamMoments,
  adamStep,
  maxPool,
  maxPoolGradient,
  upConcatenate,
  upConcatLowGradient,
  upConcatSkipGradient,
} from './volumes.js';
import { correlateBest, multiplyFields, predictFields, sumFields } from './receptive-fields.js';
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
  // Not the skip connection, which may be missing: its channels are the rest.
  saveInputs: ['low'],
  forward: (call) => upConcatenate(call.backend, input(call, 'low'), call.inputs['skip'] ?? null),
  gradient({ backend, dy, saved, wanted }) {
    const [low] = saved as readonly [Tensor];
    const more = (dy.shape[4] ?? 0) - (low.shape[4] ?? 0);
    return {
      low: upConcatLowGradient(backend, low, dy),
      ...(more > 0 && wanted.has('skip') ? { skip: upConcatSkipGradient(backend, dy, more) } : {}),
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

const integrateVelocity: GpuOp = {
  kernel: 'NeuroloomIntegrateVelocity',
  inputs: ['velocity'],
  saveInputs: ['velocity'],
  forward: ({ workspace, ...call }) =>
    integrate(call.backend, input(call, 'velocity'), number(call.settings, 'steps'), workspace),
  gradient({ backend, dy, saved, settings, workspace }) {
    const [velocity] = saved as readonly [Tensor];
    const stages = (workspace?.arrays ?? []) as readonly tfjs.TensorInfo[];
    return { velocity: integrateGradient(backend, velocity, stages, dy, number(settings, 'steps')) };
  },
};

const upsampleField: GpuOp = {
  kernel: 'NeuroloomUpsampleField',
  inputs: ['u'],
  saveInputs: ['u'],
  forward: (call) => upsample(call.backend, input(call, 'u')),
  gradient: ({ backend, dy, saved }) => ({ u: upsampleGradient(backend, saved[0] as Tensor, dy) }),
};

type DensityMap = (backend: GpuBackend, x: tfjs.TensorInfo, offset: number) => tfjs.TensorInfo;
type DensityMapGradient = (backend: GpuBackend, x: Tensor, dy: Tensor, offset: number) => Tensor;

/** An op from one array to one of the same shape, with the density offset as its setting. */
const densityMap = (kernel: string, name: string, map: DensityMap, gradient: DensityMapGradient): GpuOp => ({
  kernel,
  inputs: [name],
  saveInputs: [name],
  forward: (call) => map(call.backend, input(call, name), number(call.settings, 'offset')),
  gradient: ({ backend, dy, saved, settings }) => ({
    [name]: gradient(backend, saved[0] as Tensor, dy, number(settings, 'offset')),
  }),
});

/** Gradients of inputs that are constants by definition. */
const noGradients = (wanted: ReadonlySet<string>, constants: Readonly<Record<string, Tensor>>) =>
  Object.fromEntries(
    Object.entries(constants).flatMap(([name, like]) =>
      wanted.has(name) ? [[name, tf.zerosLike(like)]] : [],
    ),
  ) as Readonly<Record<string, Tensor>>;

const correlationSettings = (settings: Parameters<typeof number>[0]) => ({
  window: number(settings, 'window'),
  eps: number(settings, 'eps'),
  activeOnly: settings['activeOnly'] === true,
});

const localNcc: GpuOp = {
  kernel: 'NeuroloomLocalNcc',
  inputs: ['j', 'i'],
  saveInputs: ['i', 'j'],
  forward: ({ workspace, ...call }) =>
    correlationLoss(
      call.backend,
      input(call, 'i'),
      input(call, 'j'),
      correlationSettings(call.settings),
      workspace,
    ),
  gradient({ backend, dy, saved, settings, workspace, wanted }) {
    const [i, j] = saved as readonly [Tensor, Tensor];
    const left = (workspace?.arrays ?? []) as unknown as readonly [tfjs.TensorInfo, tfjs.TensorInfo];
    return {
      j: correlationGradient(backend, { i, j, dy }, left, number(settings, 'window')),
      ...noGradients(wanted, { i }),
    };
  },
};

const diceSettings = (settings: Parameters<typeof number>[0]) => ({
  threshold: number(settings, 'threshold'),
  offWeight: number(settings, 'offWeight'),
  eps: number(settings, 'eps'),
});

const softDice: GpuOp = {
  kernel: 'NeuroloomSoftDice',
  inputs: ['a', 'b', 's'],
  saveInputs: ['a', 'b', 's'],
  forward: (call) =>
    diceLoss(
      call.backend,
      { a: input(call, 'a'), b: input(call, 'b'), s: input(call, 's') },
      diceSettings(call.settings),
    ),
  gradient({ backend, dy, saved, settings, wanted }) {
    const [a, b, s] = saved as readonly [Tensor, Tensor, Tensor];
    return {
      a: diceGradient(backend, { a, b, s, dy }, diceSettings(settings)),
      ...noGradients(wanted, { b, s }),
    };
  },
};

const densityL1: GpuOp = {
  kernel: 'NeuroloomDensityL1',
  inputs: ['w', 's'],
  saveInputs: ['w', 's'],
  forward: (call) =>
    densityLoss(call.backend, input(call, 'w'), input(call, 's'), number(call.settings, 'eps')),
  gradient({ backend, dy, saved, settings, wanted }) {
    const [w, s] = saved as readonly [Tensor, Tensor];
    return {
      w: densityGradient(backend, { w, s, dy }, number(settings, 'eps')),
      ...noGradients(wanted, { s }),
    };
  },
};

const smoothnessOp: GpuOp = {
  kernel: 'NeuroloomSmoothness',
  inputs: ['v'],
  saveInputs: ['v'],
  forward: (call) => smoothness(call.backend, input(call, 'v')),
  gradient: ({ backend, dy, saved }) => ({ v: smoothnessGradient(backend, saved[0] as Tensor, dy) }),
};

const jacobianHingeOp: GpuOp = {
  kernel: 'NeuroloomJacobianHinge',
  inputs: ['u'],
  saveInputs: ['u'],
  forward: (call) => jacobianHinge(call.backend, input(call, 'u'), number(call.settings, 'margin')),
  gradient: ({ backend, dy, saved, settings }) => ({
    u: jacobianHingeGradient(backend, saved[0] as Tensor, dy, number(settings, 'margin')),
  }),
};

/** Ops that are called where nothing is differentiated. */
const plain = (kernel: string, inputs: readonly string[], forward: GpuOp['forward']): GpuOp => ({
  kernel,
  inputs,
  forward,
  gradient: () => ({}),
});

const FIELD_INPUTS = ['fields', 'pixels', 'stimulus'];

const fieldInputs = (call: Parameters<typeof input>[0]) => ({
  fields: input(call, 'fields'),
  pixels: input(call, 'pixels'),
  stimulus: input(call, 'stimulus'),
});

const OPS: readonly GpuOp[] = [
  convBlock,
  maxPool2,
  upConcat,
  warp,
  integrateVelocity,
  upsampleField,
  densityMap('NeuroloomLogDensity', 'x', logDensity, logDensityGradient),
  densityMap('NeuroloomInverseLogDensity', 't', inverseLogDensity, inverseLogDensityGradient),
  localNcc,
  softDice,
  densityL1,
  smoothnessOp,
  jacobianHingeOp,
  plain('NeuroloomFieldPredictions', FIELD_INPUTS, (call) => predictFields(call.backend, fieldInputs(call))),
  plain('NeuroloomFieldProducts', FIELD_INPUTS, (call) => multiplyFields(call.backend, fieldInputs(call))),
  plain('NeuroloomFieldSums', ['products', 'data', 'line'], (call) =>
    sumFields(call.backend, input(call, 'products'), input(call, 'data'), input(call, 'line')),
  ),
  plain('NeuroloomBestCorrelations', ['predictions', 'data'], (call) =>
    correlateBest(
      call.backend,
      input(call, 'predictions'),
      input(call, 'data'),
      call.settings['signed'] === true,
    ),
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
