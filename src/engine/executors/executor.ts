import type { Resources } from '../node.js';
import type { ResourceLimits } from '../resource-pool.js';
import type { PoolOutcome, PoolTask } from '../pool-task.js';

export interface ExecutorTask extends PoolTask {
  /** Key of the result: a job that an earlier run left behind is recognised by it. */
  readonly key: string;
  /** Name of the node: history and grouping. */
  readonly node: string;
  readonly resources: Resources;
}

export type ExecutorOutcome = PoolOutcome & {
  /** Where the result lies when it is not the attempt directory that the task file names. */
  readonly attemptDir?: string;
  /** Called when logs and result have been taken. */
  readonly release?: () => void;
};

/** Where tasks run. Failure is an outcome; an exception ends the run. */
export interface Executor {
  /** Tasks need no file, and those of one batch run one after another in one process. Default false. */
  readonly takesBatches?: boolean;
  submit(task: ExecutorTask): Promise<ExecutorOutcome>;
  /** Ids of the tasks that have been submitted and have not ended. */
  states(): ReadonlyMap<string, 'submitted' | 'running'>;
  /** Asks a task to end, then makes it; `now` kills. */
  cancel(id: string, now: boolean): void;
  limits(): ResourceLimits;
  close(): Promise<void>;
}
