/** Runs tasks in worker processes of this machine. */
import { machineLimits, type ResourceLimits } from '../resource-pool.js';
import { WorkerPool, type WorkerPoolOptions } from '../worker-pool.js';
import type { Executor, ExecutorOutcome, ExecutorTask } from './executor.js';

export interface LocalExecutorOptions extends Omit<WorkerPoolOptions, 'size'> {
  readonly jobs?: number | undefined;
  readonly cpus?: number | undefined;
  readonly memoryGb?: number | undefined;
  readonly gpus?: number | undefined;
  /** A fresh process for each task. */
  readonly isolate?: boolean;
}

export class LocalExecutor implements Executor {
  readonly takesBatches = true;
  readonly #pool: WorkerPool;
  readonly #limits: ResourceLimits;
  readonly #isolate: boolean;
  readonly #states = new Map<string, 'submitted' | 'running'>();

  constructor(options: LocalExecutorOptions) {
    this.#isolate = options.isolate ?? false;
    this.#limits = machineLimits(options);
    this.#pool = new WorkerPool({ ...options, size: this.#limits.jobs });
  }

  async submit(task: ExecutorTask): Promise<ExecutorOutcome> {
    this.#states.set(task.id, 'submitted');
    try {
      return await this.#pool.run({
        ...task,
        isolate: this.#isolate || task.isolate === true,
        onStarted: (pid) => {
          this.#states.set(task.id, 'running');
          task.onStarted?.(pid);
        },
      });
    } finally {
      this.#states.delete(task.id);
    }
  }

  states(): ReadonlyMap<string, 'submitted' | 'running'> {
    return this.#states;
  }

  cancel(id: string, now: boolean): void {
    this.#pool.cancel(id, now);
  }

  limits(): ResourceLimits {
    return this.#limits;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
