import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { RunResult } from '../engine/run.js';
import type { Session } from './session.js';

/** Longest time that the run waits for the program, ms. */
const LIMIT_MS = 60_000;

export interface FinishedRun {
  readonly workflow: string;
  readonly outputDir: string;
  /** null when the run ended with an error of the cache or the file system. */
  readonly result: RunResult | null;
  readonly exitCode: number;
}

/**
 * Starts the program of `--on-finish` and waits for it, at most a minute. It is told about the run by its environment.
 * A program that fails is told and changes nothing: the run has ended.
 */
export async function runOnFinish(
  words: readonly string[],
  finished: FinishedRun,
  session: Session,
): Promise<void> {
  const [program = '', ...args] = words;
  const problem = await new Promise<string | null>((settle) => {
    const child = spawn(program, args, {
      cwd: session.cwd,
      env: { ...session.env, ...finishEnvironment(finished) },
      // What it prints is no result of this command.
      stdio: ['ignore', 2, 2],
    });
    const timer = setTimeout(() => child.kill(), LIMIT_MS);
    child.once('error', (error) => {
      clearTimeout(timer);
      settle(error.message);
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      settle(
        code === 0 ? null : signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`,
      );
    });
  });
  if (problem !== null) {
    session.terminal.note(`warning  the program of --on-finish failed: ${program}: ${problem}`);
  }
}

/** What the program finds in its environment, beside what this process found in its own. */
export function finishEnvironment({
  workflow,
  outputDir,
  result,
  exitCode,
}: FinishedRun): Readonly<Record<string, string>> {
  const own = {
    NEUROLOOM_WORKFLOW: workflow,
    NEUROLOOM_OUTPUT_DIR: outputDir,
    NEUROLOOM_EXIT_CODE: String(exitCode),
  };
  if (result === null) return { ...own, NEUROLOOM_STATUS: 'failed' };
  const { runId, status, counts } = result;
  return {
    ...own,
    NEUROLOOM_STATUS: status,
    NEUROLOOM_RUN_ID: runId,
    NEUROLOOM_LOG_DIR: join(outputDir, 'logs', runId),
    NEUROLOOM_EXECUTED: String(counts.executed),
    NEUROLOOM_REUSED: String(counts.reused),
    NEUROLOOM_FAILED: String(counts.failed),
  };
}
