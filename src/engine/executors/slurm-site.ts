import { makeDirectory } from '../make-directory.js';
import { storageError } from '../storage-error.js';
import { BatchExecutor } from './batch-executor.js';
import { UNKNOWN_PACK } from './packing.js';
import { batchDirectory, jobProgram } from './batch-places.js';
import type { Site, SiteRequest } from './site.js';
import { DEFAULT_SLURM_SETTINGS } from './slurm-settings.js';
import { Slurm } from './slurm.js';

const MS = 1000;
/** As in local workers. */
const DEFAULT_GRACE_MS = 5000;

/**
 * A SLURM cluster. `jobs` limits the array elements that run together; `cpus` and `memoryGb`, where given, limit the
 * sum over the nodes that are submitted.
 */
export async function slurmSite(request: SiteRequest): Promise<Site> {
  const settings = request.slurm ?? DEFAULT_SLURM_SETTINGS;
  const scheduler = await Slurm.connect(settings);
  const { cpus, memoryGb, gpus } = scheduler.limits();
  const limits = {
    jobs: settings.max_queued * UNKNOWN_PACK,
    cpus: request.cpus ?? Infinity,
    memoryGb: request.memoryGb ?? Infinity,
    gpus: Infinity,
    tokens: {},
  };
  return {
    largest: {
      ...limits,
      cpus: Math.min(cpus, limits.cpus),
      memoryGb: Math.min(memoryGb - settings.memory_overhead_gb, limits.memoryGb),
      gpus,
    },
    workers: request.jobs ?? settings.max_queued,
    open({ runId, cacheDirectory, workDirectory, store, logCapBytes, graceMs, emit }) {
      try {
        makeDirectory(workDirectory);
      } catch (cause) {
        throw storageError(cause, workDirectory, 'work');
      }
      return new BatchExecutor({
        scheduler,
        settings: {
          pollMs: settings.poll_seconds * MS,
          statusMs: settings.status_seconds * MS,
          graceMs: settings.grace_seconds * MS,
          packMs: settings.pack_seconds * MS,
          maxQueued: settings.max_queued,
        },
        limits,
        throttle: request.jobs ?? null,
        directory: batchDirectory(cacheDirectory),
        runId,
        store,
        logCapBytes,
        graceMs: graceMs ?? DEFAULT_GRACE_MS,
        program: jobProgram(),
        emit,
      });
    },
  };
}
