/** What it means that a job has ended, or is gone, and left no status file. */
import { failure, type NodeFailure } from '../failure.js';
import { EXIT_NO_FOLDER, EXIT_NO_NODE, EXIT_NO_PACKAGE } from './batch-files.js';
import type { BatchJobState } from './batch-scheduler.js';

/** Slurmd could not open the job's output file: the folder is not there on that machine. */
const SIGNAL_NO_OUTPUT = 53;

export interface SilentEnd {
  /** The scheduler's last word; null: it knows nothing of the job any more. */
  readonly state: BatchJobState | null;
  /** Name of the scheduler. */
  readonly title: string;
  readonly job: string;
  /** The node had started. */
  readonly hasBegun: boolean;
  /** Last lines of what job and scheduler printed. */
  readonly logTail: string;
}

/**
 * `failed`: the node failed. `again`: the node had not started; it may go into another job. `setup`: nothing can run
 * there before somebody mends it.
 */
export type Judgement =
  | { readonly kind: 'failed'; readonly failure: NodeFailure }
  | { readonly kind: 'again'; readonly failure: NodeFailure }
  | { readonly kind: 'setup'; readonly message: string; readonly cure: string };

export function judgeSilentEnd(end: SilentEnd): Judgement {
  const { state, title, job, hasBegun } = end;
  if (state === null) {
    return retryable(
      hasBegun,
      nodeLost(`${title} has forgotten job ${job}, and it left neither result nor error`),
    );
  }
  const setup = setupProblem(state, job);
  if (setup !== null) return setup;
  switch (state.phase) {
    case 'timeout':
      return {
        kind: 'failed',
        failure: failure('timeout', 'TIMEOUT', {
          message: `job ${job} was ended at its time limit`,
          cure: 'raise slurm.time (minutes), give the node a timeoutMs, or give it less work',
        }),
      };
    case 'out-of-memory':
      return { kind: 'failed', failure: outOfMemory(job) };
    case 'cancelled':
      return {
        kind: 'failed',
        // Of a class that is not tried again: somebody wanted it to end.
        failure: failure('error', 'KILLED', {
          message: `job ${job} was cancelled in ${title}, not by this run`,
          cure: 'run again to go on; ask whoever cancelled it',
        }),
      };
    case 'lost':
      return retryable(
        hasBegun,
        nodeLost(`the machine of job ${job} failed, or the job was displaced (${state.word})`),
      );
    case 'failed':
      return failedJob(end, state);
    case 'completed':
      return retryable(
        hasBegun,
        failure('crashed', 'CRASHED', {
          message: `job ${job} ended well and left neither result nor error`,
          cure: 'if the file system is slow to show new files, raise slurm.grace_seconds',
        }),
      );
    case 'waiting':
    case 'running':
    case 'unknown':
      throw new Error(`job ${job} has not ended: ${state.word}`);
  }
}

function failedJob(end: SilentEnd, state: BatchJobState): Judgement {
  const { job } = end;
  if (/exceeded (?:job |step )?memory limit|oom.?kill|out of memory/i.test(end.logTail)) {
    return { kind: 'failed', failure: outOfMemory(job) };
  }
  if (/DUE TO NODE FAILURE/.test(end.logTail)) {
    return retryable(end.hasBegun, nodeLost(`the machine of job ${job} failed`));
  }
  const how =
    state.signal !== null && state.signal > 0
      ? `was ended by signal ${state.signal}`
      : `ended with exit code ${String(state.exit)}`;
  const isKilled = state.signal === 9 || state.signal === 15;
  return retryable(
    end.hasBegun,
    failure(isKilled ? 'killed' : 'crashed', isKilled ? 'KILLED' : 'CRASHED', {
      message: `job ${job} ${how} and left no result${lastOf(end.logTail)}`,
      cure: 'the log of the job may say why; run again to go on',
    }),
  );
}

function setupProblem(state: BatchJobState, job: string): Judgement | null {
  if (state.phase !== 'failed') return null;
  if (state.exit === EXIT_NO_FOLDER || (state.exit === 0 && state.signal === SIGNAL_NO_OUTPUT)) {
    return {
      kind: 'setup',
      message: `job ${job} did not find the cache on its machine`,
      cure: 'put cache and output on a file system that all machines share (--cache-dir, -o)',
    };
  }
  if (state.exit === EXIT_NO_NODE || state.exit === EXIT_NO_PACKAGE) {
    return {
      kind: 'setup',
      message: `job ${job} did not find Node.js or this package on its machine`,
      cure: 'install both on a file system that all machines share',
    };
  }
  return null;
}

/** What never started can be tried again without counting as a failure. */
function retryable(hasBegun: boolean, cause: NodeFailure): Judgement {
  return { kind: hasBegun ? 'failed' : 'again', failure: cause };
}

function nodeLost(message: string): NodeFailure {
  return failure('node-lost', 'NODE_LOST', { message, cure: 'run again to go on' });
}

function outOfMemory(job: string): NodeFailure {
  return failure('out-of-memory', 'OUT_OF_MEMORY', {
    message: `job ${job} was ended because it used more memory than it had asked for`,
    cure: "raise the node's resources.memoryGb, or slurm.memory_overhead_gb",
  });
}

function lastOf(logTail: string): string {
  const line = logTail.trimEnd().split('\n').at(-1) ?? '';
  return line === '' ? '' : `: ${line}`;
}
