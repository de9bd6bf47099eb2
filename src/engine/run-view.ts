/** A run as it stands, for whoever shows it while it goes on; what is not asked for is not computed. */
import { estimateLoad, type NodeHistory } from './estimate.js';
import type { RunCounts, RunEvent } from './events.js';
import type { CompiledGraph } from './graph.js';
import type { NodeDefinition } from './node.js';
import type { ResourceLimits } from './resource-pool.js';
import type { NodeState } from './run-account.js';

/** A node that is running now, and what it last said of its progress. */
export interface RunningNode {
  readonly index: number;
  readonly id: string;
  /** Since its attempt began, ms. */
  readonly ms: number;
  /** What it last said of its progress. */
  readonly done: number;
  /** 0: it does not know. */
  readonly total: number;
  readonly text: string | null;
  /** What this node took before, ms; null when that is not known. */
  readonly usualMs: number | null;
}

/** Until the run ends, ms. `isPartial`: nodes to come are not counted, because nothing is known of them. */
export interface Remaining {
  readonly ms: number;
  readonly isPartial: boolean;
}

/** A run while it goes on, for those who show it. */
export interface RunView {
  /** It may grow. */
  readonly graph: CompiledGraph;
  counts(): RunCounts;
  /** How an instance ended; undefined before. */
  ended(index: number): NodeState | undefined;
  /** The one that has run longest comes first. */
  running(): RunningNode[];
  /** From earlier runs, from what this run took so far, and from what nodes say; null when nothing is known. */
  remaining(): Remaining | null;
}

/** What a view asks of the run. */
export interface ViewedRun {
  counts(): RunCounts;
  endOf(index: number): NodeState | undefined;
  runningIndices(): Iterable<number>;
  /** Mean of what this run took for a node, ms; null before its first end. */
  meanMs(node: NodeDefinition): number | null;
}

/** Nodes that were found in the cache are not yet told before this time, ms. */
const SETTLE_MS = 1000;
/** Less progress than this says nothing about the rest. */
const TELLING_SHARE = 0.02;

interface Progress {
  readonly startedMs: number;
  done: number;
  total: number;
  text: string | null;
}

export class LiveRun implements RunView {
  readonly #started = new Map<string, Progress>();
  readonly #beganMs: number;
  #history: ReadonlyMap<string, NodeHistory> | null = null;

  constructor(
    readonly graph: CompiledGraph,
    private readonly run: ViewedRun,
    private readonly limits: () => ResourceLimits,
    private readonly readHistory: () => ReadonlyMap<string, NodeHistory>,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.#beganMs = nowMs();
  }

  /** Everything that the run tells. */
  see(event: RunEvent): void {
    switch (event.type) {
      case 'node-started':
        this.#started.set(event.id, { startedMs: this.nowMs(), done: 0, total: 0, text: null });
        break;
      case 'node-progress': {
        const progress = this.#started.get(event.id);
        if (progress !== undefined) Object.assign(progress, progressOf(event));
        break;
      }
      case 'node-done':
      case 'node-failed':
      case 'node-skipped':
      case 'node-retried':
      case 'node-cancelled':
        this.#started.delete(event.id);
        break;
      default:
    }
  }

  counts(): RunCounts {
    return this.run.counts();
  }

  ended(index: number): NodeState | undefined {
    return this.run.endOf(index);
  }

  running(): RunningNode[] {
    const now = this.nowMs();
    const running: RunningNode[] = [];
    for (const index of this.run.runningIndices()) {
      const { id, node } = this.graph.instances[index] as CompiledGraph['instances'][number];
      const progress = this.#started.get(id);
      // It waits for a worker, or behind another node in the same one.
      if (progress === undefined) continue;
      const { startedMs, done, total, text } = progress;
      running.push({ index, id, ms: now - startedMs, done, total, text, usualMs: this.#usualMs(node) });
    }
    return running.sort((a, b) => b.ms - a.ms || a.index - b.index);
  }

  remaining(): Remaining | null {
    if (this.nowMs() - this.#beganMs < SETTLE_MS) return null;
    const restOf = new Map(this.running().map((node) => [node.index, restMs(node)]));
    const usual = new Map<NodeDefinition, number | null>();
    let isPartial = this.graph.deferred.length > 0;
    const ms = estimateLoad(this.graph, this.limits(), (index) => {
      if (this.run.endOf(index) !== undefined) return 0;
      const { node } = this.graph.instances[index] as CompiledGraph['instances'][number];
      if (!usual.has(node)) usual.set(node, this.#usualMs(node));
      const expected = restOf.get(index) ?? usual.get(node) ?? null;
      if (expected === null) isPartial = true;
      return expected ?? 0;
    });
    return ms === 0 ? null : { ms, isPartial };
  }

  #usualMs(node: NodeDefinition): number | null {
    this.#history ??= this.readHistory();
    return this.run.meanMs(node) ?? this.#history.get(node.name)?.ms ?? null;
  }
}

function progressOf({ done, total, text }: Extract<RunEvent, { type: 'node-progress' }>): Partial<Progress> {
  return { done, total, text };
}

/** What a running node still needs: by its own progress, else by what it usually takes. */
function restMs({ ms, done, total, usualMs }: RunningNode): number | null {
  const share = total > 0 ? done / total : 0;
  if (share >= TELLING_SHARE) return Math.max(0, ms / share - ms);
  return usualMs === null ? null : Math.max(0, usualMs - ms);
}
