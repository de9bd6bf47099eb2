import type { NamedArray } from './array-file.js';
import { floatArray } from './optimiser-state.js';
import { mixtureValue, nextShares, type MixtureValue } from './mixture.js';

/** What a trained mixture says beside its templates. */
export interface MixtureResult {
  /** Share of each template in the cohort. */
  readonly pi: readonly number[];
  /** Per subject, in the order of the volumes: the responsibility of each template in the last epoch. */
  readonly responsibilities: readonly (readonly number[])[];
  /** Epochs in a row at the end in which the share of each template was at its floor. */
  readonly floorEpochs: readonly number[];
}

/** Shares and responsibilities over the epochs of a training. Kept as float32, so that a checkpoint holds all of it. */
export class MixtureState {
  readonly #sharpness: number;
  readonly #pi: Float32Array;
  readonly #floorEpochs: Float32Array;
  /** One row per subject. */
  readonly #responsibilities: Float32Array;

  constructor(subjects: number, templates: number, sharpness: number) {
    this.#sharpness = sharpness;
    this.#pi = new Float32Array(templates).fill(1 / templates);
    this.#floorEpochs = new Float32Array(templates);
    this.#responsibilities = new Float32Array(subjects * templates).fill(1 / templates);
  }

  /** Rates the losses of a subject under every template, and keeps its responsibilities. */
  rate(subject: number, losses: readonly number[]): MixtureValue {
    const value = mixtureValue(losses, [...this.#pi], this.#sharpness);
    this.#responsibilities.set(value.responsibilities, subject * this.#pi.length);
    return value;
  }

  /** After an epoch: the shares follow the responsibilities. */
  finishEpoch(): void {
    const { pi, atFloor } = nextShares(this.#rows());
    this.#pi.set(pi);
    atFloor.forEach((isLow, k) => (this.#floorEpochs[k] = isLow ? this.#floorEpochs[k]! + 1 : 0));
  }

  result(): MixtureResult {
    return {
      pi: [...this.#pi],
      responsibilities: this.#rows(),
      floorEpochs: [...this.#floorEpochs],
    };
  }

  exportArrays(): NamedArray[] {
    const templates = this.#pi.length;
    const subjects = this.#responsibilities.length / templates;
    return [
      { name: 'mixture/pi', shape: [templates], values: this.#pi.slice() },
      { name: 'mixture/floor_epochs', shape: [templates], values: this.#floorEpochs.slice() },
      {
        name: 'mixture/responsibilities',
        shape: [subjects, templates],
        values: this.#responsibilities.slice(),
      },
    ];
  }

  importArrays(arrays: ReadonlyMap<string, NamedArray>): void {
    this.#pi.set(floatArray(arrays, 'mixture/pi'));
    this.#floorEpochs.set(floatArray(arrays, 'mixture/floor_epochs'));
    this.#responsibilities.set(floatArray(arrays, 'mixture/responsibilities'));
  }

  #rows(): number[][] {
    const templates = this.#pi.length;
    return Array.from({ length: this.#responsibilities.length / templates }, (_, i) => [
      ...this.#responsibilities.subarray(i * templates, (i + 1) * templates),
    ]);
  }
}

/** The result that a model's arrays hold. */
export function mixtureResultOf(arrays: ReadonlyMap<string, NamedArray>, subjects: number): MixtureResult {
  const templates = floatArray(arrays, 'mixture/pi').length;
  const state = new MixtureState(subjects, templates, 1);
  state.importArrays(arrays);
  return state.result();
}
