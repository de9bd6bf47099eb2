import { resolve } from 'node:path';
import type { ConfigProblem } from '../../config/index.js';
import { ContainerManager } from '../../engine/containers/container-manager.js';
import { managerOptions, type ContainersConfig } from '../../engine/containers/settings.js';
import { durationText } from '../../engine/duration-text.js';
import { ConfigError } from '../../errors.js';
import { err, ok, type Result } from '../../result.js';
import { bytesText } from '../bytes-text.js';
import { EXIT } from '../exit-codes.js';
import type { GlobalOptions } from '../options.js';
import type { Session } from '../session.js';
import { loadStudyConfig, type ConfigSources } from '../study.js';
import { openCatalog } from '../workflow-catalog.js';
import { reportConfigProblems } from './report-config.js';

export type ContainerOptions = GlobalOptions &
  ConfigSources & { readonly json?: boolean; /** Milliseconds. */ readonly timeLimit?: number };

export interface ContainerRunOptions extends ContainerOptions {
  readonly bind: readonly string[];
  readonly gpu?: boolean;
  readonly network?: boolean;
  readonly dryRun?: boolean;
}

/** The images that the configuration describes, beside those that are known. */
async function openManager(
  options: ContainerOptions,
  session: Session,
): Promise<Result<ContainerManager, ConfigProblem[]>> {
  const loaded = await loadStudyConfig(await openCatalog(session), options, session, ['containers']);
  if (!loaded.ok) return err(loaded.error);
  const config = loaded.value.config['containers'] as ContainersConfig;
  return ok(new ContainerManager(managerOptions(config)));
}

async function withManager(
  options: ContainerOptions,
  session: Session,
  work: (manager: ContainerManager) => Promise<void>,
): Promise<number> {
  const manager = await openManager(options, session);
  if (!manager.ok) return reportConfigProblems(manager.error, session);
  await work(manager.value);
  return EXIT.done;
}

// Node counts timers in 32 bits; a longer one would ring at once.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** As `withManager`, for work that Ctrl-C, SIGTERM and `--time-limit` end in order: what it started is ended with it. */
async function stoppable(
  options: ContainerOptions,
  session: Session,
  work: (manager: ContainerManager, signal: AbortSignal) => Promise<void>,
): Promise<number> {
  const controller = new AbortController();
  let stopped: { readonly exitCode: number; readonly told: string } | null = null;
  const stop = (exitCode: number, told: string) => (): void => {
    stopped ??= { exitCode, told };
    controller.abort(new Error(told));
  };
  const stops = {
    SIGINT: stop(EXIT.interrupted, 'interrupted'),
    SIGTERM: stop(EXIT.terminated, 'ended by SIGTERM'),
    SIGHUP: stop(EXIT.terminated, 'ended by SIGHUP'),
  };
  for (const [name, listener] of Object.entries(stops)) process.on(name, listener);
  const { timeLimit } = options;
  const timer =
    timeLimit === undefined
      ? undefined
      : setTimeout(
          stop(EXIT.timeLimit, `ended by its time limit of ${durationText(timeLimit)}`),
          Math.min(timeLimit, LONGEST_TIMER_MS),
        );
  try {
    return await withManager(options, session, (manager) => work(manager, controller.signal));
  } catch (error) {
    const end = stopped as { readonly exitCode: number; readonly told: string } | null;
    if (end === null) throw error;
    session.terminal.note(end.told);
    return end.exitCode;
  } finally {
    clearTimeout(timer);
    for (const [name, listener] of Object.entries(stops)) process.off(name, listener);
  }
}

/** `pipeline containers status` */
export function containersStatus(options: ContainerOptions, session: Session): Promise<number> {
  return withManager(options, session, async (manager) => {
    const status = await manager.status();
    if (options.json === true) {
      const images = Object.fromEntries(
        Object.entries(status).map(([key, { sizeMb, ...one }]) => [key, { ...one, size_mb: sizeMb }]),
      );
      const told = { runtime: manager.runtimeName, directory: manager.cacheDir, images };
      session.terminal.result(JSON.stringify(told, null, 2));
      return;
    }
    const width = Math.max(...Object.keys(status).map((key) => key.length));
    for (const [key, { cached, digest, source, sizeMb }] of Object.entries(status)) {
      const state = cached ? 'here' : source === null ? 'no source' : 'not here';
      const size = sizeMb === null ? '' : bytesText(sizeMb * 1e6);
      session.terminal.result(
        `${key.padEnd(width)}  ${state.padEnd(9)}  ${size.padStart(8)}  ${digest ?? 'no digest yet'}`,
      );
    }
    session.terminal.note(`runtime: ${manager.runtimeName}; images are kept in ${manager.cacheDir}`);
  });
}

/** `pipeline containers pull` */
export function containersPull(key: string, options: ContainerOptions, session: Session): Promise<number> {
  return stoppable(options, session, async (manager, signal) => {
    let tenth = 0;
    const path = await manager.ensure(key, {
      signal,
      onProgress: (done, total) => {
        if (total === null || Math.floor((10 * done) / total) <= tenth) return;
        tenth = Math.floor((10 * done) / total);
        session.terminal.note(`${key}: ${bytesText(done)} of ${bytesText(total)}`);
      },
    });
    const digest = await manager.digest(key);
    session.terminal.result(options.json === true ? JSON.stringify({ path, digest }) : `${path}  ${digest}`);
  });
}

/** `pipeline containers run` */
export function containersRun(
  [key, input, output, ...extraArgs]: readonly string[],
  options: ContainerRunOptions,
  session: Session,
): Promise<number> {
  return stoppable(options, session, async (manager, signal) => {
    const result = await manager.run(key!, {
      signal,
      inputPath: resolve(session.cwd, input!),
      outputPath: resolve(session.cwd, output!),
      extraBinds: options.bind,
      extraArgs,
      gpu: options.gpu ?? null,
      network: options.network ?? false,
      dryRun: options.dryRun ?? false,
      onLine: (line) => session.terminal.note(line),
    });
    const { argv, digest, exitCode } = result;
    if (options.dryRun === true || options.json === true) {
      session.terminal.result(
        JSON.stringify({ argv, digest, exit_code: options.dryRun === true ? null : exitCode }),
      );
    }
  });
}

/** `pipeline containers clean` */
export function containersClean(
  key: string | null,
  options: ContainerOptions & { readonly all?: boolean },
  session: Session,
): Promise<number> {
  if ((key === null) !== (options.all === true)) {
    throw new ConfigError('USAGE', 'clean needs an image or --all, not both', { cure: 'name one of them' });
  }
  return withManager(options, session, async (manager) => {
    const removed = await manager.clean(key ?? undefined);
    if (options.json === true) session.terminal.result(JSON.stringify(removed));
    else session.terminal.note(removed.length === 0 ? 'nothing was there' : `removed: ${removed.join(', ')}`);
  });
}
