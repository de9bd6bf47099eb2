import { adamStep } from '../../native/index.js';
import { read, update } from '../tensors.js';
import { tf, type Parameter, type Tensor } from '../tfjs.js';
import { NativeBackend } from './native/backend.js';

export interface AdamUpdate {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** First and second moment, changed in place. */
  readonly m: Float32Array;
  readonly v: Float32Array;
  /** Number of this step, from 1. */
  readonly step: number;
}

/** One Adam step on one parameter: by the addon where the device has it, else in plain JavaScript. */
export function adamInPlace(target: Parameter, gradient: Tensor, settings: AdamUpdate): void {
  const backend = tf.backend();
  const { lr, beta1, beta2, epsilon: eps, m, v, step } = settings;
  if (backend instanceof NativeBackend) {
    const grad = backend.valuesOf(gradient);
    update(target, (param) => adamStep({ param, grad, m, v, lr, beta1, beta2, eps, step }));
    return;
  }
  const grad = read(gradient);
  update(target, (param) => plainAdamStep(param, grad, settings));
}

function plainAdamStep(param: Float32Array, grad: Float32Array, settings: AdamUpdate): void {
  const { lr, beta1, beta2, epsilon, m, v, step } = settings;
  const stepSize = lr / (1 - beta1 ** step);
  const rootCorrection = Math.sqrt(1 - beta2 ** step);
  for (let i = 0; i < param.length; i++) {
    const g = grad[i] as number;
    const first = beta1 * (m[i] as number) + (1 - beta1) * g;
    const second = beta2 * (v[i] as number) + (1 - beta2) * g * g;
    m[i] = first;
    v[i] = second;
    param[i] = (param[i] as number) - (stepSize * first) / (Math.sqrt(second) / rootCorrection + epsilon);
  }
}
