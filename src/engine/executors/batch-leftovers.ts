import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { storageError } from '../storage-error.js';
import type { NodeLogs } from '../worker-process.js';
import type { Task } from '../worker-protocol.js';
import { elementLog } from './batch-files.js';

/** What a job that died hard left in writing: the streams of its last worker, else its own log. */
export function crashLogs(folder: string, element: number): NodeLogs {
  const own = elementLog(folder, element);
  const directory = join(folder, String(element));
  const last = newest(directory, /^workers\.(\d+)$/);
  const worker = last === null ? null : newest(join(directory, last), /^worker-(\d+)\.stderr\.log$/);
  if (last === null || worker === null) return { stdout: own, stderr: own };
  const stderr = join(directory, last, worker);
  const isEmpty = statSync(stderr).size === 0;
  return { stdout: stderr.replace(/stderr\.log$/, 'stdout.log'), stderr: isEmpty ? own : stderr };
}

/** The name with the largest number. */
function newest(directory: string, pattern: RegExp): string | null {
  if (!existsSync(directory)) return null;
  let best: string | null = null;
  let most = -1;
  for (const name of readdirSync(directory)) {
    const number = Number(pattern.exec(name)?.[1] ?? -1);
    if (number > most) [best, most] = [name, number];
  }
  return best;
}

/** Brings the working directory of a node to where the run keeps such directories. */
export function takeScratch(taskFile: string, from: string): void {
  if (!existsSync(from)) return;
  const { scratchDir } = JSON.parse(readFileSync(taskFile, 'utf8')) as Task;
  if (scratchDir === null) return;
  try {
    try {
      renameSync(from, scratchDir);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EXDEV') throw cause;
      cpSync(from, scratchDir, { recursive: true });
      rmSync(from, { recursive: true, force: true });
    }
  } catch (cause) {
    throw storageError(cause, scratchDir, 'work');
  }
}
