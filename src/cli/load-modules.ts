import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureSelfImport } from '../engine/self-import.js';
import { ensureTypeScript } from '../engine/typescript-modules.js';
import { ConfigError } from '../errors.js';

/**
 * Imports the modules of `--load`; importing one registers its workflows. TypeScript is compiled by the project's own
 * `typescript`.
 *
 * @throws ConfigError LOAD_MODULE when a file is missing, cannot be compiled, or throws while it is loaded
 */
export async function loadModules(modules: readonly string[], cwd: string): Promise<void> {
  for (const module of modules) {
    const path = resolve(cwd, module);
    if (/\.(?:cts|[mc]?tsx)$/.test(path)) {
      throw new ConfigError(
        'LOAD_MODULE',
        `${module} is no ES module; --load takes .js, .mjs, .ts and .mts`,
        {
          where: path,
          cure: 'compile it first and load the .js file',
        },
      );
    }
    try {
      const url = pathToFileURL(realpathSync(path)).href;
      ensureSelfImport(url);
      ensureTypeScript(url);
      await import(url);
    } catch (cause) {
      throw loadFailure(module, path, cause);
    }
  }
}

function loadFailure(module: string, path: string, cause: unknown): Error {
  // What the module said by our own errors (a wrong definition) is told as it is.
  if (cause instanceof ConfigError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new ConfigError('LOAD_MODULE', `there is no module ${module}`, {
      cure: 'check the path after --load',
      cause,
    });
  }
  return new ConfigError('LOAD_MODULE', `${module} cannot be loaded: ${message}`, {
    where: path,
    cure: 'correct the module; --debug shows where it failed',
    cause,
  });
}
