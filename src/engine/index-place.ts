import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { canonicalDigest } from './canonical.js';
import { fileSystemOf, type FileSystemKind } from './file-system.js';

export const INDEX_FILE = 'index.db';

export interface IndexPlace {
  /** Folder of `index.db`. */
  readonly directory: string;
  /** File system of the cache itself. */
  readonly fileSystem: FileSystemKind;
  /** Whether the index stands apart from the objects, because machines share the file system of the cache. */
  readonly isApart: boolean;
}

/**
 * Where the index of a cache stands: in the cache, or on a file system that machines share in the user's cache directory
 * of this machine, because SQLite's log and locks do not work over networks.
 *
 * @param cacheDirectory - absolute
 */
export function indexPlace(
  cacheDirectory: string,
  fileSystem: FileSystemKind = fileSystemOf(cacheDirectory),
): IndexPlace {
  if (!fileSystem.isNetwork) return { directory: cacheDirectory, fileSystem, isApart: false };
  const base = process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache');
  const real = existsSync(cacheDirectory) ? realpathSync(cacheDirectory) : cacheDirectory;
  const name = canonicalDigest(real).slice(0, 32);
  return { directory: path.join(base, 'neuroloom', 'index', name), fileSystem, isApart: true };
}
