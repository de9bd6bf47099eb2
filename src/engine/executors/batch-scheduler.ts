import type { Resources } from '../node.js';

/** An array job: element i works on the folder `<folder>/<i>`. */
export interface BatchJob {
  /** Found again in the scheduler's lists, so that no job is submitted twice. */
  readonly token: string;
  /** For people who look at the queue: the name of the node. */
  readonly name: string;
  readonly folder: string;
  readonly script: string;
  readonly elements: number;
  /** Elements that may run together; null: no limit. */
  readonly throttle: number | null;
  readonly resources: Resources;
  /** What the nodes of the longest element may take; null: at least one of them has no limit. */
  readonly timeLimitMs: number | null;
  /** Without such a limit: 2, 4 ... after a job that ended at its own. */
  readonly timeFactor: number;
}

export type SubmitOutcome =
  | { readonly kind: 'accepted'; readonly jobId: string }
  /** It may or may not have been accepted: the token tells. */
  | { readonly kind: 'unsure'; readonly text: string }
  /** Not now: the queue is full, or the scheduler does not answer. */
  | { readonly kind: 'later'; readonly text: string }
  | { readonly kind: 'refused'; readonly because: 'array-size' | 'request'; readonly text: string };

/** `lost`: the machine failed, or the job was displaced. `unknown`: a word that this release does not know. */
export type BatchPhase =
  | 'waiting'
  | 'running'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'timeout'
  | 'out-of-memory'
  | 'lost'
  | 'unknown';

/** What a scheduler says of one array element. */
export interface BatchJobState {
  readonly jobId: string;
  /** null: an element of its own, no array. */
  readonly element: number | null;
  readonly token: string | null;
  readonly phase: BatchPhase;
  /** The scheduler's own words. */
  readonly word: string;
  readonly reason: string;
  /** The command with which a person lets a job go on that the scheduler holds; null: it is not held. */
  readonly release: string | null;
  readonly exit: number | null;
  readonly signal: number | null;
}

export type StatesAnswer =
  /** The scheduler did not answer: nothing is known, nothing changes. */
  | { readonly kind: 'unknown'; readonly text: string }
  /** One more call is needed: ask the same in the next interval. */
  | { readonly kind: 'more' }
  /** Everything of this user that the scheduler still lists. */
  | { readonly kind: 'list'; readonly jobs: readonly BatchJobState[] }
  /** What is known of one job that was asked for; nothing when it has been forgotten. */
  | { readonly kind: 'details'; readonly jobId: string; readonly jobs: readonly BatchJobState[] };

export interface CancelTarget {
  readonly token: string;
  readonly name: string;
  /** null: not known; the token finds it. */
  readonly jobId: string | null;
  /** null: all elements. */
  readonly elements: readonly number[] | null;
}

export interface BatchLimits {
  /** Largest array. */
  readonly arraySize: number;
  /** Of the largest machine that may be used. */
  readonly cpus: number;
  readonly memoryGb: number;
  readonly gpus: number;
}

/**
 * A cluster scheduler, in four calls. An implementation knows the programs and the words of its scheduler; what is
 * packed, submitted again, adopted or given up is decided by the executor.
 */
export interface BatchScheduler {
  /** For messages. */
  readonly title: string;
  /** Environment variable that holds the index of an array element. */
  readonly indexVariable: string;
  submit(job: BatchJob): Promise<SubmitOutcome>;
  /**
   * One call to the scheduler, whatever the number of jobs.
   *
   * @param wanted - jobs that more must be known about: missing from the list, or ended without a status file. Lists
   *   and details take turns.
   */
  states(wanted: readonly string[]): Promise<StatesAnswer>;
  /** @returns null when done, else why not */
  cancel(targets: readonly CancelTarget[]): Promise<string | null>;
  limits(): BatchLimits;
}
