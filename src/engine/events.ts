import type { ErrorCode } from '../errors.js';

/** Why a node ended badly (spec/engine.md 6.7). `node-lost`: the machine of a cluster job failed or displaced it. */
export const FAILURE_CLASSES = [
  'usage',
  'requirement',
  'input-changed',
  'output-missing',
  'output-invalid',
  'error',
  'out-of-memory',
  'timeout',
  'killed',
  'crashed',
  'node-lost',
  'device-lost',
  'cancelled',
  'upstream',
  'io-full',
  'io-denied',
] as const;

/** Why an attempt of a node failed, as a word: out of memory, a time limit, an error of its code and so on. */
export type FailureClass = (typeof FAILURE_CLASSES)[number];

/** Why a node runs instead of being taken from the cache; `before` and `after` are short texts for people. */
export type RunReason =
  | { readonly kind: 'new' }
  | {
      readonly kind: 'params';
      readonly port: string;
      readonly before: string;
      readonly after: string;
      /** Where the parameter is a structure: the setting in it that `before` and `after` are of, `optimizer.epochs`. */
      readonly setting?: string;
      /** How many more settings of the parameter changed; absent when none did. */
      readonly others?: number;
    }
  | {
      readonly kind: 'input';
      readonly port: string;
      readonly before: string;
      readonly after: string;
      /** The instance whose output it is; absent for what comes from outside the graph and for counts. */
      readonly instance?: string;
    }
  | { readonly kind: 'upstream'; readonly port: string; readonly instance: string }
  | { readonly kind: 'code'; readonly before: string; readonly after: string }
  | { readonly kind: 'version'; readonly before: string; readonly after: string }
  | { readonly kind: 'tool'; readonly name: string; readonly before: string; readonly after: string }
  | { readonly kind: 'env'; readonly name: string; readonly before: string; readonly after: string }
  | { readonly kind: 'container'; readonly name: string; readonly before: string; readonly after: string }
  | { readonly kind: 'seed'; readonly before: string; readonly after: string }
  | { readonly kind: 'output-missing'; readonly path: string; readonly before: string }
  | {
      readonly kind: 'output-changed';
      readonly path: string;
      readonly before: string;
      readonly after: string;
    }
  | { readonly kind: 'forced'; readonly by: 'force-node' | 'refresh' }
  /** The run neither takes results nor leaves any (`--no-cache`). */
  | { readonly kind: 'not-cacheable' }
  | { readonly kind: 'previous-failure'; readonly failureClass: FailureClass };

/** How a run ended. */
export type RunStatus = 'done' | 'done-with-failures' | 'failed' | 'cancelled';

/** How many nodes of a run ended how. */
export interface RunCounts {
  readonly total: number;
  readonly executed: number;
  readonly reused: number;
  readonly skipped: number;
  readonly failed: number;
  /** Not started because something above failed, was cancelled, or stopped the run. */
  readonly notStarted: number;
}

/** Everything a run can report: progress, logs and the report consume it; the engine never prints. */
export type RunEvent =
  | {
      readonly type: 'run-started';
      readonly runId: string;
      readonly workflow: string;
      readonly nodes: number;
      readonly jobs: number;
    }
  /** A list that a node made gave items, or (`because` null) will not come any more; `nodes` are there now. */
  | {
      readonly type: 'nodes-added';
      readonly because: string | null;
      readonly added: number;
      readonly nodes: number;
    }
  /** Instances whose results were there, in the order they were looked at; those that nothing comes between are told together. */
  | { readonly type: 'nodes-reused'; readonly ids: readonly string[] }
  /** Left without an entry by a run that died, or finished meanwhile by one that runs beside this one. */
  | { readonly type: 'node-adopted'; readonly id: string; readonly key: string }
  /** Another run works on the same result; told once. */
  | { readonly type: 'node-waiting'; readonly id: string; readonly key: string }
  | {
      readonly type: 'node-started';
      readonly id: string;
      readonly key: string;
      readonly reason: RunReason;
      readonly attempt: number;
    }
  | {
      readonly type: 'node-progress';
      readonly id: string;
      readonly done: number;
      readonly total: number;
      readonly text: string | null;
    }
  | {
      readonly type: 'node-metric';
      readonly id: string;
      readonly name: string;
      readonly values: Readonly<Record<string, unknown>>;
    }
  | {
      readonly type: 'node-log';
      readonly id: string;
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
    }
  | {
      readonly type: 'node-done';
      readonly id: string;
      readonly key: string;
      readonly ms: number;
      readonly peakMb: number;
      /** More than 1: earlier attempts failed. */
      readonly attempts: number;
    }
  /** An attempt failed and another one follows. */
  | {
      readonly type: 'node-retried';
      readonly id: string;
      /** The attempt that failed, from 1. */
      readonly attempt: number;
      readonly failureClass: FailureClass;
      readonly message: string;
      /** What the next attempt may use. */
      readonly memoryGb: number;
      readonly timeoutMs: number | null;
    }
  | { readonly type: 'node-skipped'; readonly id: string; readonly reason: string; readonly reused: boolean }
  | {
      readonly type: 'node-failed';
      readonly id: string;
      readonly failureClass: FailureClass;
      readonly code: ErrorCode;
      readonly message: string;
      readonly where: string | null;
      readonly cure: string | null;
      readonly stack: string | null;
      readonly ms: number;
      /** Last lines the node wrote, and where the whole log is (relative to the output directory). */
      readonly logTail: string;
      readonly logPath: string | null;
      /** The record of the failure, relative to the output directory; null when it could not be written. */
      readonly crashPath: string | null;
      /** The command that runs the node alone, in the foreground; null when there is no record. */
      readonly rerun: string | null;
      readonly attempts: number;
      readonly allowed: boolean;
    }
  | {
      readonly type: 'node-not-started';
      readonly id: string;
      readonly because: string;
      /** Whether the run ended before it; else what it needs is not there. */
      readonly stopped: boolean;
    }
  /** Ended while it ran, because the run was to stop. */
  | { readonly type: 'node-cancelled'; readonly id: string }
  | { readonly type: 'published'; readonly path: string; readonly id: string; readonly fresh: boolean }
  /** A file of earlier runs that is no longer part of the result was taken away. */
  | { readonly type: 'pruned'; readonly path: string }
  /** An array job of a cluster: `nodes` of one kind in `jobs` array elements. */
  | {
      readonly type: 'jobs-submitted';
      readonly scheduler: string;
      readonly jobId: string;
      readonly node: string;
      readonly jobs: number;
      readonly nodes: number;
    }
  /** Array jobs of earlier runs that may still be at work, and the nodes in them that have not ended. */
  | {
      readonly type: 'jobs-adopted';
      readonly scheduler: string;
      readonly jobs: number;
      readonly nodes: number;
    }
  | {
      readonly type: 'warning';
      readonly code: string;
      readonly message: string;
      readonly cure: string | null;
    }
  | {
      readonly type: 'run-finished';
      readonly runId: string;
      readonly status: RunStatus;
      readonly counts: RunCounts;
      readonly ms: number;
    };

/** Receives every event of a run, in order, in the process that runs it. */
export type RunListener = (event: RunEvent) => void;
