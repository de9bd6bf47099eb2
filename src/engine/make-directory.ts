import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a directory and the parents that are missing; one that is there is left as it is. Another process may be
 * making the same ones at the same time.
 *
 * Step by step: the recursive form of Node never returns where the file system answers "no such entry" although
 * the parent is there, as procfs does.
 *
 * @throws the error of the system call; callers say what it stands for
 */
export function makeDirectory(directory: string): void {
  try {
    makeLast(directory);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(directory) === directory) throw cause;
    // Whether the parent was missing or has just been made by somebody else: after this call it is there.
    makeDirectory(dirname(directory));
    makeLast(directory);
  }
}

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
