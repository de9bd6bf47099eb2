import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DEFAULT_CONFIG_FILE, loadConfig, type ConfigProblem, type LoadedConfig } from '../config/index.js';
import { ConfigError } from '../errors.js';
import { err, ok, type Result } from '../result.js';
import { clusterSettings, type ClusterOptions } from './cluster-options.js';
import type { StudyOptions } from './options.js';
import type { Session } from './session.js';
import type { Catalog, CatalogEntry } from './workflow-catalog.js';

/** A workflow with its configuration and directories: what a run, a plan or a check is about. */
export interface Study {
  readonly entry: CatalogEntry;
  readonly loaded: LoadedConfig;
  /** Absolute. */
  readonly inputDir: string;
  readonly outputDir: string;
  readonly participants: readonly string[] | null;
}

/** The files that are read: those named, else `neuroloom.yaml` of the input directory, else the one here. */
function configFiles(options: ConfigSources, cwd: string): string[] {
  if (options.config !== undefined && options.config.length > 0)
    return options.config.map((file) => resolve(cwd, file));
  const places = options.input === undefined ? [cwd] : [resolve(cwd, options.input), cwd];
  const found = places.map((place) => join(place, DEFAULT_CONFIG_FILE)).find((file) => existsSync(file));
  return found === undefined ? [] : [found];
}

/**
 * Reads the configuration and settles the directories: `-i` before `input_dir` before the working directory, `-o`
 * before `output_dir` before the input.
 *
 * @throws ConfigError USAGE without a workflow, UNKNOWN_WORKFLOW with the nearest name
 */
export async function openStudy(
  catalog: Catalog,
  options: StudyOptions,
  session: Session,
): Promise<Result<Study, ConfigProblem[]>> {
  if (options.workflow === undefined) {
    throw new ConfigError('USAGE', 'no workflow is named', {
      cure: `give -w NAME, one of ${catalog.entries.map((entry) => entry.name).join(', ')}`,
    });
  }
  const entry = catalog.find(options.workflow);
  const loaded = await loadStudyConfig(catalog, options, session, [entry.namespace]);
  if (!loaded.ok) return err(loaded.error);
  const participants = options.participants ?? null;
  return ok({
    entry,
    loaded: loaded.value,
    ...directoriesOf(loaded.value, options, session.cwd),
    participants,
  });
}

/** What of the options concerns the configuration. */
export interface ConfigSources {
  readonly input?: string;
  readonly output?: string;
  readonly config?: readonly string[];
  readonly set?: readonly string[];
}

type Sources = ConfigSources & Partial<ClusterOptions>;

/** The configuration in force; blocks in `needed` must be valid even when nothing gives them. */
export async function loadStudyConfig(
  catalog: Catalog,
  options: Sources,
  session: Session,
  needed: readonly string[] = [],
): Promise<Result<LoadedConfig, ConfigProblem[]>> {
  const { cwd, env } = session;
  const files = configFiles(options, cwd);
  return loadConfig({
    namespaces: await catalog.namespaces(),
    needed,
    files,
    cwd,
    env,
    set: [...(options.set ?? []), ...clusterSettings(options)],
  });
}

/** Where a run reads and writes, absolute. */
export function directoriesOf(
  { config }: LoadedConfig,
  options: ConfigSources,
  cwd: string,
): { inputDir: string; outputDir: string } {
  const inputDir = options.input === undefined ? (config.input_dir ?? cwd) : resolve(cwd, options.input);
  const outputDir =
    options.output === undefined ? (config.output_dir ?? inputDir) : resolve(cwd, options.output);
  return { inputDir, outputDir };
}
