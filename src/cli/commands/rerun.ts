import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CRASH_FILE } from '../../engine/crash-record.js';
import { makeDirectory } from '../../engine/make-directory.js';
import { nodeLogFolder } from '../../engine/run-log.js';
import { ConfigError } from '../../errors.js';
import { EXIT } from '../exit-codes.js';
import type { GlobalOptions } from '../options.js';
import type { Session } from '../session.js';

export interface RerunOptions extends GlobalOptions {
  readonly output?: string;
  readonly workDir?: string;
  readonly run?: string;
  readonly inspect?: boolean;
}

/**
 * `pipeline rerun NODE`: runs a node that failed alone, in the foreground and in a directory of its own. Its inputs are
 * those of the failed attempt; nothing is stored.
 */
export async function rerunCommand(id: string, options: RerunOptions, session: Session): Promise<number> {
  const outputDir = resolve(session.cwd, options.output ?? '.');
  const record = findRecord(id, outputDir, options.run ?? null);
  const work = resolve(session.cwd, options.workDir ?? join(outputDir, '.neuroloom', 'work'));
  makeDirectory(work);
  const directory = mkdtempSync(join(work, 'rerun-'));
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
        done(code ?? EXIT.nodeFailed);
      });
    });
  } finally {
    process.off('SIGINT', stay);
  }
}

/** The record of the newest failure of a node. */
function findRecord(id: string, outputDir: string, run: string | null): string {
  const logs = join(outputDir, 'logs');
  const runs = existsSync(logs) ? readdirSync(logs).sort().reverse() : [];
  for (const name of runs) {
    const file = join(logs, name, nodeLogFolder(id), CRASH_FILE);
    if ((run === null || run === name) && existsSync(file)) return file;
  }
  throw new ConfigError('USAGE', `no failure of ${id} is recorded in ${logs}`, {
    cure: 'name a node that failed, as in its message (node or node[key]), and the output directory with -o; a node that did not fail runs again with run --force-node',
  });
}
