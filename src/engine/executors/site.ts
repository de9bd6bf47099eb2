/** Where a run computes: this machine, or a cluster. */
import { existsSync } from 'node:fs';
import type { RunEvent } from '../events.js';
import { machineLimits, type ResourceLimits } from '../resource-pool.js';
import type { BatchStore } from './batch-adoption.js';
import { batchDirectory } from './batch-places.js';
import type { Executor } from './executor.js';
import { LocalExecutor } from './local.js';
import type { SlurmSettings } from './slurm-settings.js';

export type ExecutorName = 'local' | 'slurm';

export interface SiteRequest {
  /** Default `local`. */
  readonly executor?: ExecutorName | undefined;
  /** What SLURM is asked for; default: the defaults of the `slurm` block of the configuration. */
  readonly slurm?: SlurmSettings | undefined;
  readonly jobs?: number | undefined;
  readonly cpus?: number | undefined;
  readonly memoryGb?: number | undefined;
  /** Graphics cards that nodes may use at a time, each by one node; 1 when left out. */
  readonly gpus?: number | undefined;
}

/** What an executor needs to know of the run. */
export interface ExecutorContext {
  readonly runId: string;
  /** Directory of the cache. */
  readonly cacheDirectory: string;
  /** For the logs and scratch of local workers. */
  readonly workDirectory: string;
  readonly store: BatchStore;
  readonly logCapBytes: number;
  readonly graceMs: number | undefined;
  /** A fresh process for each node, where the executor keeps processes. */
  readonly isolate: boolean;
  readonly emit: (event: RunEvent) => void;
}

export interface Site {
  /** The most that a single node may ask for. */
  readonly largest: ResourceLimits;
  /** Workers or jobs that may run together. */
  readonly workers: number;
  open(context: ExecutorContext): Executor | Promise<Executor>;
}

/** @throws RequirementError when a cluster is asked for and cannot be used from here */
export async function siteOf(request: SiteRequest): Promise<Site> {
  if (request.executor !== 'slurm') return localSite(request);
  const { slurmSite } = await import('./slurm-site.js');
  return slurmSite(request);
}

function localSite(request: SiteRequest): Site {
  const { jobs, cpus, memoryGb, gpus } = request;
  const largest = machineLimits(request);
  return {
    largest,
    workers: largest.jobs,
    async open(context) {
      const { workDirectory, logCapBytes, graceMs, isolate } = context;
      await adoptBeforeLocal(context);
      const grace = graceMs === undefined ? {} : { graceMs };
      return new LocalExecutor({
        ...{ jobs, cpus, memoryGb, gpus, isolate },
        directory: workDirectory,
        logCapBytes,
        ...grace,
      });
    },
  };
}

/** What cluster jobs of a dead run have finished need not be computed again on this machine either. */
async function adoptBeforeLocal({ cacheDirectory, store, emit }: ExecutorContext): Promise<void> {
  const directory = batchDirectory(cacheDirectory);
  if (!existsSync(directory)) return;
  const { adoptEarlierJobs } = await import('./batch-adoption.js');
  const open = adoptEarlierJobs(directory, store);
  if (open.length === 0) return;
  const ids = open.map(({ jobId, name, token }) => jobId ?? `--name=${name}.${token}`);
  emit({
    type: 'warning',
    code: 'BATCH',
    message: `cluster jobs of an earlier run may still be at work: ${ids.slice(0, 5).join(', ')}`,
    cure: 'run with --executor slurm to wait for their results, or cancel them with scancel',
  });
}
