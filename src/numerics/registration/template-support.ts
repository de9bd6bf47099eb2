import {
  dispose,
  keep,
  type Parameter,
  project,
  tensor,
  type Tensor,
  update,
  viewed,
} from '../../tensor/index.js';
import { projectTheta } from './density-transform.js';
import type { Shape3 } from './grid.js';

/** Where templates may have mass: the union of the supports of the subjects. */
export class TemplateSupport {
  readonly #union: Uint8Array;
  readonly #shape: Shape3;
  /** The union as a tensor, made where templates are not in the memory of this process. */
  #mask: Tensor | null = null;

  constructor(union: Uint8Array, shape: Shape3) {
    this.#union = union;
    this.#shape = shape;
  }

  /** Takes mass off the support and negative densities away, where the templates lie. */
  async project(thetas: readonly Parameter[]): Promise<void> {
    for (const theta of thetas) {
      if (viewed(theta) !== null) await update(theta, (values) => projectTheta(values, this.#union));
      else
        project(theta, (this.#mask ??= keep(tensor(Float32Array.from(this.#union), [1, ...this.#shape, 1]))));
    }
  }

  dispose(): void {
    if (this.#mask !== null) dispose(this.#mask);
    this.#mask = null;
  }
}
