import { relative } from 'node:path';

/** A directory as somebody in `cwd` would name it: relative where it is below, else as it is. */
export function shownPlace(directory: string, cwd: string): string {
  const shown = relative(cwd, directory);
  return shown === '' ? '.' : shown.startsWith('..') ? directory : shown;
}
