/** How a worker process is started so that it cannot use much more memory than was asked for. */
import { existsSync } from 'node:fs';

/**
 * What Node itself needs beside the memory of a node, MB: its code, the stacks of its threads and of a pool of native
 * threads count as data, although most of it is never touched.
 */
const OWN_DATA_MB = 1024;

const PRLIMIT = ['/usr/bin/prlimit', '/bin/prlimit'].find(
  (path) => process.platform === 'linux' && existsSync(path),
);

/**
 * Program and arguments that stand before the script. The heap is limited by V8, everything else (typed arrays, native
 * code) by the kernel where `prlimit` is there: an allocation beyond the limit fails, and the node can say so.
 *
 * @param memoryMb - what the node asked for
 */
export function limitedNode(memoryMb: number): { readonly execPath: string; readonly execArgv: string[] } {
  const heap = `--max-old-space-size=${memoryMb}`;
  if (PRLIMIT === undefined) return { execPath: process.execPath, execArgv: [heap] };
  const bytes = (memoryMb + OWN_DATA_MB) * 2 ** 20;
  return { execPath: PRLIMIT, execArgv: [`--data=${bytes}`, process.execPath, heap] };
}

/** Whether memory outside the JavaScript heap is limited here. */
export const LIMITS_ALL_MEMORY = PRLIMIT !== undefined;
