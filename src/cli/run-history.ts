import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunEvent } from '../engine/events.js';
import { listRuns } from '../engine/run-document.js';
import { ConfigError } from '../errors.js';

/** What is kept of a run under `logs/<run-id>/events.jsonl`. */
export interface LoggedRun {
  readonly id: string;
  readonly workflow: string;
  readonly events: readonly RunEvent[];
}

/**
 * The newest run that wrote to an output directory. Progress and messages of nodes are left out.
 *
 * @param workflow - only runs of this workflow; null: of any
 * @throws ConfigError USAGE when there is none; StorageError when the folder of logs cannot be read
 */
export async function readLastRun(outputDir: string, workflow: string | null): Promise<LoggedRun> {
  for (const { run_id: id, workflow: name } of listRuns(outputDir)) {
    if (workflow !== null && name !== workflow) continue;
    const events = await readEvents(join(outputDir, 'logs', id, 'events.jsonl'));
    if (events.some((event) => event.type === 'run-started')) return { id, workflow: name, events };
  }
  const what = workflow === null ? 'no run' : `no run of ${workflow}`;
  throw new ConfigError('USAGE', `there is ${what} in ${outputDir}`, {
    cure: 'name the output directory of the run with -o',
  });
}

async function readEvents(path: string): Promise<RunEvent[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
  // A killed run may have left half a line at the end.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RunEvent)
    .filter((event) => event.type !== 'node-log');
}
