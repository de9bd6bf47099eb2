import { dispose, keep, read, tensor, type Tensor } from '../../tensor/index.js';
import type { NamedArray } from './array-file.js';
import type { Shape3 } from './grid.js';
import type { RunningMean } from './registration-pass.js';

/** The running mean never looks further back than this many steps. */
const LONGEST_MEMORY = 100;

const NAME = 'mean_displacement';

/**
 * Running mean of the displacement over the steps of a training, the state behind the mean-deformation term. It looks
 * back over min(100, subjects) steps.
 */
export class MeanDisplacement {
  readonly #shape: Shape3;
  readonly #cap: number;
  #steps = 0;
  #mean: Tensor | null = null;

  constructor(shape: Shape3, subjects: number) {
    this.#shape = shape;
    this.#cap = Math.min(LONGEST_MEMORY, subjects);
  }

  /** What the next step needs. */
  get running(): RunningMean {
    return { previous: this.#mean, divisor: Math.min(this.#steps + 1, this.#cap) };
  }

  /** Takes over the mean that a step computed; the tensor outlives the `tidy` around it. */
  accept(next: Tensor): void {
    this.dispose();
    this.#mean = keep(next);
    this.#steps += 1;
  }

  async exportState(): Promise<{ steps: number; arrays: NamedArray[] }> {
    if (this.#mean === null) return { steps: this.#steps, arrays: [] };
    return {
      steps: this.#steps,
      arrays: [{ name: NAME, shape: [...this.#shape, 3], values: await read(this.#mean) }],
    };
  }

  importState(steps: number, arrays: ReadonlyMap<string, NamedArray>): void {
    this.dispose();
    this.#steps = steps;
    const stored = arrays.get(NAME)?.values;
    if (stored instanceof Float32Array) this.#mean = keep(tensor(stored, [1, ...this.#shape, 3]));
  }

  dispose(): void {
    if (this.#mean !== null) dispose(this.#mean);
    this.#mean = null;
  }
}
