import { readdir } from 'node:fs/promises';
import { ConfigError, StorageError } from '../errors.js';

/**
 * Sees to it that a directory is not there yet, or is empty.
 *
 * @param shown - how the user named it
 */
export async function emptyDirectory(target: string, shown: string): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(target);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    if (code !== 'ENOTDIR') throw cause;
    throw new StorageError('OUTPUT_UNWRITABLE', `${shown} is a file, or below one`, {
      cure: 'name a new directory',
      cause,
    });
  }
  if (entries.length === 0) return;
  throw new ConfigError('USAGE', `${shown} is not empty`, { cure: 'name a new or an empty directory' });
}
