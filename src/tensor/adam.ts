import { ProcessingError } from '../errors.js';
import { requireNumber, requireShape } from './shapes.js';
import type { Parameter, Tensor } from './tfjs.js';
import { adamInPlace } from './backends/adam-in-place.js';

export interface AdamSettings {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  /** Added to the root of the corrected second moment. */
  readonly epsilon: number;
}

/** Defaults of Kingma and Ba 2015, as the specification uses them; the learning rate is the caller's. */
export const ADAM_DEFAULTS = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** State of an optimiser, for checkpoints: the moments in the order of the parameters. */
export interface AdamState {
  readonly step: number;
  readonly m: readonly Float32Array[];
  readonly v: readonly Float32Array[];
}

/**
 * Adam with bias correction and without weight decay: p -= lr mhat / (sqrt(vhat) + epsilon).
 * One instance serves one list of parameters, always in the same order.
 *
 * @see Kingma & Ba 2015, algorithm 1
 */
export class Adam {
  readonly #settings: AdamSettings;
  #step = 0;
  #m: Float32Array[] = [];
  #v: Float32Array[] = [];

  constructor(settings: Partial<AdamSettings> & Pick<AdamSettings, 'lr'>) {
    this.#settings = { ...ADAM_DEFAULTS, ...settings };
    const { lr, beta1, beta2, epsilon } = this.#settings;
    requireNumber(lr, 'Adam', 'lr', { least: 0 });
    requireNumber(beta1, 'Adam', 'beta1', { least: 0, greatest: 1 - 2 ** -24 });
    requireNumber(beta2, 'Adam', 'beta2', { least: 0, greatest: 1 - 2 ** -24 });
    requireNumber(epsilon, 'Adam', 'epsilon', { above: 0 });
  }

  /** Steps taken so far. */
  get steps(): number {
    return this.#step;
  }

  /**
   * Changes the parameters in place; the gradients stay the caller's.
   *
   * @throws ProcessingError SHAPE_MISMATCH when gradients, parameters and earlier steps do not fit together
   */
  step(parameters: readonly Parameter[], gradients: readonly Tensor[]): void {
    if (this.#m.length === 0) {
      this.#m = parameters.map((p) => new Float32Array(p.size));
      this.#v = parameters.map((p) => new Float32Array(p.size));
    }
    this.#requireSame(parameters, gradients);
    this.#step += 1;
    parameters.forEach((target, i) => {
      const moments = { m: this.#m[i] as Float32Array, v: this.#v[i] as Float32Array };
      adamInPlace(target, gradients[i] as Tensor, { ...this.#settings, ...moments, step: this.#step });
    });
  }

  /** A copy of the state. */
  exportState(): AdamState {
    return { step: this.#step, m: this.#m.map((a) => a.slice()), v: this.#v.map((a) => a.slice()) };
  }

  /** Takes over a state that `exportState` gave. */
  importState(state: AdamState): void {
    const lengths = (list: readonly Float32Array[]) => list.map((a) => a.length).join(', ');
    const valid = Number.isInteger(state.step) && state.step >= 0 && lengths(state.m) === lengths(state.v);
    if (!valid) {
      throw new ProcessingError('CHECKPOINT', 'the state of the optimiser is not consistent', {
        where: `step ${state.step}, moments of ${lengths(state.m)} and ${lengths(state.v)} values`,
        cure: 'start training anew, or use the checkpoint of the same model',
      });
    }
    this.#step = state.step;
    this.#m = state.m.map((a) => a.slice());
    this.#v = state.v.map((a) => a.slice());
  }

  #requireSame(parameters: readonly Parameter[], gradients: readonly Tensor[]): void {
    if (parameters.length !== gradients.length || parameters.length !== this.#m.length) {
      throw new ProcessingError('SHAPE_MISMATCH', 'Adam: the number of parameters changed', {
        where: `${parameters.length} parameters, ${gradients.length} gradients, ${this.#m.length} moments`,
        cure: 'step one optimiser with one list of parameters',
      });
    }
    parameters.forEach((target, i) => {
      requireShape(gradients[i] as Tensor, target.shape, 'Adam', `gradient ${i}`);
      if (this.#m[i]?.length === target.size) return;
      throw new ProcessingError('SHAPE_MISMATCH', `Adam: parameter ${i} has ${target.size} values`, {
        where: `its moments have ${this.#m[i]?.length ?? 0}`,
        cure: 'step one optimiser with one list of parameters',
      });
    });
  }
}
