/** How fast nodes have been in this run: several short ones are given to a worker at once. */
import type { NodeDefinition } from './node.js';

/** A batch should be done within this time, ms: what waits behind it is held up no longer. */
const BATCH_MS = 10;
const MOST = 16;
/** A node that once took this long is never put behind another, ms. */
const SLOW_MS = 25;
/** Runs that must have been seen before anything is believed. */
const TRUSTED_RUNS = 3;
/** What the engine itself adds to a node, ms. */
const OVERHEAD_MS = 0.3;

export class NodePace {
  readonly #seen = new Map<NodeDefinition, { runs: number; sumMs: number; slowestMs: number }>();

  /** @param ms - run time of the body; Infinity for a run that failed, which ends batches of this node for good */
  note(node: NodeDefinition, ms: number): void {
    const seen = this.#seen.get(node) ?? { runs: 0, sumMs: 0, slowestMs: 0 };
    if (Number.isFinite(ms)) {
      seen.runs++;
      seen.sumMs += ms;
    }
    seen.slowestMs = Math.max(seen.slowestMs, ms);
    this.#seen.set(node, seen);
  }

  /** Of the runs that did not fail, ms; null before the first. */
  meanMs(node: NodeDefinition): number | null {
    const seen = this.#seen.get(node);
    return seen === undefined || seen.runs === 0 ? null : seen.sumMs / seen.runs;
  }

  /** How many runs of this node may be given to a worker at once. */
  batchSize(node: NodeDefinition): number {
    const seen = this.#seen.get(node);
    if (seen === undefined || seen.runs < TRUSTED_RUNS || seen.slowestMs > SLOW_MS) return 1;
    const expectedMs = seen.sumMs / seen.runs + OVERHEAD_MS;
    return Math.max(1, Math.min(MOST, Math.floor(BATCH_MS / expectedMs)));
  }
}
