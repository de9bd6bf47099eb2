/** Warp, integration, upsampling of fields and log density by the addon. */
import {
  integrateBackward,
  integrateForward,
  inverseLogDensity,
  inverseLogDensityBackward,
  logDensity,
  logDensityBackward,
  upsampleFieldBackward,
  upsampleFieldForward,
  warpBackward,
  warpForward,
} from '../../../native/index.js';
import type { Tensor } from '../../tfjs.js';
import { input, number } from '../device-op.js';
import { output, type NativeOp } from './kernel.js';
import { doubled, gridOf } from './shapes.js';

const mode = (settings: Readonly<Record<string, unknown>>) => (settings['mode'] === 'zeros' ? 'zeros' : 'border');

const warp: NativeOp = {
  kernel: 'NeuroloomWarp',
  inputs: ['volume', 'displacement'],
  saveInputs: ['volume', 'displacement'],
  forward(call) {
    const { backend, settings } = call;
    const [volume, displacement] = [input(call, 'volume'), input(call, 'displacement')];
    const { grid, c } = gridOf(volume.shape);
    const result = output(backend, volume.shape);
    warpForward({
      grid,
      c,
      volume: backend.valuesOf(volume),
      displacement: backend.valuesOf(displacement),
      mode: mode(settings),
      out: result.values,
    });
    return result.info;
  },
  gradient({ backend, dy, saved, settings, wanted }) {
    const [volume, displacement] = saved as readonly [Tensor, Tensor];
    const { grid, c } = gridOf(volume.shape);
    const dVolume = wanted.has('volume') ? backend.takeBuffer(volume.size) : null;
    const dDisplacement = wanted.has('displacement') ? backend.takeBuffer(displacement.size) : null;
    warpBackward({
      grid,
      c,
      volume: backend.valuesOf(volume),
      displacement: backend.valuesOf(displacement),
      mode: mode(settings),
      dout: backend.valuesOf(dy),
      dVolume,
      dDisplacement,
    });
    return {
      ...(dVolume === null ? {} : { volume: backend.tensorOf(dVolume, volume.shape) }),
      ...(dDisplacement === null ? {} : { displacement: backend.tensorOf(dDisplacement, displacement.shape) }),
    };
  },
};

const integrateVelocity: NativeOp = {
  kernel: 'NeuroloomIntegrateVelocity',
  inputs: ['velocity'],
  forward(call) {
    const { backend, settings, workspace } = call;
    const velocity = input(call, 'velocity');
    const { grid } = gridOf(velocity.shape);
    const steps = number(settings, 'steps');
    const result = output(backend, velocity.shape);
    const stages = workspace === null ? null : backend.takeBuffer(steps * result.values.length);
    integrateForward({ grid, steps, velocity: backend.valuesOf(velocity), out: result.values, stages });
    if (stages !== null) workspace?.leave([stages], () => backend.giveBack(stages));
    return result.info;
  },
  gradient({ backend, dy, settings, workspace }) {
    const { grid } = gridOf(dy.shape);
    const [stages] = (workspace?.arrays ?? []) as readonly [Float32Array];
    const dvelocity = backend.takeBuffer(dy.size);
    const steps = number(settings, 'steps');
    integrateBackward({ grid, steps, stages, dout: backend.valuesOf(dy), dvelocity });
    return { velocity: backend.tensorOf(dvelocity, dy.shape) };
  },
};

const upsampleField: NativeOp = {
  kernel: 'NeuroloomUpsampleField',
  inputs: ['u'],
  saveInputs: ['u'],
  forward(call) {
    const { backend } = call;
    const u = input(call, 'u');
    const { grid, c } = gridOf(u.shape);
    const full = doubled(grid);
    const result = output(backend, [full.n, full.x, full.y, full.z, c]);
    upsampleFieldForward({ grid, u: backend.valuesOf(u), out: result.values });
    return result.info;
  },
  gradient({ backend, dy, saved }) {
    const [u] = saved as readonly [Tensor];
    const { grid } = gridOf(u.shape);
    const du = backend.takeBuffer(u.size);
    upsampleFieldBackward({ grid, dout: backend.valuesOf(dy), du });
    return { u: backend.tensorOf(du, u.shape) };
  },
};

type Map = (x: Float32Array, offset: number, out: Float32Array) => void;
type MapGradient = (x: Float32Array, offset: number, dy: Float32Array, dx: Float32Array) => void;

/** An op from one array to one of the same shape, with the density offset as its setting. */
function densityMap(kernel: string, name: string, map: Map, gradient: MapGradient): NativeOp {
  return {
    kernel,
    inputs: [name],
    saveInputs: [name],
    forward(call) {
      const x = input(call, name);
      const result = output(call.backend, x.shape);
      map(call.backend.valuesOf(x), number(call.settings, 'offset'), result.values);
      return result.info;
    },
    gradient({ backend, dy, saved, settings }) {
      const [x] = saved as readonly [Tensor];
      const dx = backend.takeBuffer(x.size);
      gradient(backend.valuesOf(x), number(settings, 'offset'), backend.valuesOf(dy), dx);
      return { [name]: backend.tensorOf(dx, x.shape) };
    },
  };
}

/** Ops of registration. */
export const REGISTRATION_OPS: readonly NativeOp[] = [
  warp,
  integrateVelocity,
  upsampleField,
  densityMap('NeuroloomLogDensity', 'x', logDensity, logDensityBackward),
  densityMap('NeuroloomInverseLogDensity', 't', inverseLogDensity, inverseLogDensityBackward),
];
