/** A scheduler in memory, for tests that decide what it answers and what its jobs leave behind. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BatchJobRow, BatchStore } from '../../../../src/engine/executors/batch-adoption.js';
import { BatchExecutor } from '../../../../src/engine/executors/batch-executor.js';
import { attemptFolder, statusFile, type TaskStatus } from '../../../../src/engine/executors/batch-files.js';
import type {
  BatchJob,
  BatchJobState,
  BatchLimits,
  BatchPhase,
  BatchScheduler,
  CancelTarget,
  StatesAnswer,
  SubmitOutcome,
} from '../../../../src/engine/executors/batch-scheduler.js';
import type { ExecutorOutcome } from '../../../../src/engine/executors/executor.js';
import type { RunEvent } from '../../../../src/engine/events.js';

const WORDS: Partial<Record<BatchPhase, string>> = { waiting: 'PENDING', lost: 'NODE_FAIL' };

export interface FakeJob {
  readonly id: string;
  readonly job: BatchJob;
  readonly phases: Map<number, BatchPhase>;
}

export class FakeCluster implements BatchScheduler {
  readonly title = 'SLURM';
  readonly indexVariable = 'SLURM_ARRAY_TASK_ID';
  readonly jobs: FakeJob[] = [];
  readonly cancelled: CancelTarget[] = [];
  /** Answers of the next submissions; `arrives` false: it was not accepted although it is unsure. */
  readonly answers: { readonly outcome: SubmitOutcome; readonly arrives?: boolean }[] = [];
  submissions = 0;
  questions = 0;
  /** What happens on the cluster just before the next questions are answered, whenever they come. */
  readonly meanwhile: (() => void)[] = [];
  isDown = false;
  /** Held jobs, as `<id>_<element>`. */
  readonly held = new Set<string>();
  isForgetful = false;
  arraySize = 1001;

  submit(job: BatchJob): Promise<SubmitOutcome> {
    this.submissions++;
    const id = String(100 + this.submissions);
    const next = this.answers.shift();
    if (next === undefined || next.arrives === true) {
      const phases = new Map(Array.from({ length: job.elements }, (_, i) => [i, 'waiting' as BatchPhase]));
      this.jobs.push({ id, job, phases });
    }
    return Promise.resolve(next?.outcome ?? { kind: 'accepted', jobId: id });
  }

  states(wanted: readonly string[]): Promise<StatesAnswer> {
    this.questions++;
    this.meanwhile.shift()?.();
    if (this.isDown) return Promise.resolve({ kind: 'unknown', text: 'Connection refused' });
    const asked = wanted[0];
    if (asked !== undefined)
      return Promise.resolve({ kind: 'details', jobId: asked, jobs: this.#list(asked) });
    return Promise.resolve({ kind: 'list', jobs: this.isForgetful ? [] : this.#list(null) });
  }

  cancel(targets: readonly CancelTarget[]): Promise<string | null> {
    this.cancelled.push(...targets);
    return Promise.resolve(null);
  }

  limits(): BatchLimits {
    return { arraySize: this.arraySize, cpus: 8, memoryGb: 64, gpus: 0 };
  }

  #list(jobId: string | null): BatchJobState[] {
    if (this.isForgetful) return [];
    return this.jobs
      .filter(({ id }) => jobId === null || id === jobId)
      .flatMap(({ id, job, phases }) =>
        [...phases].map(([element, phase]) => ({
          ...{ jobId: id, element, token: job.token, phase, word: WORDS[phase] ?? phase.toUpperCase() },
          reason: this.held.has(`${id}_${element}`) ? 'JobHeldAdmin' : '',
          release: this.held.has(`${id}_${element}`) ? `scontrol release ${id}_${element}` : null,
          ...{ exit: phase === 'failed' ? 1 : null, signal: phase === 'failed' ? 0 : null },
        })),
      );
  }
}

export class FakeStore implements BatchStore {
  readonly rows = new Map<string, BatchJobRow>();
  readonly adopted: string[] = [];
  readonly live = new Set<string>();
  typical: number | null = null;
  /** What was in the table when something was submitted. */
  readonly history: BatchJobRow[] = [];

  isRunLive(runId: string): boolean {
    return this.live.has(runId);
  }
  putBatchJob(row: BatchJobRow): void {
    this.rows.set(row.token, row);
    this.history.push(row);
  }
  batchJobId(token: string): string | null {
    return this.rows.get(token)?.jobId ?? null;
  }
  dropBatchJob(token: string): void {
    this.rows.delete(token);
  }
  adopt(directory: string): boolean {
    this.adopted.push(directory);
    return true;
  }
  typicalMs(): number | null {
    return this.typical;
  }
}

const POLL_MS = 10;
export const STATUS_MS = 30;
export const GRACE_MS = 60;

export class BatchRig {
  readonly root = mkdtempSync(join(tmpdir(), 'neuroloom-batch-'));
  readonly cluster = new FakeCluster();
  readonly store = new FakeStore();
  readonly events: RunEvent[] = [];
  executor: BatchExecutor;
  #tasks = 0;

  constructor(
    readonly options: {
      readonly maxQueued?: number;
      readonly throttle?: number;
      readonly packMs?: number;
    } = {},
  ) {
    this.executor = this.open('run-1');
  }

  /** Another executor on the same cache: what the next run has. */
  open(runId: string, ...others: string[]): BatchExecutor {
    this.store.live.clear();
    for (const live of [runId, ...others]) this.store.live.add(live);
    const { maxQueued = 1000, throttle = null, packMs = 60_000 } = this.options;
    this.executor = new BatchExecutor({
      scheduler: this.cluster,
      settings: {
        ...{ pollMs: POLL_MS, statusMs: STATUS_MS, graceMs: GRACE_MS, packMs, maxQueued },
      },
      limits: { jobs: 10_000, cpus: Infinity, memoryGb: Infinity, gpus: 0, tokens: {} },
      throttle,
      directory: join(this.root, 'batch'),
      runId,
      store: this.store,
      logCapBytes: 1000,
      graceMs: 20,
      program: { node: process.execPath, command: '/nowhere/pipeline.js' },
      emit: (event) => this.events.push(event),
    });
    return this.executor;
  }

  submit(id: string, given: { readonly timeoutMs?: number } = {}): Promise<ExecutorOutcome> {
    const taskFile = join(this.root, `${this.#tasks++}.json`);
    writeFileSync(taskFile, JSON.stringify({ scratchDir: null }));
    return this.executor.submit({
      ...{ id, taskFile, heapMb: 256, timeoutMs: given.timeoutMs ?? null, key: keyOf(id), node: 'fit' },
      resources: { cpus: 1, memoryGb: 0.5, gpus: 0, tokens: {} },
    });
  }

  /** A node ends in its job. */
  end(job: FakeJob, element: number, slot: number, status: Partial<TaskStatus> = {}): void {
    const { folder } = job.job;
    mkdirSync(attemptFolder(folder, element, slot, status.attempt ?? 1), { recursive: true });
    const whole: TaskStatus = {
      ...{
        format: 1,
        outcome: 'result',
        failure: null,
        exit: null,
        signal: null,
        attempt: 1,
        printed: false,
      },
      ...{ ms: 5, peakMb: 10, cpuMs: 4, pid: 77, host: 'node1', job: `${job.id}_${element}`, messages: [] },
      ...{ begun: new Date(0).toISOString(), ended: new Date(0).toISOString() },
      ...status,
    };
    writeFileSync(statusFile(folder, element, slot), JSON.stringify(whole));
  }

  begin(job: FakeJob, element: number, slot: number): void {
    writeFileSync(join(job.job.folder, 'done', `${element}.${slot}.begun`), job.id);
    job.phases.set(element, 'running');
  }

  async job(at: number): Promise<FakeJob> {
    await this.until(() => this.cluster.jobs.length > at);
    return this.cluster.jobs[at] as FakeJob;
  }

  async until(holds: () => boolean): Promise<void> {
    const start = performance.now();
    while (!holds()) {
      if (performance.now() - start > 20_000) throw new Error(`not in time: ${holds.toString()}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.executor.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

export function keyOf(id: string): string {
  return Buffer.from(id).toString('hex').padEnd(64, '0');
}
