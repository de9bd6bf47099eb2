/** Optional packages: installed by the user beside neuroloom, or in a folder that NODE_PATH names. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);

/** Version of an installed package; null when it is not there. */
export function installedVersion(name: string): string | null {
  try {
    return (require(`${name}/package.json`) as { version: string }).version;
  } catch (error) {
    // Absent, or present without an entry for its package.json: both mean that it cannot be used from here.
    if (
      ['MODULE_NOT_FOUND', 'ERR_PACKAGE_PATH_NOT_EXPORTED'].includes(
        (error as NodeJS.ErrnoException).code ?? '',
      )
    ) {
      return null;
    }
    throw error;
  }
}

/** Loads a package that is installed: CommonJS ones once for the process, as their own dependencies do. */
export async function loadPeer(name: string): Promise<unknown> {
  const path = require.resolve(name);
  if (/\.c?js$/.test(path) && !isModule(name)) return require(path);
  return import(pathToFileURL(path).href);
}

function isModule(name: string): boolean {
  return (require(`${name}/package.json`) as { type?: string }).type === 'module';
}
