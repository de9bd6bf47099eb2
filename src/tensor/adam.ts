import { ProcessingError } from '../errors.js';
import { requireNumber, requireShape } from './shapes.js';
import type { Parameter, Tensor } from './tfjs.js';
import { type Moments, momentsOf } from './backends/moments.js';

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
  #moments: Moments[] = [];

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
    if (this.#moments.length === 0) {
      this.#moments = parameters.map(({ size }) =>
        momentsOf({ m: new Float32Array(size), v: new Float32Array(size) }),
      );
    }
    this.#requireSame(parameters, gradients);
    this.#step += 1;
    parameters.forEach((target, i) => {
      this.#moments[i]?.step(target, gradients[i] as Tensor, { ...this.#settings, step: this.#step });
    });
  }

  /** A copy of the state; waits for the device. */
  async exportState(): Promise<AdamState> {
    const moments = await Promise.all(this.#moments.map((one) => one.read()));
    return { step: this.#step, m: moments.map(({ m }) => m), v: moments.map(({ v }) => v) };
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
    this.dispose();
    this.#step = state.step;
    this.#moments = state.m.map((m, i) => momentsOf({ m, v: state.v[i] as Float32Array }));
  }

  /** Frees the moments, which may lie on another device; the next step starts anew. */
  dispose(): void {
    for (const moments of this.#moments) moments.dispose();
    this.#moments = [];
    this.#step = 0;
  }

  #requireSame(parameters: readonly Parameter[], gradients: readonly Tensor[]): void {
    if (parameters.length !== gradients.length || parameters.length !== this.#moments.length) {
      throw new ProcessingError('SHAPE_MISMATCH', 'Adam: the number of parameters changed', {
        where: `${parameters.length} parameters, ${gradients.length} gradients, ${this.#moments.length} moments`,
        cure: 'step one optimiser with one list of parameters',
      });
    }
    parameters.forEach((target, i) => {
      requireShape(gradients[i] as Tensor, target.shape, 'Adam', `gradient ${i}`);
      if (this.#moments[i]?.size === target.size) return;
      throw new ProcessingError('SHAPE_MISMATCH', `Adam: parameter ${i} has ${target.size} values`, {
        where: `its moments have ${this.#moments[i]?.size ?? 0}`,
        cure: 'step one optimiser with one list of parameters',
      });
    });
  }
}
