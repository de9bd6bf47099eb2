/** A cache for one run that leaves no results: nodes hand on their outputs through it, then it is removed. */
import { mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { removeTree } from './artifact-store.js';
import { makeDirectory } from './make-directory.js';
import { storageError } from './storage-error.js';

/**
 * Makes one below the work directory; those of processes that are gone are removed.
 *
 * @throws StorageError when the directory cannot be used
 */
export function passingCache(workRoot: string): string {
  try {
    makeDirectory(workRoot);
    for (const name of readdirSync(workRoot)) {
      const pid = Number(/^no-cache-(\d+)-/.exec(name)?.[1] ?? 0);
      if (pid > 0 && !isThere(pid)) removeTree(join(workRoot, name));
    }
    return mkdtempSync(join(workRoot, `no-cache-${process.pid}-`));
  } catch (cause) {
    throw storageError(cause, workRoot, 'work');
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of somebody else is there too.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
