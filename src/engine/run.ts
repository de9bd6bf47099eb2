/** One run of a workflow from start to end: places, cache, workers, scheduler, publication, account. */
import { randomBytes } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { join, resolve } from 'node:path';
import { removeTree } from './artifact-store.js';
import { openCacheStore, type CacheStore, type StoreWarning } from './cache-store.js';
import { canonicalDigest } from './canonical.js';
import type { RunCounts, RunEvent, RunListener, RunStatus } from './events.js';
import { siteOf, type ExecutorName, type Site } from './executors/site.js';
import type { SlurmSettings } from './executors/slurm-settings.js';
import { requestsOf, type CompiledGraph } from './graph.js';
import { InstanceRunner, type KeepWork } from './instance-runner.js';
import { InstanceTable } from './instance-table.js';
import { killPoint } from './kill-points.js';
import { DEFAULT_LOG_CAP_BYTES } from './log-capture.js';
import { makeDirectory } from './make-directory.js';
import { outputError } from './output-error.js';
import { makePlan, type Plan } from './plan.js';
import { Planner } from './planner.js';
import { passingCache } from './passing-cache.js';
import { Publisher } from './publish.js';
import { settlePublished } from './published-files.js';
import { checkRequests, ResourcePool } from './resource-pool.js';
import { Retries } from './retry.js';
import { RunLog } from './run-log.js';
import { RunRecords, type RunEnd } from './run-records.js';
import { ReusedBatch } from './reused-batch.js';
import type { NodeReport } from './run-account.js';
import { LiveRun, type RunView } from './run-view.js';
import { RunWork } from './run-work.js';
import { Scheduler, type FailureMode } from './scheduler.js';
import { StandingResults } from './standing-results.js';
import { followStop, STOP, type StopSignal } from './stop-signal.js';
import { limitTime } from './time-limit.js';

/** What `wf.plan` needs: where results go, and what may be reused. */
export interface PlanRequest {
  /** Receives published files, logs and (unless placed elsewhere) cache and work directories. */
  readonly outputDir: string;
  /** Nodes at a time; default: the number of cpus. */
  readonly jobs?: number;
  readonly cpus?: number;
  /** Sum over running nodes; default 90 % of the machine's memory. */
  readonly memoryGb?: number;
  /** Graphics cards that nodes may use at a time, each by one node; 1 when left out. */
  readonly gpus?: number;
  /** Default: NEUROLOOM_CACHE_DIR, else `.neuroloom/cache` in the output directory. */
  readonly cacheDir?: string;
  /** Caches of others that are read and never written to. */
  readonly cacheFrom?: readonly string[];
  /** Default 0. Part of every key. */
  readonly seed?: number;
  /** Ids of nodes or instances that run whatever the cache holds. */
  readonly forceNodes?: readonly string[];
  /** Only these nodes and what they need, by id; the id of a nested workflow means all that is in it. */
  readonly until?: readonly string[];
  /** Where nodes run; default `local`. */
  readonly executor?: ExecutorName;
  /** What SLURM is asked for. Its defaults are those of the `slurm` block of the configuration. */
  readonly slurm?: SlurmSettings;
  /** Every node runs although its result is there; the new results replace the old ones. */
  readonly refresh?: boolean;
  /** Neither takes results from the cache nor leaves any there. */
  readonly noCache?: boolean;
  /** `content` reads every input again instead of trusting its size and times. */
  readonly hash?: 'stat' | 'content';
}

export type Isolation = 'worker' | 'process';

/** What `wf.run` needs: a `PlanRequest`, and how the run goes about failures, events and limits. */
export interface RunRequest extends PlanRequest {
  /** Default: `.neuroloom/work` in the output directory. */
  readonly workDir?: string;
  /** Default `keep-going`. */
  readonly onFailure?: FailureMode;
  readonly onEvent?: RunListener;
  /** Receives a view of the run before its first node is looked at; it may be asked until the run has ended. */
  readonly onView?: (view: RunView) => void;
  /**
   * `worker` (default): warm processes that run one node after another. `process`: a fresh one for each node. Nodes that
   * ask for a gpu have one of their own anyway. Jobs of a cluster are not affected.
   */
  readonly isolation?: Isolation;
  /** An AbortSignal cancels; a StopSignal also drains and kills. */
  readonly signal?: AbortSignal | StopSignal;
  /** Attempts after a failed one, for all classes of failure; 0: none. Default: by class, see docs. */
  readonly retries?: number;
  /** The run is cancelled after this time, ms; exit code 6. */
  readonly timeLimitMs?: number;
  /** Takes away files that earlier runs published here and that are no longer part of the result. Default false: told. */
  readonly prune?: boolean;
  /** Files below it are named relative to it in sidecars. */
  readonly inputDir?: string;
  /** JSON beside each published file with `Sources` and `GeneratedBy`. Default true. */
  readonly sidecars?: boolean;
  /** Working directories of nodes. Default `never`. */
  readonly keepWork?: KeepWork;
  /** The resolved configuration, kept in the log of the run. */
  readonly config?: unknown;
  /** Further documents for the log of the run, by file name; they have no part in results. */
  readonly documents?: Readonly<Record<string, unknown>>;
  /** The command, kept in the history of runs. */
  readonly argv?: readonly string[];
  /** Receives the times of all attempts in Chrome's trace format, beside `logs/<run-id>/trace.json`. */
  readonly traceFile?: string;
  /** Kept of each output stream of a node, bytes. */
  readonly logCapBytes?: number;
  /** Between asking a node to end, SIGTERM and SIGKILL; ms. Default 5000. */
  readonly graceMs?: number;
}

/** How a run ended: status, counts, a report of each node, published files. */
export interface RunResult {
  readonly runId: string;
  readonly status: RunStatus;
  readonly counts: RunCounts;
  /** Put together when they are first asked for. */
  readonly nodes: readonly NodeReport[];
  /** Relative to the output directory, in the order they were published. */
  readonly published: readonly string[];
  /**
   * 0 done, 1 a node failed, 4 done with allowed failures, 5 a node met a full or read-only disk, 6 time limit,
   * 130 cancelled.
   */
  readonly exitCode: number;
}

const BEAT_MS = 20_000;

/**
 * Runs a compiled graph. A failed node is part of the result, not an exception.
 *
 * @throws StorageError when output, cache or work directory cannot be used; RequirementError RESOURCES, TOOL_MISSING;
 *   ConfigError USAGE
 */
export async function runGraph(graph: CompiledGraph, request: RunRequest): Promise<RunResult> {
  const site = await siteOf(request);
  checkRequests(requestsOf(graph), site.largest);
  const outputDir = resolve(request.outputDir);
  prepareDirectory(outputDir);
  const passing = request.noCache === true ? passingCache(workRootOf(request)) : null;
  try {
    const store = await openCacheStore({
      directory: passing ?? cacheDirectory(request),
      writable: true,
      hash: request.hash ?? 'stat',
      upstreams: upstreamsOf(request),
    });
    try {
      return await runWithStore({ graph, request, outputDir, store, site });
    } finally {
      store.close();
    }
  } finally {
    if (passing !== null) removeTree(passing);
  }
}

/** What a run would do; writes nothing and makes no directory. Errors as {@link runGraph}. */
export async function planGraph(graph: CompiledGraph, request: PlanRequest): Promise<Plan> {
  const store = await openCacheStore({
    // A place that is never there: nothing is known.
    directory: request.noCache === true ? join(workRootOf(request), 'no-cache') : cacheDirectory(request),
    writable: false,
    hash: request.hash ?? 'stat',
    upstreams: upstreamsOf(request),
  });
  try {
    return await makePlan({
      graph,
      store,
      seed: request.seed ?? 0,
      forceNodes: request.forceNodes ?? [],
      refresh: request.refresh ?? false,
      noCache: request.noCache ?? false,
      limits: (await siteOf(request)).largest,
    });
  } finally {
    store.close();
  }
}

/** Without a cache nothing of others is read either. */
function upstreamsOf(request: PlanRequest): readonly string[] {
  return request.noCache === true ? [] : (request.cacheFrom ?? []);
}

/** Where the cache of a request is. */
export function cacheDirectory(request: PlanRequest): string {
  const place = request.cacheDir ?? process.env['NEUROLOOM_CACHE_DIR'];
  return resolve(place ?? join(request.outputDir, '.neuroloom', 'cache'));
}

function workRootOf(request: RunRequest): string {
  return resolve(request.workDir ?? join(request.outputDir, '.neuroloom', 'work'));
}

interface PreparedRun {
  readonly graph: CompiledGraph;
  readonly request: RunRequest;
  /** Absolute. */
  readonly outputDir: string;
  readonly store: CacheStore;
  readonly site: Site;
}

async function runWithStore(prepared: PreparedRun): Promise<RunResult> {
  const endings: Ending[] = [];
  let result: RunResult | null = null;
  const errors: unknown[] = [];
  try {
    result = await runAndAccount(prepared, endings);
  } catch (error) {
    errors.push(error);
  }
  // The reverse of the beginnings; on a full disk one may fail, and the others are still due.
  for (const end of endings.reverse()) {
    try {
      await end();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0 || result === null) throw errors[0];
  return result;
}

/** Undoes what a run began: closes, removes, records. */
type Ending = () => void | Promise<void>;

async function runAndAccount(prepared: PreparedRun, endings: Ending[]): Promise<RunResult> {
  const { graph, request, outputDir, store, site } = prepared;
  const started = performance.now();
  const runId = newRunId();
  const workRoot = workRootOf(request);
  const workDir = join(workRoot, runId);
  const table = new InstanceTable(graph, store);
  const seed = request.seed ?? 0;
  const keepWork = request.keepWork ?? 'never';
  const planner = await Planner.create({
    graph,
    table,
    store,
    seed,
    forceNodes: request.forceNodes ?? [],
    refresh: request.refresh ?? false,
    noCache: request.noCache ?? false,
  });
  let status: RunStatus = 'failed';
  endings.push(() => {
    store.finishRun(runId, status);
  });
  store.beginRun({
    id: runId,
    workflow: graph.name,
    configDigest: canonicalDigest(JSON.stringify(request.config ?? null)),
    argv: request.argv ?? [],
    outputDir,
  });
  endings.push(() => {
    store.removeRunDirectory(runId);
  });
  endings.push(() => {
    if (keepWork === 'never' || (keepWork === 'failed' && status === 'done')) removeTree(workDir);
  });
  killPoint('run-recorded');
  const log = new RunLog(outputDir, runId);
  endings.push(() => {
    log.close();
  });
  const inputDir = request.inputDir === undefined ? null : resolve(request.inputDir);
  const records = new RunRecords({
    runId,
    workflow: graph.name,
    argv: request.argv ?? [],
    cacheDir: store.directory,
    inputDir,
    outputDir,
    log,
    traceFile: request.traceFile ?? null,
  });
  let end: RunEnd = { status, exitCode: null, counts: null };
  endings.push(() => {
    records.close(end);
  });
  const stop = followStop(request.signal);
  endings.push(stop.release);
  // What goes wrong outside the scheduler's calls (a listener of the caller, a timer) ends the run and is its error.
  let outside: { readonly error: unknown } | null = null;
  const endBy = (error: unknown): void => {
    outside ??= { error };
    stop.controller.raise(STOP.cancel);
  };
  let view: LiveRun | null = null;
  const tell = (event: RunEvent): void => {
    records.record(event);
    view?.see(event);
    try {
      request.onEvent?.(event);
    } catch (error) {
      endBy(error);
    }
  };
  const reused = new ReusedBatch(tell);
  const emit = (event: RunEvent): void => {
    reused.flush();
    tell(event);
  };
  const timeLimit = limitTime(request.timeLimitMs, () => {
    stop.controller.raise(STOP.cancel);
  });
  endings.push(timeLimit.release);
  const beat = setInterval(() => {
    try {
      store.beat();
    } catch (error) {
      endBy(error);
    }
  }, BEAT_MS);
  endings.push(() => {
    clearInterval(beat);
  });
  if (request.config !== undefined) log.document('config.json', request.config);
  for (const [name, content] of Object.entries(request.documents ?? {})) log.document(name, content);
  let told = 0;
  const warn = (): void => {
    for (; told < store.warnings.length; told += 1) {
      emit({ type: 'warning', ...(store.warnings[told] as StoreWarning) });
    }
  };
  warn();
  const publisher = new Publisher(outputDir, runId, store);
  store.recover((deadRuns) => {
    for (const dead of deadRuns) removeTree(join(workRoot, dead));
    publisher.sweep(deadRuns, graph.publications);
  });
  emit({
    type: 'run-started',
    runId,
    workflow: graph.name,
    nodes: graph.instances.length,
    jobs: site.workers,
  });
  const logCapBytes = request.logCapBytes ?? DEFAULT_LOG_CAP_BYTES;
  const executor = await site.open({
    runId,
    cacheDirectory: store.directory,
    workDirectory: join(workDir, 'workers'),
    store,
    logCapBytes,
    graceMs: request.graceMs,
    isolate: request.isolation === 'process',
    emit,
  });
  endings.push(() => executor.close());
  const runner = new InstanceRunner({
    runId,
    table,
    store,
    executor,
    log,
    seed,
    workDir,
    keepWork,
    logCapBytes,
    emit,
  });
  const standing = new StandingResults({
    workflow: graph.name,
    ...{ table, store },
    signature: takesStanding(request) ? planner.signature() : null,
  });
  const work = new RunWork({
    runId,
    table,
    store,
    planner,
    runner,
    takesBatches: executor.takesBatches === true && request.isolation !== 'process',
    publisher,
    standing,
    outputDir,
    retries: new Retries(request.retries ?? null),
    memoryGb: site.largest.memoryGb,
    cancel: (id, now) => {
      executor.cancel(id, now);
    },
    emit,
    reused,
  });
  endings.push(() => work.stopPublishing());
  if (request.onView !== undefined) {
    const readHistory = (): ReturnType<CacheStore['nodeHistory']> => {
      try {
        return store.nodeHistory();
      } catch (error) {
        // Whoever looks at the run is not the one to tell.
        endBy(error);
        return new Map();
      }
    };
    view = new LiveRun(graph, work, () => executor.limits(), readHistory);
    request.onView(view);
  }
  if (stop.controller.signal.level > STOP.none || !work.takeAll()) {
    const scheduler = new Scheduler({
      graph,
      work,
      pool: new ResourcePool(executor.limits(), requestsOf(graph)),
      failureMode: request.onFailure ?? 'keep-going',
      stop: stop.controller.signal,
    });
    await scheduler.run();
  }
  await work.finishPublishing();
  throwOutside();
  killPoint('before-run-finished');
  const counts = work.counts();
  const failures = work.failures();
  status = statusOf(stop.controller.signal.level > STOP.none && counts.notStarted > 0, failures);
  settlePublished({
    ...{ inputDir, outputDir, table, store, emit },
    workflow: graph.name,
    published: work.published,
    reach:
      status === 'cancelled' || (request.until ?? []).length > 0
        ? 'part'
        : failures.allowed
          ? 'all'
          : 'failed',
    prune: request.prune ?? false,
    sidecars: request.sidecars ?? true,
  });
  warn();
  records.describe(table, work.published, (path) => store.seenFile(path));
  const exitCode = status === 'cancelled' && timeLimit.isOver() ? 6 : exitCodeOf(status, failures.all);
  end = { status, counts, exitCode };
  emit({ type: 'run-finished', runId, status, counts, ms: performance.now() - started });
  throwOutside();
  let reports: readonly NodeReport[] | null = null;
  return {
    runId,
    status,
    counts,
    get nodes() {
      return (reports ??= work.reports());
    },
    published: work.published.map((file) => file.path),
    exitCode,
  };

  function throwOutside(): void {
    if (outside !== null) throw outside.error;
  }
}

/** A run that was told to run nodes, or to look at all content, takes nothing without a look. */
function takesStanding({ refresh, noCache, forceNodes, hash }: RunRequest): boolean {
  return refresh !== true && noCache !== true && (forceNodes ?? []).length === 0 && hash !== 'content';
}

function statusOf(
  stopped: boolean,
  failures: { readonly all: readonly NodeReport[]; readonly allowed: boolean },
): RunStatus {
  if (stopped) return 'cancelled';
  if (failures.all.length === 0) return 'done';
  return failures.allowed ? 'done-with-failures' : 'failed';
}

function exitCodeOf(status: RunStatus, failed: readonly NodeReport[]): number {
  switch (status) {
    case 'done':
      return 0;
    case 'done-with-failures':
      return 4;
    case 'cancelled':
      return 130;
    case 'failed': {
      const io = failed.some(
        ({ error }) => error?.failureClass === 'io-full' || error?.failureClass === 'io-denied',
      );
      return io ? 5 : 1;
    }
  }
}

/** Sortable by time, and different for runs that start in one second. */
function newRunId(): string {
  const time = new Date().toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `${time}-${randomBytes(3).toString('hex')}`;
}

function prepareDirectory(directory: string): void {
  try {
    makeDirectory(directory);
    accessSync(directory, constants.W_OK);
  } catch (cause) {
    throw outputError(cause, directory);
  }
}
