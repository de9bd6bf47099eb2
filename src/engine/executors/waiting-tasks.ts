/** Tasks that wait for a job: when they are submitted, and which share one. */
import { isDone, isQueued, openElements, type Entry, type Group } from './batch-group.js';
import type { PackedTasks } from './group-making.js';
import { evenPacks, packSize, throttleFor } from './packing.js';

/** Tasks that come together are submitted together: so long nothing new may arrive first. */
const QUIET_POLLS = 0.5;

export interface WaitingTasksOptions {
  readonly groups: ReadonlySet<Group>;
  readonly pollMs: number;
  /** While jobs wait in the queue, a new one brings nothing: tasks are collected for so long. */
  readonly statusMs: number;
  readonly packMs: number;
  /** Array elements that may wait or run. */
  readonly maxQueued: number;
  /** Array elements of all jobs that may run together; null: no limit. */
  readonly throttle: number | null;
  /** Largest array of the scheduler. */
  readonly arraySize: number;
  /** Usual run time of a node, from earlier results, ms; null: never run. */
  readonly typicalMs: (node: string) => number | null;
}

export class WaitingTasks {
  readonly #options: WaitingTasksOptions;
  #waiting: Entry[] = [];
  #arraySize: number;
  #lastArrival = 0;
  #firstArrival = 0;
  #lastSubmission = -Infinity;
  /** Run times of the nodes in this run. */
  readonly #ownMs = new Map<string, { sum: number; count: number }>();
  /** Tasks without a limit that ended at that of their job: the next one may take so many times as long. */
  readonly #timeFactors = new Map<string, number>();

  constructor(options: WaitingTasksOptions) {
    this.#options = options;
    this.#arraySize = Math.min(options.arraySize, options.maxQueued);
  }

  add(entry: Entry): void {
    entry.place = null;
    const now = performance.now();
    if (this.#waiting.length === 0) this.#firstArrival = now;
    this.#lastArrival = now;
    this.#waiting.push(entry);
  }

  remove(entry: Entry): void {
    this.#waiting = this.#waiting.filter((other) => other !== entry);
  }

  clear(): void {
    this.#waiting = [];
  }

  /** A node took so long. */
  noteTime(node: string, ms: number): void {
    const own = this.#ownMs.get(node) ?? { sum: 0, count: 0 };
    this.#ownMs.set(node, { sum: own.sum + ms, count: own.count + 1 });
  }

  /** Nodes of this kind are so long that they should not have shared a job. */
  noteTooLong(node: string): void {
    this.#ownMs.set(node, { sum: this.#options.packMs, count: 1 });
  }

  /** The time of its job was too short for a task. */
  noteTimeout(id: string): void {
    this.#timeFactors.set(id, 2 * (this.#timeFactors.get(id) ?? 1));
  }

  /** The scheduler takes no array of so many elements. */
  noteTooLarge(elements: number): void {
    this.#arraySize = Math.max(1, Math.floor(elements / 2));
  }

  isTimeToSubmit(now: number): boolean {
    if (this.#waiting.length === 0 || this.#room() <= 0) return false;
    const { groups, pollMs, statusMs } = this.#options;
    const isQuiet = now - this.#lastArrival >= QUIET_POLLS * pollMs;
    const isQueueEmpty = ![...groups].some((group) => group.job !== null && group.elements.some(isQueued));
    if (isQuiet && isQueueEmpty && now - this.#lastSubmission >= 2 * pollMs) return true;
    return now - Math.max(this.#firstArrival, this.#lastSubmission) >= statusMs;
  }

  /** Gives away, as arrays of tasks of one kind, what there is room for; the rest goes on waiting. */
  submit(give: (packed: PackedTasks) => void): void {
    const later: Entry[] = [];
    let room = this.#room();
    for (const entries of this.#kinds()) {
      const { task } = entries[0] as Entry;
      const size = packSize(this.#expectedMs(task.node), this.#options.packMs);
      const timeFactor = this.#timeFactors.get(task.id) ?? 1;
      const packs = evenPacks(entries, size);
      while (packs.length > 0) {
        const count = Math.min(room, this.#arraySize, packs.length);
        const throttle = throttleFor(this.#options.throttle, this.#throttleTaken(), count);
        if (count <= 0 || throttle === 0) break;
        give({ packs: packs.splice(0, count), throttle, timeFactor });
        this.#lastSubmission = performance.now();
        room -= count;
      }
      later.push(...packs.flat());
    }
    this.#waiting = later;
    this.#firstArrival = performance.now();
  }

  /** Tasks that ask for the same. */
  #kinds(): Iterable<Entry[]> {
    const kinds = new Map<string, Entry[]>();
    for (const entry of this.#waiting) {
      const { id, node, resources, timeoutMs } = entry.task;
      const { cpus, memoryGb, gpus } = resources;
      const kind = JSON.stringify([node, cpus, memoryGb, gpus, timeoutMs, this.#timeFactors.get(id)]);
      const same = kinds.get(kind);
      if (same === undefined) kinds.set(kind, [entry]);
      else same.push(entry);
    }
    return kinds.values();
  }

  /** Array elements that may be added to the queue. */
  #room(): number {
    let open = 0;
    for (const group of this.#options.groups) open += openElements(group).length;
    return this.#options.maxQueued - open;
  }

  #throttleTaken(): number {
    let taken = 0;
    for (const group of this.#options.groups) {
      if (isDone(group)) continue;
      taken += Math.min(openElements(group).length, group.job?.throttle ?? Infinity);
    }
    return taken;
  }

  #expectedMs(node: string): number | null {
    const own = this.#ownMs.get(node);
    return own === undefined ? this.#options.typicalMs(node) : own.sum / own.count;
  }
}
