/** Loss terms by the addon: each gives one number, and its gradient takes the upstream gradient as a factor. */
import {
  densityL1Backward,
  densityL1Forward,
  jacobianHingeBackward,
  jacobianHingeForward,
  nccBackward,
  nccForward,
  nccSavedLength,
  smoothnessBackward,
  smoothnessForward,
  softDiceBackward,
  softDiceForward,
} from '../../../native/index.js';
import { tf, type Tensor } from '../../tfjs.js';
import type { NativeBackend } from './backend.js';
import { input, number } from '../device-op.js';
import { scalarOutput, type NativeOp } from './kernel.js';
import { gridOf } from './shapes.js';

/** The upstream gradient of a loss. */
const factor = (backend: NativeBackend, dy: Tensor) => backend.valuesOf(dy)[0] as number;

/** Items and voxels of an item. */
function rows(shape: readonly number[]): { readonly n: number; readonly size: number } {
  const { grid, c } = gridOf(shape);
  return { n: grid.n, size: grid.x * grid.y * grid.z * c };
}

/** Gradients of inputs that are constants by definition. */
function noGradients(wanted: ReadonlySet<string>, constants: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const entries = Object.entries(constants).filter(([name]) => wanted.has(name));
  return Object.fromEntries(entries.map(([name, like]) => [name, tf.zerosLike(like)]));
}

const localNcc: NativeOp = {
  kernel: 'NeuroloomLocalNcc',
  inputs: ['j', 'i'],
  saveInputs: ['i', 'j'],
  forward(call) {
    const { backend, settings, workspace } = call;
    const [i, j] = [input(call, 'i'), input(call, 'j')];
    const { grid } = gridOf(i.shape);
    const gradients = workspace === null ? 'none' : 'j';
    const memory = backend.takeBuffer(nccSavedLength(grid, gradients));
    const { loss, saved } = nccForward({
      grid,
      window: number(settings, 'window'),
      eps: number(settings, 'eps'),
      activeOnly: settings['activeOnly'] === true,
      i: backend.valuesOf(i),
      j: backend.valuesOf(j),
      gradients,
      workspace: memory,
    });
    if (workspace === null) backend.giveBack(memory);
    else workspace.leave([memory, Float64Array.of(saved.active)], () => backend.giveBack(memory));
    return scalarOutput(backend, loss);
  },
  gradient({ backend, dy, saved, settings, workspace, wanted }) {
    const [i, j] = saved as readonly [Tensor, Tensor];
    const [values, counts] = (workspace?.arrays ?? []) as readonly [Float32Array, Float64Array];
    const dj = backend.takeBuffer(j.size);
    nccBackward({
      grid: gridOf(i.shape).grid,
      window: number(settings, 'window'),
      eps: number(settings, 'eps'),
      activeOnly: settings['activeOnly'] === true,
      i: backend.valuesOf(i),
      j: backend.valuesOf(j),
      saved: { gradients: 'j', values, active: counts[0] as number },
      scale: factor(backend, dy),
      di: null,
      dj,
    });
    return { j: backend.tensorOf(dj, j.shape), ...noGradients(wanted, { i }) };
  },
};

const softDice: NativeOp = {
  kernel: 'NeuroloomSoftDice',
  inputs: ['a', 'b', 's'],
  saveInputs: ['a', 'b', 's'],
  forward(call) {
    const { backend, settings } = call;
    const [a, b, s] = [input(call, 'a'), input(call, 'b'), input(call, 's')];
    const images = { a: backend.valuesOf(a), b: backend.valuesOf(b), s: backend.valuesOf(s) };
    return scalarOutput(backend, softDiceForward({ ...rows(a.shape), ...images, ...diceSettings(settings) }));
  },
  gradient({ backend, dy, saved, settings, wanted }) {
    const [a, b, s] = saved as readonly [Tensor, Tensor, Tensor];
    const images = { a: backend.valuesOf(a), b: backend.valuesOf(b), s: backend.valuesOf(s) };
    const da = backend.takeBuffer(a.size);
    const scale = factor(backend, dy);
    softDiceBackward({ ...rows(a.shape), ...images, ...diceSettings(settings), scale, da });
    return { a: backend.tensorOf(da, a.shape), ...noGradients(wanted, { b, s }) };
  },
};

function diceSettings(settings: NativeSettings) {
  return {
    threshold: number(settings, 'threshold'),
    offWeight: number(settings, 'offWeight'),
    eps: number(settings, 'eps'),
  };
}
type NativeSettings = Parameters<typeof number>[0];

const densityL1: NativeOp = {
  kernel: 'NeuroloomDensityL1',
  inputs: ['w', 's'],
  saveInputs: ['w', 's'],
  forward(call) {
    const { backend } = call;
    const [w, s] = [input(call, 'w'), input(call, 's')];
    const images = { w: backend.valuesOf(w), s: backend.valuesOf(s) };
    return scalarOutput(backend, densityL1Forward({ ...rows(w.shape), ...images, eps: number(call.settings, 'eps') }));
  },
  gradient({ backend, dy, saved, settings, wanted }) {
    const [w, s] = saved as readonly [Tensor, Tensor];
    const images = { w: backend.valuesOf(w), s: backend.valuesOf(s) };
    const dw = backend.takeBuffer(w.size);
    const scale = factor(backend, dy);
    densityL1Backward({ ...rows(w.shape), ...images, eps: number(settings, 'eps'), scale, dw });
    return { w: backend.tensorOf(dw, w.shape), ...noGradients(wanted, { s }) };
  },
};

const smoothness: NativeOp = {
  kernel: 'NeuroloomSmoothness',
  inputs: ['v'],
  saveInputs: ['v'],
  forward(call) {
    const v = input(call, 'v');
    return scalarOutput(call.backend, smoothnessForward({ ...gridOf(v.shape), v: call.backend.valuesOf(v) }));
  },
  gradient({ backend, dy, saved }) {
    const [v] = saved as readonly [Tensor];
    const dv = backend.takeBuffer(v.size);
    smoothnessBackward({ ...gridOf(v.shape), v: backend.valuesOf(v), scale: factor(backend, dy), dv });
    return { v: backend.tensorOf(dv, v.shape) };
  },
};

const jacobianHinge: NativeOp = {
  kernel: 'NeuroloomJacobianHinge',
  inputs: ['u'],
  saveInputs: ['u'],
  forward(call) {
    const { backend, settings } = call;
    const u = input(call, 'u');
    const { grid } = gridOf(u.shape);
    const margin = number(settings, 'margin');
    return scalarOutput(backend, jacobianHingeForward({ grid, u: backend.valuesOf(u), margin }));
  },
  gradient({ backend, dy, saved, settings }) {
    const [u] = saved as readonly [Tensor];
    const { grid } = gridOf(u.shape);
    const du = backend.takeBuffer(u.size);
    const margin = number(settings, 'margin');
    jacobianHingeBackward({ grid, u: backend.valuesOf(u), margin, scale: factor(backend, dy), du });
    return { u: backend.tensorOf(du, u.shape) };
  },
};

/** Loss terms. */
export const LOSS_OPS: readonly NativeOp[] = [localNcc, softDice, densityL1, smoothness, jacobianHinge];
