import { join } from 'node:path';
import { PACKAGE_ROOT } from '../package-root.js';

/** Folders of cluster jobs; beside the objects, so that results are taken over by rename. */
export function batchDirectory(cacheDirectory: string): string {
  return join(cacheDirectory, 'batch');
}

/** The program that a job runs: this package under this Node.js. */
export function jobProgram(): { node: string; command: string } {
  return { node: process.execPath, command: join(PACKAGE_ROOT, 'bin', 'pipeline.js') };
}
