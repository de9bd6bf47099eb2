/** First and second moments of one parameter, where the device keeps its arrays. */
import { adamStep } from '../../native/index.js';
import { dispatch } from '../dispatch.js';
import { MathBackendCPU, tf, type Parameter, type Tensor } from '../tfjs.js';
import { copiedValues, exclusiveValues, viewedValues } from './buffers.js';
import { NativeBackend } from './native/backend.js';

export interface AdamUpdate {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Number of this step, from 1. */
  readonly step: number;
}

/** The values of the moments, as checkpoints hold them. */
export interface MomentValues {
  readonly m: Float32Array;
  readonly v: Float32Array;
}

export interface Moments {
  /** Number of values of either moment. */
  readonly size: number;
  /** Updates the moments by a gradient, and the parameter by the moments. */
  step(target: Parameter, gradient: Tensor, settings: AdamUpdate): void;
  /** A copy of the values; waits for the device. */
  read(): Promise<MomentValues>;
  dispose(): void;
}

/** Moments on the current device, with values that stay the caller's. */
export function momentsOf(values: MomentValues): Moments {
  return tf.backend() instanceof MathBackendCPU ? new HostMoments(values) : new DeviceMoments(values);
}

/** Moments in the memory of this process. */
class HostMoments implements Moments {
  readonly #m: Float32Array;
  readonly #v: Float32Array;

  constructor({ m, v }: MomentValues) {
    this.#m = m.slice();
    this.#v = v.slice();
  }

  get size(): number {
    return this.#m.length;
  }

  step(target: Parameter, gradient: Tensor, settings: AdamUpdate): void {
    const [m, v] = [this.#m, this.#v];
    const grad = viewedValues(gradient) as Float32Array;
    const live = exclusiveValues(target);
    const param = live ?? (viewedValues(target) as Float32Array).slice();
    const { lr, beta1, beta2, epsilon: eps, step } = settings;
    if (tf.backend() instanceof NativeBackend) adamStep({ param, grad, m, v, lr, beta1, beta2, eps, step });
    else plainAdamStep(param, grad, { m, v }, settings);
    if (live !== null) return;
    const changed = tf.tensor(param, target.shape, 'float32');
    target.assign(changed);
    changed.dispose();
  }

  read(): Promise<MomentValues> {
    return Promise.resolve({ m: this.#m.slice(), v: this.#v.slice() });
  }

  dispose(): void {
    // Plain arrays: nothing is held.
  }
}

function plainAdamStep(
  param: Float32Array,
  grad: Float32Array,
  { m, v }: MomentValues,
  settings: AdamUpdate,
): void {
  const { lr, beta1, beta2, epsilon, step } = settings;
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

/** Moments as one tensor [2, size] on another device: nothing is read back. */
class DeviceMoments implements Moments {
  readonly size: number;
  readonly #moments: Parameter;

  constructor({ m, v }: MomentValues) {
    this.size = m.length;
    const start = tf.tidy(() => tf.stack([tf.tensor1d(m), tf.tensor1d(v)]));
    this.#moments = tf.variable(start);
    start.dispose();
  }

  step(target: Parameter, gradient: Tensor, settings: AdamUpdate): void {
    const { lr, beta1, beta2, epsilon, step } = settings;
    tf.tidy(() => {
      const flat = { moments: this.#moments, gradient: tf.reshape(gradient, [this.size]) };
      const next = dispatch('NeuroloomAdamMoments', flat, { beta1, beta2 }, () =>
        portableMoments(flat.moments, flat.gradient, beta1, beta2),
      );
      this.#moments.assign(next);
      const inputs = { parameter: tf.reshape(target, [this.size]), moments: next };
      const numbers = { stepSize: lr / (1 - beta1 ** step), root: Math.sqrt(1 - beta2 ** step), epsilon };
      const stepped = dispatch('NeuroloomAdamStep', inputs, numbers, () =>
        portableStep(inputs.parameter, next, numbers),
      );
      target.assign(tf.reshape(stepped, target.shape));
    });
  }

  async read(): Promise<MomentValues> {
    const both = await copiedValues(this.#moments);
    return { m: both.slice(0, this.size), v: both.slice(this.size) };
  }

  dispose(): void {
    this.#moments.dispose();
  }
}

function portableMoments(moments: Tensor, gradient: Tensor, beta1: number, beta2: number): Tensor {
  const size = gradient.size;
  const [m, v] = [0, 1].map((row) => tf.reshape(tf.slice(moments, [row, 0], [1, size]), [size])) as [
    Tensor,
    Tensor,
  ];
  const blend = (old: Tensor, fresh: Tensor, beta: number) =>
    tf.add(tf.mul(old, tf.scalar(beta)), tf.mul(fresh, tf.scalar(1 - beta)));
  return tf.stack([blend(m, gradient, beta1), blend(v, tf.square(gradient), beta2)]);
}

function portableStep(
  parameter: Tensor,
  moments: Tensor,
  { stepSize, root, epsilon }: { readonly stepSize: number; readonly root: number; readonly epsilon: number },
): Tensor {
  const size = parameter.size;
  const [m, v] = [0, 1].map((row) => tf.reshape(tf.slice(moments, [row, 0], [1, size]), [size])) as [
    Tensor,
    Tensor,
  ];
  const width = tf.add(tf.mul(tf.sqrt(v), tf.scalar(1 / root)), tf.scalar(epsilon));
  return tf.sub(parameter, tf.div(tf.mul(m, tf.scalar(stepSize)), width));
}
