import { read, update } from '../tensors.js';
import type { Parameter, Tensor } from '../tfjs.js';

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

/** One Adam step on one parameter; moments in the memory of this process. */
export function adamInPlace(target: Parameter, gradient: Tensor, settings: AdamUpdate): void {
  const { lr, beta1, beta2, epsilon, m, v, step } = settings;
  const slopes = read(gradient);
  const stepSize = lr / (1 - beta1 ** step);
  const rootCorrection = Math.sqrt(1 - beta2 ** step);
  update(target, (values) => {
    for (let i = 0; i < values.length; i++) {
      const g = slopes[i] as number;
      const first = beta1 * (m[i] as number) + (1 - beta1) * g;
      const second = beta2 * (v[i] as number) + (1 - beta2) * g * g;
      m[i] = first;
      v[i] = second;
      values[i] = (values[i] as number) - (stepSize * first) / (Math.sqrt(second) / rootCorrection + epsilon);
    }
  });
}
