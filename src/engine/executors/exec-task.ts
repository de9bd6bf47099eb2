/**
 * What runs inside a cluster job: `pipeline exec-task DIR`. It is the parent of one worker, the same as on a local
 * machine, gives it the nodes of the folder one after the other, and leaves a status file for each.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { StorageError } from '../../errors.js';
import { failure, type NodeFailure } from '../failure.js';
import { saveLog } from '../log-capture.js';
import { makeDirectory } from '../make-directory.js';
import { storageError } from '../storage-error.js';
import type { PoolOutcome, PoolTask } from '../pool-task.js';
import { WorkerPool } from '../worker-pool.js';
import type { Task } from '../worker-protocol.js';
import {
  attemptFolder,
  attemptLogs,
  claimElement,
  DONE_FOLDER,
  readPack,
  statusFile,
  writeWhole,
  type KeptMessage,
  type Pack,
  type TaskStatus,
} from './batch-files.js';

/** `limit`: the time of the job is nearly over. `ended`: the job is cancelled, displaced or put back in the queue. */
type Stop = 'limit' | 'ended';

/** Messages of one node that are kept for the parent; the others are in no log. */
const MOST_MESSAGES = 1000;
const OWN_SIGNAL_MS = 2000;
/** After a node that failed by itself, as far as is known. */
const TOOL_SIGNAL_MS = 250;

/**
 * Runs the nodes of one array element.
 *
 * @param directory - `<folder>/<element>` of a folder that the executor wrote
 * @param env - tells which job this is
 * @throws StorageError when the folder cannot be read or written
 */
export async function execTask(directory: string, env: NodeJS.ProcessEnv): Promise<void> {
  const element = resolve(directory);
  const pack = /^\d+$/.test(basename(element)) ? readPack(element) : null;
  if (pack === null) {
    throw new StorageError('IO', 'this is not the folder of a job', {
      where: directory,
      cure: '`pipeline exec-task` is what cluster jobs run; start runs with `pipeline run --executor slurm`',
    });
  }
  const job = jobOf(env);
  if (!claimElement(dirname(element), Number(basename(element)), job)) return;
  await new ElementRun(element, pack, job).run();
}

/** The same for all starts of one array element, and for no other. */
function jobOf(env: NodeJS.ProcessEnv): string {
  const array = env['SLURM_ARRAY_JOB_ID'];
  if (array !== undefined) return `${array}_${env['SLURM_ARRAY_TASK_ID'] ?? ''}`;
  return env['SLURM_JOB_ID'] ?? `process ${process.pid} on ${hostname()}`;
}

class ElementRun {
  readonly #folder: string;
  readonly #element: number;
  readonly #pool: WorkerPool;
  #stop: Stop | null = null;
  #isTimeUp = false;
  #running: string | null = null;

  constructor(
    directory: string,
    readonly pack: Pack,
    readonly job: string,
  ) {
    this.#folder = dirname(directory);
    this.#element = Number(basename(directory));
    const { logCapBytes, graceMs } = pack;
    // The worker pool makes its directory: copies of one job must not share it either.
    const pool = join(directory, `workers.${Date.now()}`);
    this.#pool = new WorkerPool({ size: 1, directory: pool, logCapBytes, graceMs });
  }

  async run(): Promise<void> {
    const onLimit = (): void => {
      this.#end('limit');
    };
    const onEnd = (): void => {
      this.#end('ended');
    };
    process.on('SIGUSR1', onLimit);
    process.on('SIGTERM', onEnd);
    process.on('SIGINT', onEnd);
    // Left by an earlier start of the same job, which was put back in the queue.
    rmSync(this.#endedFile, { force: true });
    const { giveBackMs } = this.pack;
    const timer = setTimeout(() => (this.#isTimeUp = true), giveBackMs ?? 0);
    if (giveBackMs === null) clearTimeout(timer);
    try {
      for (let slot = 0; slot < this.pack.tasks.length; slot++) {
        if (existsSync(statusFile(this.#folder, this.#element, slot))) continue;
        if (this.#stop === 'ended') break;
        if (this.#stop === 'limit' || this.#isTimeUp) this.#giveBack(slot);
        else await this.#runSlot(slot);
      }
    } finally {
      clearTimeout(timer);
      await this.#pool.close();
      // A parent that cancelled the job waits for this: nothing of it writes any more.
      if (this.#stop === 'ended') {
        writeWhole(this.#endedFile, this.job);
      }
      process.off('SIGUSR1', onLimit).off('SIGTERM', onEnd).off('SIGINT', onEnd);
    }
  }

  get #endedFile(): string {
    return join(this.#folder, DONE_FOLDER, `${this.#element}.ended`);
  }

  #end(why: Stop): void {
    // An end is stronger than a limit: nothing may be written as failed that the queue will start again.
    if (this.#stop !== 'ended') this.#stop = why;
    if (this.#running !== null) this.#pool.cancel(this.#running);
  }

  async #runSlot(slot: number): Promise<void> {
    const planned = this.pack.tasks[slot] as Pack['tasks'][number];
    const attempt = this.#nextAttempt(slot);
    const taskFile = this.#prepare(slot, attempt);
    const messages: KeptMessage[] = [];
    const begun = new Date();
    writeWhole(join(this.#folder, DONE_FOLDER, `${this.#element}.${slot}.begun`), this.job);
    this.#running = planned.id;
    const order = {
      ...planned,
      taskFile,
      onMessage: (message: Parameters<NonNullable<PoolTask['onMessage']>>[0]) => {
        if (message.type !== 'progress' && messages.length < MOST_MESSAGES) messages.push(message);
      },
    } satisfies PoolTask;
    let outcome = await this.#pool.run(order);
    while (outcome.kind === 'returned') outcome = await this.#pool.run(order);
    this.#running = null;
    if (outcome.kind === 'failed') await this.#waitForOwnSignal(outcome.failure);
    const failed = outcome.kind === 'failed' ? this.#explain(outcome.failure) : null;
    if (failed !== null && this.#stop === 'ended') return;
    this.#writeStatus(slot, {
      ...this.#account(outcome, begun),
      attempt,
      outcome: failed === null ? 'result' : 'failed',
      failure: failed,
      printed: this.#keepLogs(slot, attempt, outcome),
      messages,
    });
  }

  /**
   * A scheduler signals all processes of a job: the worker may be gone, or a tool of it, before this process has read
   * its own signal.
   */
  async #waitForOwnSignal({ failureClass }: NodeFailure): Promise<void> {
    const until = performance.now() + (failureClass === 'killed' ? OWN_SIGNAL_MS : TOOL_SIGNAL_MS);
    while (this.#stop !== 'ended' && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** The task file of this attempt: places are those of the cluster, everything else as the parent wrote it. */
  #prepare(slot: number, attempt: number): string {
    const attemptDir = attemptFolder(this.#folder, this.#element, slot, attempt);
    const taskFile = `${attemptDir}.task.json`;
    try {
      const text = readFileSync(join(this.#folder, String(this.#element), `${slot}.json`), 'utf8');
      const task = JSON.parse(text) as Task;
      const scratchDir = task.scratchDir === null ? null : `${attemptDir}.work`;
      if (scratchDir !== null) makeDirectory(scratchDir);
      writeFileSync(taskFile, JSON.stringify({ ...task, attemptDir, scratchDir } satisfies Task));
    } catch (cause) {
      throw storageError(cause, taskFile, 'work');
    }
    return taskFile;
  }

  /**
   * The number of the next attempt, with its directory made. A scheduler that lost its memory may start a job a second
   * time while the first copy still lives: no two ever share a directory.
   */
  #nextAttempt(slot: number): number {
    for (let attempt = 1; ; attempt++) {
      const directory = attemptFolder(this.#folder, this.#element, slot, attempt);
      try {
        mkdirSync(directory);
        return attempt;
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw storageError(cause, directory, 'work');
      }
    }
  }

  #explain(cause: NodeFailure): NodeFailure {
    if (this.#stop !== 'limit' || cause.failureClass !== 'cancelled') return cause;
    return failure('timeout', 'TIMEOUT', {
      message: 'the node had not ended when the time limit of its cluster job was near',
      cure: 'raise slurm.time (minutes), give the node a timeoutMs, or give it less work',
    });
  }

  #keepLogs(slot: number, attempt: number, outcome: PoolOutcome): boolean {
    const target = attemptLogs(this.#folder, this.#element, slot, attempt);
    const { logCapBytes } = this.pack;
    if (outcome.logs.stdout === '') return false;
    const out = saveLog(outcome.logs.stdout, target.stdout, logCapBytes);
    const err = saveLog(outcome.logs.stderr, target.stderr, logCapBytes);
    return out + err > 0;
  }

  #account(
    outcome: PoolOutcome,
    begun: Date,
  ): Omit<TaskStatus, 'outcome' | 'failure' | 'attempt' | 'printed' | 'messages'> {
    return {
      format: 1,
      exit: outcome.kind === 'failed' ? outcome.exit : null,
      signal: outcome.kind === 'failed' ? outcome.signal : null,
      ms: outcome.ms,
      peakMb: outcome.peakMb,
      cpuMs: outcome.cpuMs,
      pid: outcome.pid,
      host: hostname(),
      job: this.job,
      begun: begun.toISOString(),
      ended: new Date().toISOString(),
    };
  }

  #giveBack(slot: number): void {
    const now = new Date().toISOString();
    this.#writeStatus(slot, {
      ...{ format: 1, outcome: 'given-back', failure: null, exit: null, signal: null, printed: false },
      ...{ attempt: 1, ms: 0, peakMb: 0, cpuMs: 0, pid: 0, host: hostname(), job: this.job },
      ...{ begun: now, ended: now, messages: [] },
    });
  }

  #writeStatus(slot: number, status: TaskStatus): void {
    writeWhole(statusFile(this.#folder, this.#element, slot), JSON.stringify(status));
  }
}
