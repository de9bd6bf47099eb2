/** Many calls of one function, in worker threads or here: results in the order of the items. */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import { ProcessingError } from '../../errors.js';
import { batchIterator, concatenate, type Batchable, type BatchOptions } from './batch-iterator.js';

/** An exported function that threads can find for themselves. */
export interface WorkerFunction<T, R> {
  readonly kind: 'worker-function';
  /** file: URL of a JavaScript module. */
  readonly module: string;
  readonly exportName: string;
  /** Types only; never set. */
  readonly types?: (item: T, report: (done: number) => void) => R;
}

/**
 * Names a function for worker threads: code travels by module and export name, never as a closure.
 *
 * The function is called with an item and with `report(n)`, which passes a number of its own progress back.
 *
 * @param module - `import.meta.url` of the module that exports the function
 */
export function workerFunction<T, R>(module: string, exportName: string): WorkerFunction<T, Awaited<R>> {
  return { kind: 'worker-function', module, exportName };
}

/** How far a parallel map is. */
export interface ParallelProgress {
  /** Items that are done. */
  readonly done: number;
  readonly total: number;
  readonly description: string;
}

/** Options of doing something to every item at once. */
export interface ParallelOptions {
  /** Threads, or calls under way in this thread; -1: one for each core that this process may use. */
  readonly nJobs?: number;
  readonly description?: string;
  readonly onProgress?: (progress: ParallelProgress) => void;
  /** What a call reports of itself, with the index of its item. */
  readonly onReport?: (index: number, done: number) => void;
  readonly signal?: AbortSignal;
}

/** What became of one item when failures are collected. */
export type Settled<R> =
  | { readonly status: 'fulfilled'; readonly value: R }
  | { readonly status: 'rejected'; readonly reason: Error };

/** A call failed: `index` is that of its item. */
export class ParallelError extends ProcessingError {
  readonly index: number;

  constructor(index: number, cause: Error) {
    super('NODE_FAILED', `item ${index} failed: ${cause.message}`, {
      cure: 'correct what the message names; settle: true keeps the results of the others',
      cause,
    });
    this.index = index;
  }
}

type Call<T, R> = WorkerFunction<T, R> | ((item: T, index: number) => R | Promise<R>);

/**
 * Calls a function for each item.
 *
 * A {@link workerFunction} runs in threads. A plain function runs in this thread: several calls are under way together, which
 * helps only those that wait.
 *
 * @returns results in the order of the items; with `settle`, what became of each
 * @throws ParallelError of the first item that failed, without `settle`; calls under way are ended
 */
export async function parallelMap<T, R>(
  call: Call<T, R>,
  items: readonly T[],
  options?: ParallelOptions & { readonly settle?: false },
): Promise<R[]>;
export async function parallelMap<T, R>(
  call: Call<T, R>,
  items: readonly T[],
  options: ParallelOptions & { readonly settle: true },
): Promise<Settled<R>[]>;
export async function parallelMap<T, R>(
  call: Call<T, R>,
  items: readonly T[],
  options: ParallelOptions & { readonly settle?: boolean } = {},
): Promise<R[] | Settled<R>[]> {
  const { description = '', onProgress, signal, settle = false } = options;
  const results = new Array<Settled<R>>(items.length);
  const lanes = lanesOf(call, Math.min(jobsOf(options.nJobs ?? -1), items.length), options);
  let next = 0;
  let done = 0;
  const work = async (lane: Lane<T, R>): Promise<void> => {
    while (next < items.length) {
      signal?.throwIfAborted();
      const index = next++;
      const result = await lane.run(items[index]!, index);
      if (result.status === 'rejected' && !settle) throw new ParallelError(index, result.reason);
      results[index] = result;
      done += 1;
      onProgress?.({ done, total: items.length, description });
    }
  };
  const stop = (): void => {
    for (const lane of lanes) lane.close();
  };
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await Promise.all(lanes.map(work));
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener('abort', stop);
    next = items.length;
    stop();
  }
  if (settle) return results;
  return results.map((result) => (result as { readonly value: R }).value);
}

/**
 * Cuts data into batches, calls a function for each, and puts the results together along the same axis.
 *
 * @throws ProcessingError INVALID_ARGUMENT for empty data; ParallelError with the number of the batch
 */
export async function parallelBatch<D extends Batchable, R extends Batchable>(
  call: Call<D, R>,
  data: D,
  { batchSize = 1000, axis = 0, ...options }: ParallelOptions & BatchOptions & { batchSize?: number } = {},
): Promise<R> {
  const batches = [...batchIterator(data, batchSize, { axis })];
  if (batches.length === 0) {
    throw new ProcessingError('INVALID_ARGUMENT', 'there is nothing in the data', {
      cure: 'leave the call out for empty data',
    });
  }
  return concatenate(await parallelMap(call, batches, options), axis);
}

function jobsOf(nJobs: number): number {
  if (nJobs === -1) return availableParallelism();
  if (Number.isSafeInteger(nJobs) && nJobs >= 1) return nJobs;
  throw new ProcessingError('INVALID_ARGUMENT', `nJobs ${nJobs} is not possible`, {
    cure: 'give a whole number from 1, or -1 for all cores',
  });
}

/** One call at a time. */
interface Lane<T, R> {
  run(item: T, index: number): Promise<Settled<R>>;
  close(): void;
}

function lanesOf<T, R>(call: Call<T, R>, count: number, { onReport }: ParallelOptions): Lane<T, R>[] {
  if (typeof call !== 'function') {
    return Array.from({ length: count }, () => new ThreadLane<T, R>(call, onReport));
  }
  const here: Lane<T, R> = {
    run: async (item, index) => {
      try {
        return { status: 'fulfilled', value: await call(item, index) };
      } catch (error) {
        return { status: 'rejected', reason: error instanceof Error ? error : new Error(String(error)) };
      }
    },
    close: () => undefined,
  };
  return Array.from({ length: count }, () => here);
}

export type ThreadAnswer =
  | { readonly kind: 'report'; readonly done: number }
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'error'; readonly message: string; readonly stack: string | undefined };

/** The built form of a module: threads run no TypeScript. */
export function builtModule(url: string): string {
  return url.endsWith('.ts') ? url.replace(/\/src\/(.*)\.ts$/, '/dist/$1.js') : url;
}

class ThreadLane<T, R> implements Lane<T, R> {
  readonly #worker: Worker;
  readonly #onReport: ParallelOptions['onReport'];
  #index = -1;
  #settle: ((result: Settled<R>) => void) | null = null;

  constructor({ module, exportName }: WorkerFunction<T, R>, onReport: ParallelOptions['onReport']) {
    this.#onReport = onReport;
    const name = import.meta.url.endsWith('.ts') ? './parallel-worker.ts' : './parallel-worker.js';
    this.#worker = new Worker(fileURLToPath(builtModule(new URL(name, import.meta.url).href)), {
      workerData: { module: builtModule(module), exportName },
      // Options of a test runner or loader are not for threads that run built code.
      execArgv: [],
    });
    this.#worker.on('message', (answer: ThreadAnswer) => this.#take(answer));
    this.#worker.on('error', (error) => this.#end({ status: 'rejected', reason: error }));
    this.#worker.on('exit', (code) =>
      this.#end({ status: 'rejected', reason: new Error(`its thread ended with code ${code}`) }),
    );
  }

  run(item: T, index: number): Promise<Settled<R>> {
    this.#index = index;
    return new Promise((resolve) => {
      this.#settle = resolve;
      try {
        this.#worker.postMessage(item);
      } catch (error) {
        this.#end({ status: 'rejected', reason: error as Error });
      }
    });
  }

  close(): void {
    void this.#worker.terminate();
  }

  #take(answer: ThreadAnswer): void {
    switch (answer.kind) {
      case 'report':
        this.#onReport?.(this.#index, answer.done);
        return;
      case 'value':
        return this.#end({ status: 'fulfilled', value: answer.value as R });
      case 'error': {
        const reason = new Error(answer.message);
        if (answer.stack !== undefined) reason.stack = answer.stack;
        return this.#end({ status: 'rejected', reason });
      }
    }
  }

  #end(result: Settled<R>): void {
    const settle = this.#settle;
    this.#settle = null;
    settle?.(result);
  }
}
