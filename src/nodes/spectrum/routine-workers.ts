import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { NodeError, ProcessingError } from '../../errors.js';
import type { Slab, WorkerModule } from './computational-routine.js';

export interface WorkerTask {
  readonly id: number;
  readonly slab: Slab;
  readonly options: unknown;
  /** File for the result; null: it comes back by message. */
  readonly chunk: string | null;
}

export type WorkerAnswer =
  | { readonly id: number; readonly data: Float32Array | null; readonly metadata: unknown }
  | {
      readonly id: number;
      readonly error: string;
      /** The error is of what was given to the call. */
      readonly isOfInput: boolean;
    };

type Done = Exclude<WorkerAnswer, { readonly error: string }>;

/** The built form of a module: worker processes run no TypeScript. */
function built(url: string): string {
  return url.endsWith('.ts') ? url.replace(/\/src\/(.*)\.ts$/, '/dist/$1.js') : url;
}

/** Processes that run the calls of a routine, each one call at a time. */
export class RoutineWorkers {
  readonly #children: readonly ChildProcess[];

  constructor({ url, exportName }: WorkerModule, count: number) {
    const name = import.meta.url.endsWith('.ts') ? './routine-worker.ts' : './routine-worker.js';
    const entry = fileURLToPath(built(new URL(name, import.meta.url).href));
    this.#children = Array.from({ length: count }, () =>
      fork(entry, [built(url), exportName], { serialization: 'advanced', execArgv: [] }),
    );
  }

  /**
   * Runs calls 0 to count - 1; a call is made when a process is free for it.
   *
   * @returns results in the order of the calls
   * @throws ProcessingError INVALID_ARGUMENT with the message of a call that refused what it was given; NodeError NODE_FAILED for any
   *   other error of a call, and when a process ended
   */
  async run(
    count: number,
    call: (k: number) => Pick<WorkerTask, 'slab' | 'options'>,
    chunk: (k: number) => string | null,
  ): Promise<Done[]> {
    const results = new Array<Done>(count);
    let next = 0;
    const work = (child: ChildProcess): Promise<void> =>
      new Promise((resolve, reject) => {
        const fail = (what: string, isOfInput = false): void => {
          const message = `a call of the routine failed: ${what}`;
          const cure = 'correct what the message names; parallel false runs the calls in this process';
          reject(
            isOfInput
              ? new ProcessingError('INVALID_ARGUMENT', message, { cure })
              : new NodeError('NODE_FAILED', message, { cure }),
          );
        };
        const send = (): void => {
          const id = next++;
          if (id >= count) resolve();
          else child.send({ id, ...call(id), chunk: chunk(id) });
        };
        child.on('message', (answer: WorkerAnswer) => {
          if ('error' in answer) return fail(answer.error, answer.isOfInput);
          results[answer.id] = answer;
          send();
        });
        child.on('error', (error) => fail(error.message));
        child.on('exit', (code, signal) => fail(`its process ended (${signal ?? code})`));
        send();
      });
    await Promise.all(this.#children.map(work));
    return results;
  }

  /** Ends the processes; calls that still run are given up. */
  close(): void {
    for (const child of this.#children) child.kill();
  }
}
