import { listDone } from './batch-files.js';
import { openElements, type Entry, type Group } from './batch-group.js';
import type { BatchScheduler, CancelTarget } from './batch-scheduler.js';

const CANCEL_TRIES = 3;

export interface JobCancellationOptions {
  readonly scheduler: BatchScheduler;
  readonly pollMs: number;
  /** Between the steps of ending a node, ms. */
  readonly graceMs: number;
  /** Takes note of what the jobs of a group have left since. */
  readonly readDone: (group: Group) => void;
  /** The job was never submitted. */
  readonly dissolve: (group: Group) => void;
  readonly settle: (entry: Entry) => void;
  readonly warn: (message: string, cure?: string) => void;
}

/** Jobs that are to be cancelled: all that are named before the next call go into one. */
export class JobCancellation {
  readonly #options: JobCancellationOptions;
  readonly #groups = new Set<Group>();

  constructor(options: JobCancellationOptions) {
    this.#options = options;
  }

  add(group: Group): void {
    this.#groups.add(group);
  }

  has(group: Group): boolean {
    return this.#groups.has(group);
  }

  forget(group: Group): void {
    this.#groups.delete(group);
  }

  get isEmpty(): boolean {
    return this.#groups.size === 0;
  }

  /** Cancels what is wanted by nobody any more in those groups, and waits a while for the end of it. */
  async run(): Promise<void> {
    const groups = [...this.#groups].filter(({ state }) => state === 'known' || state === 'unsure');
    const { pollMs, graceMs, dissolve, settle } = this.#options;
    for (const group of this.#groups) if (group.state === 'waiting') dissolve(group);
    for (const group of groups) this.#groups.delete(group);
    const isAccepted = await this.#cancel(groups.map(cancelTarget).filter((target) => target !== null));
    const until = performance.now() + 2 * graceMs + pollMs;
    while (isAccepted && groups.some((group) => !this.#hasEnded(group)) && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(pollMs, graceMs)));
    }
    for (const group of groups) {
      const isOver = isAccepted && this.#hasEnded(group);
      for (const element of group.elements) {
        for (const slot of element.slots) {
          if (slot.entry?.isCancelled !== true) continue;
          settle(slot.entry);
          if (isOver) slot.isConcluded = true;
        }
      }
    }
  }

  async #cancel(targets: readonly CancelTarget[]): Promise<boolean> {
    const { scheduler, pollMs, warn } = this.#options;
    let problem: string | null = null;
    for (let tries = 0; targets.length > 0 && tries < CANCEL_TRIES; tries++) {
      if (tries > 0) await new Promise((resolve) => setTimeout(resolve, pollMs));
      problem = await scheduler.cancel(targets);
      if (problem === null) return true;
    }
    if (problem === null) return true;
    const ids = targets.map(({ jobId, name, token }) => jobId ?? `--name=${name}.${token}`).join(' ');
    warn(`jobs could not be cancelled: ${problem}`, `cancel them with: scancel ${ids}`);
    return false;
  }

  /** Nothing of the cancelled elements runs any more, as far as they say themselves. */
  #hasEnded(group: Group): boolean {
    this.#options.readDone(group);
    const { ended } = listDone(group.folder);
    return openElements(group).every(
      (element) =>
        ended.has(element.index) ||
        element.slots.every(({ entry, hasBegun }) => entry?.isCancelled !== true || !hasBegun),
    );
  }
}

/** What of a job is to be cancelled: elements in which nothing is wanted any more. */
function cancelTarget(group: Group): CancelTarget | null {
  const open = openElements(group);
  const unwanted = open.filter(({ slots }) =>
    slots.every(
      ({ isConcluded, entry }) => isConcluded || entry?.isCancelled === true || isOrphan(group, entry),
    ),
  );
  if (unwanted.length === 0) return null;
  const elements = unwanted.length === open.length ? null : unwanted.map(({ index }) => index);
  return { token: group.token, name: group.name, jobId: group.jobId, elements };
}

/** A node of an own job that nobody waits for: it was cancelled before. Those of earlier runs may be wanted later. */
function isOrphan(group: Group, entry: Entry | null): boolean {
  return entry === null && group.job !== null;
}
