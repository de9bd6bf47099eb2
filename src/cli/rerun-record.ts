/** The task of a node that did not fail: its run is prepared again as its command says, and the cache gives the inputs. */
import { openCacheStore } from '../engine/cache-store.js';
import type { RerunRecord } from '../engine/crash-record.js';
import { rerunTask } from '../engine/rerun-task.js';
import { cacheDirectory } from '../engine/run.js';
import { ConfigError } from '../errors.js';
import type { RunOptions } from './options.js';
import { prepareStudy } from './prepare.js';
import { planRequest } from './requests.js';
import { chooseRun } from './run-choice.js';
import type { Session } from './session.js';

/**
 * @param run - id of the run; null: the newest of the output directory
 * @returns the record, or the exit code when the requirements of the workflow are no longer met
 * @throws ConfigError USAGE when the run was not started by a command, or the node cannot run alone
 */
export async function recordOfRun(
  id: string,
  outputDir: string,
  run: string | null,
  session: Session,
): Promise<RerunRecord | number> {
  const { argv, run_id, cwd = session.cwd, cache } = chooseRun(outputDir, run);
  const options = argv.includes('run') ? ((await session.parse(argv)) as RunOptions | null) : null;
  if (options === null) {
    throw new ConfigError('USAGE', `run ${run_id} was not started by \`pipeline run\``, {
      where: outputDir,
      cure: 'run the workflow with the command line, or call the function of the node in a script',
    });
  }
  const there: Session = { ...session, cwd, options };
  const prepared = await prepareStudy(options, there);
  if (prepared.kind === 'refused') return prepared.exitCode;
  const request = planRequest(options, prepared.study, there);
  const store = await openCacheStore({
    directory: options.cache === false ? cacheDirectory(request) : cache,
    writable: false,
    hash: request.hash ?? 'stat',
    upstreams: request.cacheFrom ?? [],
  });
  try {
    return await rerunTask(prepared.workflow.compile(), store, { id, run: run_id, seed: request.seed ?? 0 });
  } finally {
    store.close();
  }
}
