import { resolve } from 'node:path';
import { cacheDirectory } from '../engine/run.js';
import { err, ok, type Result } from '../result.js';
import type { ConfigProblem } from '../config/index.js';
import type { Session } from './session.js';
import { directoriesOf, loadStudyConfig, type ConfigSources } from './study.js';
import { openCatalog } from './workflow-catalog.js';

/** Where earlier runs wrote, and where their results are kept. */
export interface CachePlace {
  readonly outputDir: string;
  readonly cacheDir: string;
}

/** The places that a run with the same `-i`, `-o` and `--cache-dir` uses. */
export async function cachePlace(
  options: ConfigSources & { readonly cacheDir?: string },
  session: Session,
): Promise<Result<CachePlace, ConfigProblem[]>> {
  const loaded = await loadStudyConfig(await openCatalog(session), options, session);
  if (!loaded.ok) return err(loaded.error);
  const { outputDir } = directoriesOf(loaded.value, options, session.cwd);
  const given = options.cacheDir === undefined ? {} : { cacheDir: resolve(session.cwd, options.cacheDir) };
  return ok({ outputDir, cacheDir: cacheDirectory({ outputDir, ...given }) });
}
