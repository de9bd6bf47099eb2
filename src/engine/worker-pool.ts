/**
 * Warm worker processes. Each runs one node at a time and leads its own process group; its death fails that one
 * node. A worker is replaced after a failure, after many nodes, and when it has grown. Several short tasks may be given
 * to a worker at once; those that it has not begun when it dies, prints or is held up are returned.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_LOG_CAP_BYTES, readLogTail } from './log-capture.js';
import { classifyExit, classifyThrown, endedByParent, failure, type NodeFailure } from './failure.js';
import { makeDirectory } from './make-directory.js';
import { ParentWatch } from './parent-watch.js';
import { failUnstarted, orderOf, type Job, type PoolOutcome, type PoolTask } from './pool-task.js';
import { storageError } from './storage-error.js';
import { PROTOCOL, WorkerMessageSchema, type SealedResult, type WorkerMessage } from './worker-protocol.js';
import { WorkerProcess, type ProcessEnd } from './worker-process.js';

export interface WorkerPoolOptions {
  /** Most processes at a time. */
  readonly size: number;
  /** Holds the log files and working directories of the workers; created. */
  readonly directory: string;
  readonly logCapBytes?: number;
  /** Between the steps of ending a node: message, SIGTERM, SIGKILL; ms. */
  readonly graceMs?: number;
  /** A worker is replaced after this many nodes, but not before it is `minAgeMs` old: a start costs as much as many short nodes. */
  readonly maxNodes?: number;
  readonly minAgeMs?: number;
  /** A worker whose memory stays above this after a node is replaced, MB. */
  readonly maxRssMb?: number;
  /** A worker that does not take up a task within this time is replaced, ms. */
  readonly startTimeoutMs?: number;
  readonly env?: NodeJS.ProcessEnv;
}

type WorkerState = 'starting' | 'idle' | 'busy' | 'ending';

interface PoolWorker {
  readonly process: WorkerProcess;
  state: WorkerState;
  /** What it was given and has not answered; the first is running. */
  jobs: Job[];
  nodes: number;
  readonly bornAt: number;
  /** It is replaced when it has answered everything. */
  isWorn: boolean;
  /** Largest memory seen while the node runs, MB; what is told when the process dies. */
  peakMb: number;
  /** Why the pool itself gave up on this process. */
  broken: NodeFailure | null;
  readonly gone: Promise<void>;
}

const DEFAULT_GRACE_MS = 5000;
const DEFAULT_MAX_NODES = 500;
const DEFAULT_MIN_AGE_MS = 60_000;
const DEFAULT_MAX_RSS_MB = 1024;
// A loaded machine needs seconds to start a process; one that takes this long is stuck.
const DEFAULT_START_TIMEOUT_MS = 60_000;
const LOG_TAIL_LINES = 20;
const SAMPLE_MS = 1000;
/** A worker that is held up this long by one task of a batch gives back the others, ms. */
const RECALL_AFTER_MS = 100;

export class WorkerPool {
  readonly #options: Required<Omit<WorkerPoolOptions, 'env'>> & { env: NodeJS.ProcessEnv };
  readonly #workers = new Set<PoolWorker>();
  readonly #waiting: Job[] = [];
  readonly #sampler: NodeJS.Timeout;
  readonly #watch: ParentWatch;
  #serial = 0;
  #tasks = 0;
  #isAssigning = false;
  #closed = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = {
      size: options.size,
      directory: options.directory,
      logCapBytes: options.logCapBytes ?? DEFAULT_LOG_CAP_BYTES,
      graceMs: options.graceMs ?? DEFAULT_GRACE_MS,
      maxNodes: options.maxNodes ?? DEFAULT_MAX_NODES,
      minAgeMs: options.minAgeMs ?? DEFAULT_MIN_AGE_MS,
      maxRssMb: options.maxRssMb ?? DEFAULT_MAX_RSS_MB,
      startTimeoutMs: options.startTimeoutMs ?? DEFAULT_START_TIMEOUT_MS,
      env: options.env ?? process.env,
    };
    try {
      makeDirectory(options.directory);
    } catch (cause) {
      throw storageError(cause, options.directory, 'work');
    }
    this.#watch = new ParentWatch(options.directory, this.#options.env);
    this.#sampler = setInterval(() => {
      for (const worker of this.#workers) {
        if (worker.state === 'busy') worker.peakMb = Math.max(worker.peakMb, worker.process.residentMb());
      }
    }, SAMPLE_MS);
    this.#sampler.unref();
  }

  /** Process ids of the workers that are alive. */
  get pids(): number[] {
    return [...this.#workers].map((worker) => worker.process.pid);
  }

  /** Runs one task; waits for a free worker when all are busy. Failure is a value. */
  run(task: PoolTask): Promise<PoolOutcome> {
    if (this.#closed) throw new Error('the worker pool is closed');
    return new Promise((done) => {
      const startedAt = performance.now();
      this.#waiting.push({ n: ++this.#tasks, task, done, startedAt, endedFor: null, timers: [] });
      this.#askAssign();
    });
  }

  /** Ends a node: by message, then SIGTERM, then SIGKILL to its group; `now` goes to SIGKILL at once. */
  cancel(id: string, now = false): void {
    for (const worker of this.#workers) {
      const place = worker.jobs.findIndex((job) => job.task.id === id);
      if (place === 0) this.#end(worker, worker.jobs[0] as Job, 'cancelled', now);
      if (place > 0) {
        worker.process.send({ type: 'recall' });
        for (const job of worker.jobs.splice(place, 1)) failUnstarted(job, endedByParent('cancelled', null));
      }
    }
    const at = this.#waiting.findIndex((job) => job.task.id === id);
    const job = at < 0 ? undefined : this.#waiting.splice(at, 1)[0];
    if (job !== undefined) failUnstarted(job, endedByParent('cancelled', null));
  }

  /** Ends all workers and waits for them; running nodes must have ended or been cancelled before. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sampler);
    const all = [...this.#workers];
    for (const worker of all) this.#retire(worker);
    await Promise.all(all.map((worker) => worker.gone));
    await this.#watch.close();
  }

  /** In a while: what is asked for in the same moment is seen together. */
  #askAssign(): void {
    if (this.#isAssigning) return;
    this.#isAssigning = true;
    queueMicrotask(() => {
      this.#isAssigning = false;
      this.#assign();
    });
  }

  #assign(): void {
    for (let at = 0; at < this.#waiting.length;) {
      const job = this.#waiting[at] as Job;
      const worker = this.#idleWorker(job.task);
      if (worker === null) {
        const cause = this.#makeRoom(job.task);
        if (cause === null) at++;
        else {
          this.#waiting.splice(at, 1);
          failUnstarted(job, cause);
        }
        continue;
      }
      this.#waiting.splice(at, 1);
      this.#give(worker, [job, ...this.#takeBatch(job.task.batch ?? null)]);
    }
  }

  #takeBatch(batch: number | null): Job[] {
    if (batch === null) return [];
    const isMember = (job: Job): boolean => job.task.batch === batch;
    const members = this.#waiting.filter(isMember);
    if (members.length > 0) {
      // In place: #assign walks over this list.
      this.#waiting.splice(0, this.#waiting.length, ...this.#waiting.filter((job) => !isMember(job)));
    }
    return members;
  }

  /** One of the size of the task; in a full pool also one of twice that size, which would be replaced otherwise. */
  #idleWorker(task: PoolTask): PoolWorker | null {
    let larger: PoolWorker | null = null;
    let alive = 0;
    for (const worker of this.#workers) {
      if (worker.state !== 'ending') alive++;
      if (worker.state !== 'idle') continue;
      if (fits(worker, task)) return worker;
      if (fits(worker, task, 2 * task.heapMb)) larger = worker;
    }
    return alive >= this.#options.size ? larger : null;
  }

  /**
   * Starts a worker for a waiting task, replacing an idle one that does not suit it when the pool is full.
   *
   * @returns why none could be started; null when one was, or when the task must wait
   */
  #makeRoom(task: PoolTask): NodeFailure | null {
    const { heapMb } = task;
    let starting = 0;
    let wanted = 0;
    let alive = 0;
    let idle: PoolWorker | null = null;
    for (const job of this.#waiting) if (job.task.heapMb === heapMb) wanted++;
    for (const worker of this.#workers) {
      if (worker.state !== 'ending') alive++;
      if (worker.state === 'starting' && worker.process.heapMb === heapMb) starting++;
      if (worker.state === 'idle' && !fits(worker, task)) idle = worker;
    }
    if (starting >= wanted) return null;
    if (alive >= this.#options.size) {
      if (idle === null) return null;
      this.#retire(idle);
    }
    const base = join(this.#options.directory, `worker-${++this.#serial}`);
    try {
      this.#start(heapMb, base);
      return null;
    } catch (cause) {
      rmSync(`${base}.cwd`, { recursive: true, force: true });
      return classifyThrown(storageError(cause, base, 'work'));
    }
  }

  #start(heapMb: number, base: string): void {
    const { logCapBytes, env } = this.#options;
    const process = new WorkerProcess({
      ...{ base, heapMb, logCapBytes, env, watch: this.#watch },
      onMessage: (message) => {
        this.#receive(worker, message);
      },
    });
    const startTimer = setTimeout(() => {
      if (worker.state === 'starting') this.#giveUp(worker, 'did not start in time');
    }, this.#options.startTimeoutMs);
    const gone = process.ended.then((end) => {
      clearTimeout(startTimer);
      this.#workers.delete(worker);
      this.#died(worker, end);
      this.#assign();
    });
    const worker: PoolWorker = {
      process,
      state: 'starting',
      jobs: [],
      nodes: 0,
      bornAt: performance.now(),
      isWorn: false,
      peakMb: 0,
      broken: null,
      gone,
    };
    this.#workers.add(worker);
  }

  #died(worker: PoolWorker, { code, signal, refused }: ProcessEnd): void {
    const wasStarting = worker.state === 'starting';
    worker.state = 'ending';
    const job = worker.jobs.shift() ?? (wasStarting ? this.#nextWaiting(worker.process.heapMb) : null);
    this.#returnAll(worker);
    if (job === null) return;
    if (refused !== null) worker.broken ??= notStarted(refused);
    const stderrTail = readLogTail(worker.process.logs.stderr, LOG_TAIL_LINES);
    const cause =
      worker.broken ??
      classifyExit({
        code,
        signal,
        endedFor: job.endedFor,
        timeoutMs: job.task.timeoutMs,
        stderrTail,
        peakMb: worker.peakMb,
        heapLimitMb: worker.process.heapMb,
      });
    this.#settle(worker, job, { kind: 'failed', failure: cause, exit: code, signal }, null);
  }

  /** A worker that dies while it starts fails one waiting task, so that a broken installation ends the run. */
  #nextWaiting(heapMb: number): Job | null {
    if (this.#closed) return null;
    const at = this.#waiting.findIndex((job) => job.task.heapMb === heapMb);
    return at < 0 ? null : (this.#waiting.splice(at, 1)[0] ?? null);
  }

  #give(worker: PoolWorker, jobs: Job[]): void {
    worker.state = 'busy';
    worker.jobs = jobs;
    worker.isWorn = jobs[0]?.task.isolate === true;
    worker.process.send({ type: 'run', protocol: PROTOCOL, tasks: jobs.map(orderOf) });
    this.#begin(worker);
  }

  /** The first of a worker's jobs runs from now on. */
  #begin(worker: PoolWorker): void {
    const job = worker.jobs[0];
    if (job === undefined) return;
    worker.nodes++;
    worker.peakMb = 0;
    job.startedAt = performance.now();
    const { timeoutMs } = job.task;
    if (timeoutMs !== null) {
      job.timers.push(
        setTimeout(() => {
          this.#end(worker, job, 'timeout', false);
        }, timeoutMs),
      );
    }
    if (worker.jobs.length > 1) {
      job.timers.push(
        setTimeout(() => {
          worker.process.send({ type: 'recall' });
        }, RECALL_AFTER_MS),
      );
    }
    job.task.onStarted?.(worker.process.pid);
  }

  /** Jobs that a worker has not begun and will not begin. */
  #returnAll(worker: PoolWorker, only: (job: Job) => boolean = () => true): void {
    const returned = worker.jobs.filter(only);
    worker.jobs = worker.jobs.filter((job) => !only(job));
    for (const job of returned) this.#settle(worker, job, { kind: 'returned' }, null);
  }

  #receive(worker: PoolWorker, raw: unknown): void {
    const parsed = WorkerMessageSchema.safeParse(raw);
    if (!parsed.success) {
      this.#giveUp(worker, 'sent a message that the engine does not know');
      return;
    }
    const message = parsed.data;
    const job = worker.jobs[0] ?? null;
    switch (message.type) {
      case 'ready':
        if (message.protocol !== PROTOCOL) {
          this.#giveUp(worker, `speaks protocol ${message.protocol}, not ${PROTOCOL}`);
        } else if (worker.state === 'starting') {
          worker.state = 'idle';
          this.#assign();
        }
        return;
      case 'progress':
      case 'metric':
      case 'log':
        job?.task.onMessage?.(message);
        return;
      case 'pong':
        return;
      case 'result':
      case 'error':
        // An answer to a task that was cancelled before it began is of no use to anybody.
        if (job?.n === message.n) this.#answered(worker, job, message);
        return;
      case 'returned': {
        const returned = new Set(message.tasks);
        this.#returnAll(worker, ({ n }) => returned.has(n));
        this.#rest(worker);
        return;
      }
    }
  }

  #answered(
    worker: PoolWorker,
    job: Job,
    message: Extract<WorkerMessage, { type: 'result' | 'error' }>,
  ): void {
    worker.jobs.shift();
    // A result that comes after the time limit is still too late; one that comes after a cancel is kept.
    const late = job.endedFor === 'timeout';
    const failed: NodeFailure | null =
      message.type === 'error'
        ? job.endedFor === null
          ? message.failure
          : endedByParent(job.endedFor, job.task.timeoutMs)
        : late
          ? endedByParent('timeout', job.task.timeoutMs)
          : null;
    const outcome =
      failed === null
        ? ({ kind: 'result', sealed: message.type === 'result' ? message.sealed : null } as const)
        : ({ kind: 'failed', failure: failed, exit: null, signal: null } as const);
    const { maxNodes, minAgeMs, maxRssMb } = this.#options;
    const isOld = worker.nodes >= maxNodes && performance.now() - worker.bornAt >= minAgeMs;
    worker.isWorn ||= isOld || message.rssMb > maxRssMb;
    if (failed !== null || job.endedFor !== null) {
      worker.state = 'ending';
      worker.process.kill();
    }
    this.#settle(worker, job, outcome, message);
    if (worker.state === 'ending') this.#returnAll(worker);
    else this.#begin(worker);
    this.#rest(worker);
  }

  /** A worker that has answered everything takes new tasks, or is replaced. */
  #rest(worker: PoolWorker): void {
    if (worker.jobs.length === 0 && worker.state === 'busy') {
      worker.state = 'idle';
      if (worker.isWorn) this.#retire(worker);
    }
    this.#askAssign();
  }

  #settle(
    worker: PoolWorker,
    job: Job,
    outcome:
      | { readonly kind: 'result'; readonly sealed: SealedResult | null }
      | { readonly kind: 'returned' }
      | {
          readonly kind: 'failed';
          readonly failure: NodeFailure;
          readonly exit: number | null;
          readonly signal: NodeJS.Signals | null;
        },
    used: { readonly peakMb: number; readonly cpuMs: number } | null,
  ): void {
    for (const timer of job.timers) clearTimeout(timer);
    job.done({
      ...outcome,
      logs: worker.process.logs,
      ms: performance.now() - job.startedAt,
      peakMb: used?.peakMb ?? worker.peakMb,
      cpuMs: used?.cpuMs ?? 0,
      pid: worker.process.pid,
    });
  }

  /** The ladder of ending a node; a later, harder call goes on from where the first one stands. */
  #end(worker: PoolWorker, job: Job, why: 'timeout' | 'cancelled', now: boolean): void {
    if (now) {
      job.endedFor ??= why;
      this.#kill(worker);
      return;
    }
    if (job.endedFor !== null) return;
    job.endedFor = why;
    worker.process.send({ type: 'cancel', reason: why });
    const { graceMs } = this.#options;
    job.timers.push(
      setTimeout(() => {
        worker.process.kill('SIGTERM');
      }, graceMs),
      setTimeout(() => {
        this.#kill(worker);
      }, 2 * graceMs),
    );
  }

  #giveUp(worker: PoolWorker, what: string): void {
    worker.broken = failure('crashed', 'CRASHED', {
      message: `a worker process ${what} and was replaced`,
      cure: 'the installation may mix versions: reinstall the package, then run again',
    });
    worker.process.kill();
  }

  #kill(worker: PoolWorker): void {
    if (worker.jobs.length === 0) worker.state = 'ending';
    worker.process.kill();
  }

  #retire(worker: PoolWorker): void {
    if (worker.state === 'ending') return;
    worker.state = 'ending';
    worker.process.send({ type: 'bye' });
    const timer = setTimeout(() => {
      worker.process.kill();
    }, this.#options.graceMs);
    void worker.gone.then(() => {
      clearTimeout(timer);
    });
  }
}

function fits(worker: PoolWorker, { heapMb, isolate }: PoolTask, workerMb = heapMb): boolean {
  return worker.process.heapMb === workerMb && (isolate !== true || worker.nodes === 0);
}

function notStarted(error: Error): NodeFailure {
  return failure('crashed', 'CRASHED', {
    message: `a worker process could not be started: ${error.message}`,
    cure: 'check limits on processes and memory (ulimit -u), then run again',
  });
}
