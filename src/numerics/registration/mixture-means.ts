import type { Tensor } from '../../tensor/index.js';
import type { NamedArray } from './array-file.js';
import type { Shape3 } from './grid.js';
import { MeanDisplacement } from './mean-displacement.js';
import type { RunningMean } from './registration-pass.js';

/** Running mean of the displacement of every template, over the subjects that the template explains best. */
export class MixtureMeans {
  readonly #means: MeanDisplacement[];

  constructor(shape: Shape3, subjects: number, templates: number) {
    this.#means = Array.from({ length: templates }, () => new MeanDisplacement(shape, subjects));
  }

  running(template: number): RunningMean {
    return this.#means[template]!.running;
  }

  accept(template: number, next: Tensor | undefined): void {
    if (next !== undefined) this.#means[template]!.accept(next);
  }

  async exportState(): Promise<{ steps: number[]; arrays: NamedArray[] }> {
    const states = await Promise.all(this.#means.map((mean) => mean.exportState()));
    return {
      steps: states.map(({ steps }) => steps),
      arrays: states.flatMap(({ arrays }, k) =>
        arrays.map((array) => ({ ...array, name: `template.${k}/${array.name}` })),
      ),
    };
  }

  importState(steps: readonly number[], arrays: ReadonlyMap<string, NamedArray>): void {
    this.#means.forEach((mean, k) => {
      const prefix = `template.${k}/`;
      const own = [...arrays].filter(([name]) => name.startsWith(prefix));
      mean.importState(steps[k]!, new Map(own.map(([name, array]) => [name.slice(prefix.length), array])));
    });
  }

  dispose(): void {
    for (const mean of this.#means) mean.dispose();
  }
}
