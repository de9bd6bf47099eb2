/** How every instance of a run ended, in a byte each; more is kept only of those that did not simply reuse a result. */
import type { RunCounts, RunReason } from './events.js';
import type { NodeFailure } from './failure.js';
import type { InstanceTable } from './instance-table.js';

const STATES = ['executed', 'reused', 'skipped', 'failed', 'cancelled', 'not-started'] as const;

/** `cancelled`: it was running when the run was stopped. */
export type NodeState = (typeof STATES)[number];

/** What became of one instance in a run: state, reason, key, times, failure. */
export interface NodeReport {
  readonly id: string;
  readonly nodeId: string;
  readonly state: NodeState;
  /** Why it ran; null when it did not. */
  readonly reason: RunReason | null;
  /** Known once its inputs are known. */
  readonly key: string | null;
  readonly error: NodeFailure | null;
  /** Why it was skipped or not started. */
  readonly because: string | null;
  /** How often it was started in this run; more than once after failures that may not come again. */
  readonly attempts: number;
}

type Details = Partial<Pick<NodeReport, 'reason' | 'error' | 'because' | 'attempts'>>;

const NO_DETAILS: Details = {};
/** Shared by all that have it: in a first run that is every node. */
const EXECUTED_NEW: Details = { reason: { kind: 'new' }, attempts: 1 };

export class RunAccount {
  readonly #table: InstanceTable;
  /** Place in `STATES` plus one; 0: no end yet. */
  #ends: Uint8Array;
  readonly #details = new Map<number, Details>();
  readonly #counts = STATES.map(() => 0);

  constructor(table: InstanceTable) {
    this.#table = table;
    this.#ends = new Uint8Array(table.graph.instances.length);
  }

  /** @param key - null when its inputs never became known */
  note(index: number, state: NodeState, key: string | null, details: Details = NO_DETAILS): void {
    if (index >= this.#ends.length) {
      const larger = new Uint8Array(Math.max(this.#table.graph.instances.length, index + 1));
      larger.set(this.#ends);
      this.#ends = larger;
    }
    const place = STATES.indexOf(state);
    this.#ends[index] = place + 1;
    this.#counts[place] = (this.#counts[place] as number) + 1;
    if (key !== null) this.#table.setKey(index, key);
    const isPlain = state === 'executed' && details.reason?.kind === 'new' && details.attempts === 1;
    if (isPlain) this.#details.set(index, EXECUTED_NEW);
    else if (details !== NO_DETAILS) this.#details.set(index, details);
  }

  /** All instances of the graph have ended so, and there is nothing more to tell of any. */
  noteAll(state: NodeState): void {
    const count = this.#table.graph.instances.length;
    const place = STATES.indexOf(state);
    this.#ends = new Uint8Array(count).fill(place + 1);
    this.#counts[place] = count;
  }

  state(index: number): NodeState | undefined {
    return STATES[(this.#ends[index] ?? 0) - 1];
  }

  /** Null before its end. */
  report(index: number): NodeReport | null {
    const state = this.state(index);
    if (state === undefined) return null;
    const { id, nodeId } = this.#table.instance(index);
    const {
      reason = null,
      error = null,
      because = null,
      attempts = 0,
    } = this.#details.get(index) ?? NO_DETAILS;
    return { id, nodeId, state, reason, key: this.#table.key(index), error, because, attempts };
  }

  /** All that have ended, in the order of the graph. */
  reports(): NodeReport[] {
    const all: NodeReport[] = [];
    for (let index = 0; index < this.#ends.length; index++) {
      const report = this.report(index);
      if (report !== null) all.push(report);
    }
    return all;
  }

  /** Indices of those that ended so. */
  *ended(state: NodeState): Generator<number> {
    const end = STATES.indexOf(state) + 1;
    for (let at = this.#ends.indexOf(end); at >= 0; at = this.#ends.indexOf(end, at + 1)) yield at;
  }

  counts(): RunCounts {
    const of = (state: NodeState): number => this.#counts[STATES.indexOf(state)] as number;
    return {
      total: this.#table.graph.instances.length,
      executed: of('executed'),
      reused: of('reused'),
      skipped: of('skipped'),
      failed: of('failed'),
      notStarted: of('not-started') + of('cancelled'),
    };
  }
}
