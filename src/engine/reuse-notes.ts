/**
 * The history of a run that reuses: an instance that is found under another key than in its newest attempt gets a row.
 *
 * To see that, the newest attempts of all instances would have to be read in every run. A run that ended well leaves a
 * digest of all its instances and keys instead: as long as nothing runs and the digest is the same at the end, every
 * instance stands where its newest attempt stands, and nothing is read or written.
 */
import type { CacheStore } from './cache-store.js';
import type { InstanceTable } from './instance-table.js';
import type { Planner } from './planner.js';
import type { StandingResults } from './standing-results.js';

export interface ReuseNotesOptions {
  readonly runId: string;
  readonly table: InstanceTable;
  readonly store: CacheStore;
  readonly planner: Pick<Planner, 'lastAttempt' | 'signatureAsUsed'>;
  readonly standing: Pick<StandingResults, 'isWhole' | 'keep'>;
}

export class ReuseNotes {
  readonly #options: ReuseNotesOptions;
  /** What the last run left; null: every instance is compared with its newest attempt. */
  readonly #before: string | null;
  /** Reused while nothing ran; null when they are compared at once. */
  #unseen: number[] | null;

  constructor(options: ReuseNotesOptions) {
    this.#options = options;
    this.#before = options.store.lastKeys(options.table.graph.name);
    this.#unseen = this.#before === null ? null : [];
  }

  /** The instance has its key, and a result of an earlier run. */
  reused(index: number): void {
    if (this.#unseen === null) this.#note(index);
    else this.#unseen.push(index);
  }

  /** Something is about to run: what the last run left will no longer be true. */
  willRun(): void {
    const unseen = this.#unseen;
    if (unseen === null) return;
    this.#unseen = null;
    this.#options.store.forgetLastKeys(this.#options.table.graph.name);
    for (const index of unseen) this.#note(index);
  }

  /** @param isWhole - whether every instance ended well, so that all of them stand where this run leaves them */
  close(isWhole: boolean): void {
    const { table, store, runId, planner, standing } = this.#options;
    // All stand where the last run left them.
    if (this.#unseen !== null && standing.isWhole) return;
    const digest = table.keysDigest();
    if (this.#unseen === null || digest !== this.#before) {
      this.willRun();
      if (isWhole) store.keepLastKeys(table.graph.name, runId, digest);
    }
    if (isWhole) standing.keep(planner.signatureAsUsed(), digest);
  }

  #note(index: number): void {
    const { table, planner, store, runId } = this.#options;
    const { id } = table.instance(index);
    const key = table.key(index);
    if (key !== null && planner.lastAttempt(id)?.key !== key) store.noteReuse(runId, id, key);
  }
}
