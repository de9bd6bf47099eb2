import type { ExecutorOutcome, ExecutorTask } from './executor.js';
import type { BatchJob, BatchJobState } from './batch-scheduler.js';

/** A task of this run, on its way. */
export interface Entry {
  readonly task: ExecutorTask;
  readonly done: (outcome: ExecutorOutcome) => void;
  readonly fail: (error: unknown) => void;
  readonly submittedAt: number;
  /** Jobs that were lost before they started this task. */
  losses: number;
  isCancelled: boolean;
  place: { readonly group: Group; readonly element: Element; readonly slot: Slot } | null;
}

/** One node in an array element. */
export interface Slot {
  readonly index: number;
  readonly id: string;
  readonly key: string;
  /** null: of an earlier run, and not asked for (yet). */
  entry: Entry | null;
  hasBegun: boolean;
  /** Nothing more will come. */
  isConcluded: boolean;
}

export interface Element {
  readonly index: number;
  readonly slots: readonly Slot[];
  /** What the scheduler said last. */
  state: BatchJobState | null;
  /** Since when it has ended, or is not listed; null: it is there. */
  silentSince: number | null;
  /** The scheduler was asked for the details of its end. */
  isAsked: boolean;
}

/** An array job. */
export interface Group {
  readonly token: string;
  readonly name: string;
  readonly folder: string;
  readonly elements: readonly Element[];
  /** null: of an earlier run; it is never submitted again. */
  readonly job: BatchJob | null;
  /** null: not known (yet). */
  jobId: string | null;
  /**
   * `waiting`: not given to the scheduler. `asking`: the call is under way. `unsure`: it may or may not have arrived;
   * the token tells. `known`: the scheduler has it.
   */
  state: 'waiting' | 'asking' | 'unsure' | 'known';
  /** Lists in which the token was not found. */
  absences: number;
  /** So many make sure that it did not arrive. */
  absencesNeeded: number;
  /** Not submitted again before this moment, ms of the monotonic clock. */
  retryAt: number;
  /** When the scheduler had it, ms of the monotonic clock. */
  knownAt: number;
  /** Outcomes whose files are still read. */
  unreleased: number;
}

export function isFinished(element: Element): boolean {
  return element.slots.every((slot) => slot.isConcluded);
}

export function isDone(group: Group): boolean {
  return group.elements.every(isFinished);
}

/** Elements of a group that have not come to an end. */
export function openElements(group: Group): Element[] {
  return group.elements.filter((element) => !isFinished(element));
}

/** Elements that wait in the queue, as far as is known. */
export function isQueued(element: Element): boolean {
  return !isFinished(element) && element.slots.every((slot) => !slot.hasBegun);
}
