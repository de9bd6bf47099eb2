import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CRASH_FILE } from '../../engine/crash-record.js';
import { makeDirectory } from '../../engine/make-directory.js';
import { nodeLogFolder } from '../../engine/run-log.js';
import { EXIT, exitCodeOfSignal } from '../exit-codes.js';
import type { GlobalOptions } from '../options.js';
import { recordOfRun } from '../rerun-record.js';
import type { Session } from '../session.js';

export interface RerunOptions extends GlobalOptions {
  readonly output?: string;
  readonly workDir?: string;
  readonly run?: string;
  readonly inspect?: boolean;
}

/**
 * `pipeline rerun NODE`: runs a node alone, in the foreground and in a directory of its own. Its inputs are those of its
 * newest failed attempt; for a node that did not fail, the results that the cache has. Nothing is stored.
 */
export async function rerunCommand(id: string, options: RerunOptions, session: Session): Promise<number> {
  const outputDir = resolve(session.cwd, options.output ?? '.');
  const failed = findRecord(id, outputDir, options.run ?? null);
  const made = failed === null ? await recordOfRun(id, outputDir, options.run ?? null, session) : null;
  if (typeof made === 'number') return made;
  const work = resolve(session.cwd, options.workDir ?? join(outputDir, '.neuroloom', 'work'));
  makeDirectory(work);
  const directory = mkdtempSync(join(work, 'rerun-'));
  const record = failed ?? join(directory, 'task.json');
  if (made !== null) writeFileSync(record, `${JSON.stringify(made, null, 2)}\n`);
  session.terminal.note(`${id}  runs in ${directory}`);
  const script = fileURLToPath(new URL('../foreground.js', import.meta.url));
  const node = options.inspect === true ? ['--inspect-brk'] : [];
  const child = spawn(process.execPath, [...node, script, record, directory], { stdio: 'inherit' });
  // The child hears an interrupt too and ends by itself.
  const stay = (): void => undefined;
  process.on('SIGINT', stay);
  try {
    return await new Promise((done, fail) => {
      child.once('error', fail);
      child.once('exit', (code, signal) => {
        if (signal !== null) session.terminal.note(`${id}  was ended by ${signal}`);
        done(signal === null ? (code ?? EXIT.nodeFailed) : exitCodeOfSignal(signal));
      });
    });
  } finally {
    process.off('SIGINT', stay);
  }
}

/** The record of the newest failure of a node; null when it did not fail. */
function findRecord(id: string, outputDir: string, run: string | null): string | null {
  const logs = join(outputDir, 'logs');
  const runs = existsSync(logs) ? readdirSync(logs).sort().reverse() : [];
  for (const name of runs) {
    const file = join(logs, name, nodeLogFolder(id), CRASH_FILE);
    if ((run === null || run === name) && existsSync(file)) return file;
  }
  return null;
}
