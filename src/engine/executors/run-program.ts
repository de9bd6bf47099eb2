import { spawn } from 'node:child_process';
import type { ProgramEnd } from './slurm-output.js';

const MOST_BYTES = 64 * 1024 * 1024;

export type ProgramRun = ProgramEnd & {
  /** The program is not there. */
  readonly isMissing: boolean;
};

/** Runs a program without a shell, waits for its end, ends it after a time. Never throws: its end is the answer. */
export function runProgram(
  name: string,
  args: readonly string[],
  options: { readonly timeoutMs: number; readonly env: NodeJS.ProcessEnv },
): Promise<ProgramRun> {
  return new Promise((resolve) => {
    const child = spawn(name, args, { env: options.env, stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let bytes = 0;
    let isTimedOut = false;
    const collect = (into: Buffer[]) => (data: Buffer) => {
      bytes += data.length;
      if (bytes <= MOST_BYTES) into.push(data);
    };
    child.stdout.on('data', collect(out));
    child.stderr.on('data', collect(err));
    const timer = setTimeout(() => {
      isTimedOut = true;
      child.kill('SIGKILL');
      // A process that it started may hold the pipes open.
      child.stdout.destroy();
      child.stderr.destroy();
    }, options.timeoutMs);
    const end = (exit: number | null, missing: boolean): void => {
      clearTimeout(timer);
      resolve({
        exit,
        stdout: Buffer.concat(out).toString('utf8'),
        stderr: Buffer.concat(err).toString('utf8'),
        isTimedOut,
        isMissing: missing,
      });
    };
    child.once('error', (error: NodeJS.ErrnoException) => {
      err.push(Buffer.from(error.message));
      end(null, error.code === 'ENOENT' || error.code === 'EACCES');
    });
    child.once('close', (exit) => {
      end(exit, false);
    });
  });
}
