import type { Instance } from './graph.js';
import type { Resources } from './node.js';
import type { ReadyQueue } from './ready-queue.js';
import type { ResourcePool } from './resource-pool.js';

/** A waiting instance that was passed over this often is served before anything else. */
const MAX_PASSED_OVER = 64;
/** How far down the queue a better fitting instance is looked for. */
const WINDOW = 256;

/** Chooses the next instance to start; keeps the front of the queue in a window of candidates. */
export class Dispatcher {
  readonly #window: number[] = [];
  readonly #passedOver = new Map<number, number>();
  #homogeneous: boolean;
  #priority: Float64Array;

  constructor(
    private readonly queue: ReadyQueue,
    private readonly pool: ResourcePool,
    private readonly instances: readonly Instance[],
    priority: Float64Array,
  ) {
    this.#priority = priority;
    this.#homogeneous = asksForTheSame(instances);
  }

  /** More instances, and new priorities for all. */
  grow(priority: Float64Array): void {
    this.#priority = priority;
    this.#homogeneous = asksForTheSame(this.instances);
    this.queue.grow(priority);
  }

  get waiting(): number {
    return this.queue.size + this.#window.length;
  }

  /** Takes the best instance that fits now; -1 when none does. Its resources are taken. */
  next(): number {
    if (this.waiting === 0 || this.pool.isFull) return -1;
    this.#refill();
    const chosen = this.#choose();
    if (chosen < 0) return -1;
    const index = this.#window.splice(chosen, 1)[0] as number;
    for (let at = 0; at < chosen; at++) {
      const passed = this.#window[at] as number;
      this.#passedOver.set(passed, (this.#passedOver.get(passed) ?? 0) + 1);
    }
    this.#passedOver.delete(index);
    this.pool.take(this.#resources(index));
    return index;
  }

  /** Takes instances from the front that run the same node with the same request; they share the slot of `index`. */
  companions(index: number, most: number): number[] {
    const taken: number[] = [];
    const first = this.instances[index] as Instance;
    while (taken.length < most && this.waiting > 0) {
      this.#refill();
      const next = this.#window[0] as number;
      const { node, resources } = this.instances[next] as Instance;
      if (node !== first.node || !sameRequest(resources, first.resources)) break;
      this.#window.shift();
      this.#passedOver.delete(next);
      taken.push(next);
    }
    return taken;
  }

  /** Takes everything out that waits. */
  drain(): number[] {
    const all = this.#window.splice(0);
    while (this.queue.size > 0) all.push(this.queue.pop());
    return all;
  }

  /** Newcomers may outrank the window, so its end goes back before the front of the queue is taken. */
  #refill(): void {
    if (this.#window.length === 0) {
      this.#window.push(this.queue.pop());
      return;
    }
    if (this.queue.size === 0) return;
    while (this.#window.length > 0) this.queue.push(this.#window.pop() as number);
    this.#window.push(this.queue.pop());
  }

  #choose(): number {
    let best = -1;
    let bestTightness = -1;
    for (let at = 0; at < WINDOW; at++) {
      if (at >= this.#window.length) {
        if (this.queue.size === 0) break;
        this.#window.push(this.queue.pop());
      }
      const index = this.#window[at] as number;
      if (best >= 0 && this.#priorityOf(index) < this.#priorityOf(this.#window[best] as number)) break;
      const resources = this.#resources(index);
      if (this.pool.fits(resources)) {
        const tightness = this.pool.tightness(resources);
        if (best < 0 || tightness > bestTightness) {
          best = at;
          bestTightness = tightness;
        }
        // Nothing behind it can fit better when all ask for the same.
        if (this.#homogeneous) break;
      } else if ((this.#passedOver.get(index) ?? 0) >= MAX_PASSED_OVER) {
        break;
      }
    }
    return best;
  }

  #priorityOf(index: number): number {
    return this.#priority[index] as number;
  }

  #resources(index: number): Resources {
    return (this.instances[index] as Instance).resources;
  }
}

function asksForTheSame(instances: readonly Instance[]): boolean {
  const first = instances[0]?.resources;
  return first !== undefined && instances.every(({ resources }) => sameRequest(resources, first));
}

function sameRequest(a: Resources, b: Resources): boolean {
  if (a === b) return true;
  const sameTokens = (x: Resources, y: Resources): boolean =>
    Object.entries(x.tokens).every(([name, count]) => (y.tokens[name] ?? 0) === count);
  return (
    a.cpus === b.cpus &&
    a.memoryGb === b.memoryGb &&
    a.gpus === b.gpus &&
    sameTokens(a, b) &&
    sameTokens(b, a)
  );
}
