import { emitService } from './service-events.js';
// Bars are shown on stderr where nobody listens: the module of loggers sees to that.
import './loggers.js';

let next = 1;

/** One bar. It is closed by `using`, or by `stop` in a `finally`. */
export interface ProgressHandle extends Disposable {
  /** @param n - steps that were made */
  update(n?: number): void;
  stop(): void;
}

class Bar implements ProgressHandle {
  readonly id = next++;
  readonly #total: number | null;
  #done = 0;
  #isOpen = true;

  constructor(description: string, total: number | null, parent: number | null = null) {
    this.#total = total;
    emitService({ type: 'progress-start', id: this.id, description, total, parent });
  }

  update(n = 1): void {
    if (!this.#isOpen) return;
    this.#done += n;
    emitService({ type: 'progress-advance', id: this.id, done: this.#done, total: this.#total });
  }

  reset(): void {
    this.#done = 0;
    emitService({ type: 'progress-reset', id: this.id });
  }

  stop(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    emitService({ type: 'progress-stop', id: this.id });
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}

/** A bar over `total` steps; without a total, a spinner. */
export function progressSimple(description = 'Processing', total: number | null = null): ProgressHandle {
  return new Bar(description, total);
}

/** Work whose length is not known. */
export function progressSpinner(description = 'Working'): ProgressHandle {
  return new Bar(description, null);
}

/** A bar over jobs that end in any order. */
export function progressParallel(description = 'Parallel jobs', total: number | null = null): ProgressHandle {
  return new Bar(description, total);
}

/** A bar of steps, each with a bar of its own that starts over. */
export class NestedProgress implements Disposable {
  readonly #outer: Bar;
  readonly #inner: Bar;

  constructor(outer: string, outerTotal: number, inner: string, innerTotal: number) {
    this.#outer = new Bar(outer, outerTotal);
    this.#inner = new Bar(inner, innerTotal, this.#outer.id);
  }

  advanceInner(n = 1): void {
    this.#inner.update(n);
  }

  /** The next steps: the inner bar starts over. */
  advanceOuter(n = 1): void {
    this.#outer.update(n);
    this.#inner.reset();
  }

  stop(): void {
    this.#inner.stop();
    this.#outer.stop();
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}
