import { resolve } from 'node:path';
import type { SlurmSettings } from '../engine/executors/slurm-settings.js';
import type { PlanRequest, RunRequest } from '../engine/run.js';
import type { CacheOptions, RunOptions, StudyOptions } from './options.js';
import type { Session } from './session.js';
import type { Study } from './study.js';

/** The engine's request for a plan, from what was given; what was not given stays with the engine's defaults. */
export function planRequest(
  options: StudyOptions & CacheOptions & { readonly jobs?: number },
  study: Study,
  session: Session,
): PlanRequest {
  const { cwd, env } = session;
  const cacheDir = options.cacheDir ?? env['NEUROLOOM_CACHE_DIR'];
  return {
    outputDir: study.outputDir,
    ...siteRequest(study),
    forceNodes: options.forceNode,
    until: options.until,
    ...(options.hash !== undefined && { hash: options.hash }),
    ...(options.refresh === true && { refresh: true }),
    ...(options.cache === false && { noCache: true }),
    cacheFrom: options.cacheFrom.map((directory) => resolve(cwd, directory)),
    ...(options.jobs !== undefined && { jobs: options.jobs }),
    ...(options.cpus !== undefined && { cpus: options.cpus }),
    ...(options.memory !== undefined && { memoryGb: options.memory }),
    ...(options.gpus !== undefined && { gpus: options.gpus }),
    ...(cacheDir !== undefined && cacheDir !== '' && { cacheDir: resolve(cwd, cacheDir) }),
  };
}

/** The engine's request for a run, without listeners. */
export function runRequest(options: RunOptions, study: Study, session: Session): RunRequest {
  return {
    ...planRequest(options, study, session),
    ...(options.workDir !== undefined && { workDir: resolve(session.cwd, options.workDir) }),
    ...(options.trace !== undefined && { traceFile: resolve(session.cwd, options.trace) }),
    onFailure: options.onFailure,
    keepWork: options.keepWork,
    isolation: options.isolation,
    inputDir: study.inputDir,
    prune: options.prune === true,
    sidecars: options.sidecars !== false,
    ...(options.retries !== undefined && { retries: options.retries }),
    ...(options.timeLimit !== undefined && { timeLimitMs: options.timeLimit }),
    config: study.loaded.config,
    argv: session.argv,
  };
}

/** Where nodes run, from the configuration, which the options have gone into. */
export function siteRequest({ loaded: { config } }: Study): Pick<PlanRequest, 'executor' | 'slurm'> {
  return { executor: config.executor, slurm: config['slurm'] as SlurmSettings };
}
