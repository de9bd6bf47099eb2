/** `logs/<run-id>/` of the output directory: what happened, for people and for reports. */
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { CRASH_FILE, type CrashRecord } from './crash-record.js';
import type { RunEvent } from './events.js';
import { LineFile } from './line-file.js';
import { readLogTail, saveLog } from './log-capture.js';
import { makeDirectory } from './make-directory.js';
import { outputError } from './output-error.js';
import type { NodeLogs } from './worker-process.js';

const MAX_NAME_BYTES = 120;
/** Of what a node printed, shown to people. */
const SHOWN_LINES = 200;
const SHOWN_BYTES = 64 * 1024;

/** Writes events.jsonl and what failed nodes printed. Every method throws StorageError when the disk refuses. */
export class RunLog {
  /** Relative to the output directory. */
  readonly relative: string;
  readonly directory: string;
  readonly outputDir: string;
  readonly #events: LineFile;
  #timeMs = NaN;
  #timeText = '';

  constructor(outputDir: string, runId: string) {
    this.relative = `logs/${runId}`;
    this.outputDir = outputDir;
    this.directory = join(outputDir, 'logs', runId);
    try {
      makeDirectory(this.directory);
    } catch (cause) {
      throw outputError(cause, this.directory);
    }
    this.#events = new LineFile(join(this.directory, 'events.jsonl'));
  }

  /** Progress is for those who watch; everything else is kept. */
  record(event: RunEvent): void {
    if (event.type === 'node-progress') return;
    // Put together as text: there is one for each node, and many fall into one millisecond.
    this.#events.write(`{"time":"${this.#time()}",${JSON.stringify(event).slice(1)}\n`);
  }

  #time(): string {
    const now = Date.now();
    if (now !== this.#timeMs) {
      this.#timeMs = now;
      this.#timeText = new Date(now).toISOString();
    }
    return this.#timeText;
  }

  /** A document beside the events, for example the configuration that the run was started with. */
  document(name: string, content: unknown): void {
    const path = join(this.directory, name);
    try {
      writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`);
    } catch (cause) {
      throw outputError(cause, path);
    }
  }

  /** Keeps the record of a failure; returns its path relative to the output directory. */
  saveCrash(record: CrashRecord): string {
    const name = nodeLogFolder(record.id);
    const folder = join(this.directory, name);
    const file = join(folder, CRASH_FILE);
    try {
      makeDirectory(folder);
      writeFileSync(`${file}.part`, `${JSON.stringify(record, null, 2)}\n`);
      renameSync(`${file}.part`, file);
    } catch (cause) {
      throw outputError(cause, file);
    }
    return `${this.relative}/${name}/${CRASH_FILE}`;
  }

  /**
   * Keeps what a node printed.
   *
   * @returns path of the log relative to the output directory; null when the node printed nothing
   */
  saveNodeLogs(id: string, logs: NodeLogs, capBytes: number): string | null {
    if (logs.stdout === '') return null;
    const name = nodeLogFolder(id);
    const folder = join(this.directory, name);
    let kept: string | null = null;
    try {
      makeDirectory(folder);
      if (saveLog(logs.stdout, join(folder, 'stdout.log'), capBytes) > 0) kept = 'stdout.log';
      // What people look for first stands in standard error.
      if (saveLog(logs.stderr, join(folder, 'stderr.log'), capBytes) > 0) kept = 'stderr.log';
    } catch (cause) {
      throw outputError(cause, folder);
    }
    return kept === null ? null : `${this.relative}/${name}/${kept}`;
  }

  /** @throws StorageError also when an earlier write failed */
  close(): void {
    this.#events.close();
  }
}

/**
 * The end of what a node printed, as far as it was kept.
 *
 * @param folder - log folder of the run
 */
export function readNodeOutput(
  folder: string,
  id: string,
): { readonly name: string; readonly text: string }[] {
  return ['stdout.log', 'stderr.log'].flatMap((file) => {
    const name = `${nodeLogFolder(id)}/${file}`;
    const path = join(folder, name);
    return existsSync(path) ? [{ name, text: readLogTail(path, SHOWN_LINES, SHOWN_BYTES) }] : [];
  });
}

/** `fit[sub-03]` becomes `fit/sub-03`; whatever could leave the folder or is too long is replaced. */
export function nodeLogFolder(id: string): string {
  const match = /^([^[]*)\[([\s\S]*)\]$/.exec(id);
  const parts = match === null ? [id] : [match[1] ?? '', match[2] ?? ''];
  return parts.map(safeName).join('/');
}

function safeName(name: string): string {
  const plain = name.replace(/[^\p{L}\p{N}._-]/gu, '_').replace(/^\.+/, '_');
  if (plain === name && Buffer.byteLength(plain) <= MAX_NAME_BYTES && plain !== '') return plain;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${[...plain].slice(0, 40).join('')}-${digest}`;
}
