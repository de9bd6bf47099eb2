/** `logs/<run-id>/run.json`: one small document per run, by which the runs of an output directory are listed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { storageError } from './storage-error.js';
import { isLive } from './process-identity.js';
import { writePieces } from './write-pieces.js';

const FILE = 'run.json';

const CountsSchema = z.object({
  total: z.number(),
  executed: z.number(),
  reused: z.number(),
  skipped: z.number(),
  failed: z.number(),
  not_started: z.number(),
});

const RunDocumentSchema = z.object({
  run_id: z.string(),
  workflow: z.string(),
  /** Of neuroloom. */
  version: z.string(),
  argv: z.array(z.string()),
  /** Where the command was given; absent in runs of the first releases. */
  cwd: z.string().optional(),
  /** What the run read, where a command says it; absent in runs of the first releases. */
  input_dir: z.string().nullish(),
  host: z.string(),
  pid: z.number(),
  pid_start: z.string(),
  /** ISO times. */
  started: z.string(),
  ended: z.string().nullable(),
  status: z.enum(['running', 'done', 'done-with-failures', 'failed', 'cancelled']),
  exit_code: z.number().nullable(),
  counts: CountsSchema.nullable(),
  cache: z.string(),
});

export type RunDocument = z.infer<typeof RunDocumentSchema>;

/** `interrupted`: the process of the run is gone and did not say how it ended. */
export type ListedStatus = RunDocument['status'] | 'interrupted';

export interface ListedRun extends Omit<RunDocument, 'status'> {
  readonly status: ListedStatus;
}

/** @throws StorageError when the disk refuses */
export function writeRunDocument(directory: string, document: RunDocument): void {
  writePieces(join(directory, FILE), [`${JSON.stringify(document, null, 2)}\n`]);
}

/**
 * The runs that wrote to an output directory, the newest first. Folders without a readable document are left out.
 *
 * @throws StorageError when the folder of logs cannot be read
 */
export function listRuns(outputDir: string, now: number = Date.now()): ListedRun[] {
  const runs = runFolders(outputDir).flatMap((id) => {
    const run = readRunDocument(join(outputDir, 'logs', id));
    if (run === null) return [];
    const identity = { host: run.host, pid: run.pid, pidStart: run.pid_start };
    // A process of another host cannot be asked; what it last wrote is taken as it stands for a day.
    const isGone = run.status === 'running' && !isLive(identity, Date.parse(run.started) + DAY_MS, now);
    return [{ ...run, status: isGone ? ('interrupted' as const) : run.status }];
  });
  // By time and not by name: the name of a run knows the second only.
  return runs.sort((a, b) => Date.parse(b.started) - Date.parse(a.started));
}

const DAY_MS = 86_400_000;

/** The document of one run; null when there is none or it is not ours. */
export function readRunDocument(directory: string): RunDocument | null {
  const path = join(directory, FILE);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw storageError(cause, path);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const parsed = RunDocumentSchema.safeParse(json);
  return parsed.success ? parsed.data : null;
}

function runFolders(outputDir: string): string[] {
  const logs = join(outputDir, 'logs');
  try {
    return readdirSync(logs);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw storageError(cause, logs);
  }
}
