/** Gathers what is told of reused instances: one event for many, and never later than what happens after them. */
import type { RunEvent } from './events.js';

/** In one event, so that a line of a log stays readable. */
const MOST_IDS = 500;

export class ReusedBatch {
  readonly #tell: (event: RunEvent) => void;
  #ids: string[] = [];

  constructor(tell: (event: RunEvent) => void) {
    this.#tell = tell;
  }

  add(id: string): void {
    this.#ids.push(id);
    if (this.#ids.length >= MOST_IDS) this.flush();
  }

  flush(): void {
    if (this.#ids.length === 0) return;
    const ids = this.#ids;
    this.#ids = [];
    this.#tell({ type: 'nodes-reused', ids });
  }
}
