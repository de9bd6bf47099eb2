/** What a worker pool is given, and what comes of it. */
import type { NodeFailure } from './failure.js';
import type { NodeLogs } from './worker-process.js';
import type { SealedResult, Task, TaskOrder, WorkerMessage } from './worker-protocol.js';

export interface PoolTask {
  readonly id: string;
  readonly taskFile: string;
  /** The task itself: then there need not be a file. */
  readonly task?: Task;
  /** Tasks of one batch that wait together are given to one worker, which runs them one after another. */
  readonly batch?: number | null;
  /** Limit of the JavaScript heap, MB. */
  readonly heapMb: number;
  readonly timeoutMs: number | null;
  /** Wants a process that has run nothing and will run nothing else. */
  readonly isolate?: boolean;
  /** The task was given to a worker that is free for it; called once. */
  readonly onStarted?: (pid: number) => void;
  readonly onMessage?: (message: Extract<WorkerMessage, { type: 'progress' | 'metric' | 'log' }>) => void;
}

interface PoolUsage {
  readonly ms: number;
  readonly peakMb: number;
  readonly cpuMs: number;
  readonly pid: number;
}

export type PoolOutcome =
  | ({
      readonly kind: 'result';
      readonly logs: NodeLogs;
      /** Null: it stands in the attempt directory only. */
      readonly sealed?: SealedResult | null;
    } & PoolUsage)
  /** It was not begun and can be given again; tasks without a batch are never returned. */
  | ({ readonly kind: 'returned'; readonly logs: NodeLogs } & PoolUsage)
  | ({
      readonly kind: 'failed';
      readonly failure: NodeFailure;
      readonly logs: NodeLogs;
      readonly exit: number | null;
      readonly signal: NodeJS.Signals | null;
    } & PoolUsage);

/** A task in a pool. */
export interface Job {
  /** Names the task in messages. */
  readonly n: number;
  readonly task: PoolTask;
  readonly done: (outcome: PoolOutcome) => void;
  startedAt: number;
  endedFor: 'timeout' | 'cancelled' | null;
  timers: NodeJS.Timeout[];
}

/** The message that gives it to a worker. */
export function orderOf({ n, task: { task, taskFile } }: Job): TaskOrder {
  return task === undefined ? { n, taskFile } : { n, task };
}

/** Ends a job that no worker has taken up. */
export function failUnstarted(job: Job, cause: NodeFailure): void {
  job.done({
    kind: 'failed',
    failure: cause,
    logs: { stdout: '', stderr: '' },
    exit: null,
    signal: null,
    ms: performance.now() - job.startedAt,
    peakMb: 0,
    cpuMs: 0,
    pid: 0,
  });
}
