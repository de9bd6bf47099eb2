import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openCacheStore } from '../../src/engine/cache-store.js';
import type { Executor, ExecutorOutcome } from '../../src/engine/executors/executor.js';
import { classifyThrown } from '../../src/engine/failure.js';
import type { CompiledGraph } from '../../src/engine/graph.js';
import { InstanceRunner } from '../../src/engine/instance-runner.js';
import { InstanceTable } from '../../src/engine/instance-table.js';
import { runNode } from '../../src/engine/node-runner.js';
import { makePlan, type Plan } from '../../src/engine/plan.js';
import { Planner } from '../../src/engine/planner.js';
import { Publisher } from '../../src/engine/publish.js';
import { ResourcePool, type ResourceLimits } from '../../src/engine/resource-pool.js';
import { Retries } from '../../src/engine/retry.js';
import { RunLog } from '../../src/engine/run-log.js';
import { ReusedBatch } from '../../src/engine/reused-batch.js';
import type { NodeReport } from '../../src/engine/run-account.js';
import { RunWork } from '../../src/engine/run-work.js';
import { Scheduler } from '../../src/engine/scheduler.js';
import { StandingResults } from '../../src/engine/standing-results.js';
import { StopController } from '../../src/engine/stop-signal.js';

const LIMITS: ResourceLimits = { jobs: 2, cpus: 2, memoryGb: 4, gpus: 0, tokens: {} };

export interface InProcessRun {
  readonly plan: Plan;
  readonly reports: readonly NodeReport[];
  /** A value output of an instance that is done. */
  value(id: string, port: string): unknown;
}

/** Plans and runs with the engine's planner, scheduler and cache, and with nodes in this process: for many small runs. */
export async function runInProcess(
  compile: () => CompiledGraph,
  root: string,
  runId: string,
): Promise<InProcessRun> {
  const store = await openCacheStore({ directory: join(root, 'cache'), writable: true });
  const options = { store, seed: 0, forceNodes: [], refresh: false, noCache: false };
  try {
    const plan = await makePlan({ ...options, graph: compile(), limits: LIMITS });
    const graph = compile();
    const table = new InstanceTable(graph, store);
    const planner = await Planner.create({ ...options, graph, table });
    const workDir = join(root, 'work', runId);
    mkdirSync(workDir, { recursive: true });
    const log = new RunLog(root, runId);
    store.beginRun({ id: runId, workflow: graph.name, configDigest: '', argv: [], outputDir: '/out' });
    const signature = planner.signature();
    const standing = new StandingResults({ workflow: graph.name, table, store, signature });
    const work = new RunWork({
      standing,
      runId,
      table,
      store,
      planner,
      runner: new InstanceRunner({
        runId,
        table,
        store,
        executor: inProcess(workDir),
        log,
        seed: 0,
        workDir,
        keepWork: 'never',
        logCapBytes: 1024,
        emit: () => undefined,
      }),
      takesBatches: false,
      publisher: new Publisher(root, runId, store),
      outputDir: root,
      retries: new Retries(0),
      memoryGb: LIMITS.memoryGb,
      cancel: () => undefined,
      emit: () => undefined,
      reused: new ReusedBatch(() => undefined),
    });
    const pool = new ResourcePool(LIMITS, graph.instances);
    const stop = new StopController().signal;
    await new Scheduler({ graph, work, pool, failureMode: 'keep-going', stop }).run();
    await work.finishPublishing();
    log.close();
    store.finishRun(runId, 'done');
    store.removeRunDirectory(runId);
    // While the store is open.
    const outputs = new Map(graph.instances.map(({ id, index }) => [id, table.result(index)?.outputs]));
    const value = (id: string, port: string): unknown => {
      const record = outputs.get(id)?.[port];
      return record?.kind === 'value' ? record.value : undefined;
    };
    return { plan, reports: work.reports(), value };
  } finally {
    store.close();
  }
}

function inProcess(scratchDir: string): Executor {
  const usage = { logs: { stdout: '', stderr: '' }, ms: 0, peakMb: 0, cpuMs: 0, pid: process.pid };
  return {
    takesBatches: true,
    states: () => new Map(),
    cancel: () => undefined,
    limits: () => LIMITS,
    close: () => Promise.resolve(),
    async submit({ task }): Promise<ExecutorOutcome> {
      if (task === undefined) throw new Error('a task came without its content');
      const { signal } = new AbortController();
      try {
        const { sealed } = await runNode({
          task,
          scratchDir,
          signal,
          send: () => undefined,
          peakMb: () => 0,
        });
        return { kind: 'result', sealed, ...usage };
      } catch (error) {
        return { kind: 'failed', failure: classifyThrown(error), exit: null, signal: null, ...usage };
      }
    },
  };
}
