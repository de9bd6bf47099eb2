/** Runs one instance: lease, attempt, worker, checks, commit; and tells what happened. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PipelineError } from '../errors.js';
import type { AttemptStart, CacheStore, Lease, StoredResult } from './cache-store.js';
import { rerunCommand, type CrashRecord } from './crash-record.js';
import type { RunEvent, RunReason } from './events.js';
import type { Executor, ExecutorOutcome, ExecutorTask } from './executors/executor.js';
import { failure, type NodeFailure } from './failure.js';
import type { Fingerprint } from './fingerprint.js';
import { isIsolated, type Instance } from './graph.js';
import { taskInputs, type ExternalFacts } from './inputs.js';
import type { InstanceTable } from './instance-table.js';
import { killPoint } from './kill-points.js';
import { makeDirectory } from './make-directory.js';
import { readLogTail } from './log-capture.js';
import type { RunLog } from './run-log.js';
import { storageError } from './storage-error.js';
import { PROTOCOL, type Task } from './worker-protocol.js';

export type KeepWork = 'never' | 'failed' | 'always';

export interface RunnerOptions {
  readonly runId: string;
  readonly table: InstanceTable;
  readonly store: CacheStore;
  readonly executor: Executor;
  readonly log: RunLog;
  readonly seed: number;
  readonly workDir: string;
  readonly keepWork: KeepWork;
  readonly logCapBytes: number;
  readonly emit: (event: RunEvent) => void;
}

/** An instance that is to run. */
export interface Order {
  readonly index: number;
  readonly fingerprint: Fingerprint;
  readonly reason: RunReason;
  readonly facts: ExternalFacts;
  /** From 1. */
  readonly attempt: number;
}

export type InstanceEnd =
  | { readonly kind: 'stored'; readonly result: StoredResult; readonly ms: number; readonly peakMb: number }
  | {
      readonly kind: 'failed';
      readonly failure: NodeFailure;
      readonly ms: number;
      readonly logTail: string;
      readonly logPath: string | null;
      /** Relative to the output directory; null when nothing was recorded. */
      readonly crashPath: string | null;
    }
  /** Another run works on this key, or has just done it. */
  | { readonly kind: 'elsewhere'; readonly isDone: boolean }
  /** The worker gave it back before it began. */
  | { readonly kind: 'returned' };

/** How a run of an instance ended that began. */
type RealEnd = Extract<InstanceEnd, { kind: 'stored' | 'failed' }>;

type BatchedStart = AttemptStart & { readonly force: boolean };
type Fail = (error: unknown) => void;

const LOG_TAIL_LINES = 20;
const MB_PER_GB = 1024;
/** Workers of few sizes serve all nodes: heap limits are powers of two from here. */
const SMALLEST_HEAP_MB = 256;

export class InstanceRunner {
  readonly #options: RunnerOptions;
  #starting: { readonly start: BatchedStart; readonly done: (lease: Lease) => void; readonly fail: Fail }[] =
    [];

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /**
   * @param batch - instances of one batch are given to one worker
   * @throws StorageError when the cache itself cannot be written
   */
  async run(order: Order, batch: number | null = null): Promise<InstanceEnd> {
    const { store, table, runId, emit, executor } = this.#options;
    const instance = table.instance(order.index);
    const { key, components, literals } = order.fingerprint;
    const attempt = { runId, instance: instance.id, n: order.attempt, key };
    const force = order.reason.kind === 'forced';
    const lease = await this.#start({ ...attempt, components, literals, reason: order.reason.kind, force });
    if (lease.outcome === 'finished') return { kind: 'elsewhere', isDone: true };
    if (lease.outcome === 'held') return { kind: 'elsewhere', isDone: false };
    killPoint('attempt-recorded');
    const attemptDir = store.attemptDirectory(runId, order.index, attempt.n);
    const { keepWork, workDir } = this.#options;
    // What nobody will look at needs no directory of its own.
    const scratchDir = keepWork === 'never' ? null : join(workDir, `${order.index}.${attempt.n}`);
    const taskFile = join(workDir, `${order.index}.${attempt.n}.json`);
    const task = this.#task(order, instance, { attemptDir, scratchDir, cpus: instance.resources.cpus });
    const isInline = executor.takesBatches === true && keepWork === 'never';
    this.#writeTask(task, isInline ? null : taskFile);
    killPoint('task-written');
    emit({ type: 'node-started', id: instance.id, key, reason: order.reason, attempt: attempt.n });
    const given = { taskFile, batch, ...(isInline ? { task } : {}) };
    const outcome = await this.#submit(order, instance, given);
    if (outcome.kind === 'returned') return { kind: 'returned' };
    killPoint('result-received');
    const end = await this.#conclude(order, instance, outcome, outcome.attemptDir ?? attemptDir);
    outcome.release?.();
    store.endAttempt({
      ...attempt,
      state:
        end.kind === 'stored'
          ? end.result.state
          : end.failure.failureClass === 'cancelled'
            ? 'cancelled'
            : 'failed',
      workerPid: outcome.pid,
      exit: outcome.kind === 'failed' ? outcome.exit : null,
      signal: outcome.kind === 'failed' ? outcome.signal : null,
      failureClass: end.kind === 'failed' ? end.failure.failureClass : null,
      peakMb: outcome.peakMb,
      cpuMs: outcome.cpuMs,
    });
    const isKept = keepWork === 'always' || (keepWork === 'failed' && end.kind === 'failed');
    if (!isKept) {
      if (!isInline) rmSync(taskFile, { force: true });
      if (scratchDir !== null) rmSync(scratchDir, { recursive: true, force: true });
    }
    return end;
  }

  /** Instances that start in the same moment share a transaction. */
  #start(start: BatchedStart): Promise<Lease> {
    if (this.#starting.length === 0) {
      queueMicrotask(() => {
        this.#startAll();
      });
    }
    return new Promise((done, fail) => {
      this.#starting.push({ start, done, fail });
    });
  }

  #startAll(): void {
    const starting = this.#starting;
    this.#starting = [];
    try {
      const leases = this.#options.store.startAttempts(starting.map(({ start }) => start));
      starting.forEach(({ done }, at) => {
        done(leases[at] as Lease);
      });
    } catch (error) {
      for (const { fail } of starting) fail(error);
    }
  }

  #task(
    order: Order,
    instance: Instance,
    place: { attemptDir: string; scratchDir: string | null; cpus: number },
  ): Task {
    const { table, store, seed } = this.#options;
    const { node } = instance;
    const { key, components } = order.fingerprint;
    return {
      protocol: PROTOCOL,
      id: instance.id,
      key,
      node: node.name,
      version: node.version,
      components,
      module: node.module,
      inputs: taskInputs(table, instance, order.facts),
      ...place,
      checkpointDir: node.resumable ? store.checkpointDirectory(key) : null,
      seed,
    };
  }

  /** @param file - null: the task travels in the message */
  #writeTask(task: Task, file: string | null): void {
    try {
      if (task.scratchDir !== null) makeDirectory(task.scratchDir);
      if (file !== null) writeFileSync(file, JSON.stringify(task));
    } catch (cause) {
      throw storageError(cause, file ?? task.scratchDir ?? '', 'work');
    }
  }

  #submit(
    order: Order,
    instance: Instance,
    given: Pick<ExecutorTask, 'taskFile' | 'task' | 'batch'>,
  ): Promise<ExecutorOutcome> {
    const { executor, emit } = this.#options;
    const { id } = instance;
    return executor.submit({
      id,
      key: order.fingerprint.key,
      node: instance.node.name,
      resources: instance.resources,
      ...given,
      heapMb: heapMbOf(instance.resources.memoryGb),
      isolate: isIsolated(instance),
      timeoutMs: instance.timeoutMs,
      onStarted: () => {
        killPoint('node-started');
      },
      onMessage: (message) => {
        switch (message.type) {
          case 'progress':
            emit({
              type: 'node-progress',
              id,
              done: message.done,
              total: message.total,
              text: message.text,
            });
            return;
          case 'metric':
            emit({ type: 'node-metric', id, name: message.name, values: message.values });
            return;
          case 'log':
            emit({ type: 'node-log', id, level: message.level, message: message.message });
            return;
        }
      },
    });
  }

  async #conclude(
    order: Order,
    instance: Instance,
    outcome: ExecutorOutcome,
    attemptDir: string,
  ): Promise<RealEnd> {
    if (outcome.kind === 'failed') return this.#failed(order, instance, outcome, outcome.failure, attemptDir);
    const changed = await this.#changedInput(order.facts);
    if (changed !== null) return this.#failed(order, instance, outcome, changed, attemptDir);
    const { store, runId } = this.#options;
    const { name, version } = instance.node;
    const { key, components } = order.fingerprint;
    const sealed = (outcome.kind === 'result' ? outcome.sealed : null) ?? null;
    killPoint('before-object-rename');
    const admission = store.admit(key, attemptDir, {
      runId,
      replace: order.reason.kind === 'forced',
      ...(sealed === null ? {} : { record: { ...sealed, format: 1, key, components, node: name, version } }),
    });
    if (!('result' in admission)) {
      const lost =
        admission.outcome === 'output-missing'
          ? failure('output-missing', 'OUTPUT_MISSING', {
              message: `output ${admission.path} was there when the node ended and is gone`,
              where: admission.path,
              cure: 'no other program may change the cache; run again',
            })
          : failure('output-invalid', 'OUTPUT_INVALID', {
              message: `output ${admission.path} changed after the node ended`,
              where: admission.path,
              cure: 'wait for every program that the node starts before it returns',
            });
      return this.#failed(order, instance, outcome, lost, attemptDir);
    }
    if (admission.outcome === 'existing' && !admission.identical && instance.node.deterministic) {
      this.#options.emit({
        type: 'warning',
        code: 'NOT_DETERMINISTIC',
        message: `${instance.id} gave another result than a run beside this one; the earlier one is used`,
        cure: 'derive random numbers from ctx.seed, or declare the node with deterministic: false',
      });
    }
    return { kind: 'stored', result: admission.result, ms: outcome.ms, peakMb: outcome.peakMb };
  }

  /** A file outside the graph that changed while the node ran: nobody knows which content the node saw. */
  async #changedInput(facts: ExternalFacts): Promise<NodeFailure | null> {
    for (const file of facts.values()) {
      if (await this.#options.store.isUnchanged(file)) continue;
      return failure('input-changed', 'INPUT_CHANGED', {
        message: `input ${file.path} changed while the node ran`,
        where: file.path,
        cure: 'leave the inputs alone during a run, then run again',
      });
    }
    return null;
  }

  #failed(
    order: Order,
    instance: Instance,
    outcome: ExecutorOutcome,
    cause: NodeFailure,
    attemptDir: string,
  ): RealEnd {
    const { store, log, logCapBytes } = this.#options;
    const { stdout, stderr } = outcome.logs;
    let logTail = '';
    let logPath: string | null = null;
    if (stdout !== '') {
      logTail = readLogTail(stderr, LOG_TAIL_LINES) || readLogTail(stdout, LOG_TAIL_LINES);
      try {
        logPath = log.saveNodeLogs(instance.id, outcome.logs, logCapBytes);
      } catch (error) {
        if (!(error instanceof PipelineError)) throw error;
        this.#options.emit({
          type: 'warning',
          code: error.code,
          message: `the log of ${instance.id} could not be kept: ${error.message}`,
          cure: error.cure ?? null,
        });
      }
    }
    const crashPath =
      cause.failureClass === 'cancelled'
        ? null
        : this.#recordCrash(order, instance, outcome, cause, logTail, logPath);
    store.discard(order.fingerprint.key, attemptDir);
    return { kind: 'failed', failure: cause, ms: outcome.ms, logTail, logPath, crashPath };
  }

  #recordCrash(
    order: Order,
    instance: Instance,
    outcome: ExecutorOutcome,
    cause: NodeFailure,
    logTail: string,
    logPath: string | null,
  ): string | null {
    const { log, runId, table, seed } = this.#options;
    const { node, resources } = instance;
    const record: CrashRecord = {
      format: 1,
      run: runId,
      id: instance.id,
      node: node.name,
      version: node.version,
      item: instance.itemKey,
      key: order.fingerprint.key,
      attempt: order.attempt,
      failure: cause,
      exit: outcome.kind === 'failed' ? outcome.exit : null,
      signal: outcome.kind === 'failed' ? outcome.signal : null,
      ms: outcome.ms,
      peak_mb: outcome.peakMb,
      memory_gb: resources.memoryGb,
      timeout_ms: instance.timeoutMs,
      log: logPath,
      log_tail: logTail === '' ? [] : logTail.split('\n'),
      rerun: rerunCommand(instance.id, log.outputDir),
      task: {
        module: node.module,
        inputs: taskInputs(table, instance, order.facts),
        cpus: resources.cpus,
        seed,
      },
    };
    try {
      return log.saveCrash(record);
    } catch (error) {
      if (!(error instanceof PipelineError)) throw error;
      this.#options.emit({
        type: 'warning',
        code: error.code,
        message: `the record of the failure of ${instance.id} could not be kept: ${error.message}`,
        cure: error.cure ?? null,
      });
      return null;
    }
  }
}

/** Heap limit of a worker for a request of memory, MB. */
export function heapMbOf(memoryGb: number): number {
  let heapMb = SMALLEST_HEAP_MB;
  while (heapMb < memoryGb * MB_PER_GB) heapMb *= 2;
  return heapMb;
}
