import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a directory and the parents that are missing; one that is there is left as it is.
 *
 * Step by step: the recursive form of Node never returns where the file system answers "no such entry" although
 * the parent is there, as procfs does.
 *
 * @throws the error of the system call; callers say what it stands for
 */
export function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory);
  } catch (cause) {
    if (isDirectory(directory)) return;
    const isParentMissing =
      (cause as NodeJS.ErrnoException).code === 'ENOENT' && !existsSync(dirname(directory));
    if (!isParentMissing) throw cause;
    makeDirectory(dirname(directory));
    makeLast(directory);
  }
}

/** Another process may have made it since. */
function makeLast(directory: string): void {
  try {
    mkdirSync(directory);
  } catch (cause) {
    if (!isDirectory(directory)) throw cause;
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    // What cannot be looked at is not usable as a directory: the error of mkdir is the one to tell.
    return false;
  }
}
