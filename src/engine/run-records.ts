/** What stays of a run in `logs/<run-id>/`: events, journal, trace, provenance and the document that lists it. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { chromeTrace } from './chrome-trace.js';
import type { RunCounts, RunEvent, RunStatus } from './events.js';
import type { FileFacts } from './cache-store.js';
import type { InstanceTable } from './instance-table.js';
import { makeDirectory } from './make-directory.js';
import { JOURNAL_FILE, NodeJournal } from './node-journal.js';
import { outputError } from './output-error.js';
import { packageVersion } from './package-root.js';
import { ownIdentity } from './process-identity.js';
import { provenanceJson } from './provenance.js';
import type { PublishedFile } from './publish.js';
import { writeRunDocument, type RunDocument } from './run-document.js';
import type { RunLog } from './run-log.js';
import { Timeline } from './timeline.js';
import { writePieces } from './write-pieces.js';

/** Names of the files in the log folder of a run. */
export const PROVENANCE_FILE = 'prov.json';
const TRACE_FILE = 'trace.json';

export interface RunRecordsOptions {
  readonly runId: string;
  readonly workflow: string;
  readonly argv: readonly string[];
  readonly cacheDir: string;
  /** Absolute; null: not known. */
  readonly inputDir: string | null;
  readonly outputDir: string;
  readonly log: RunLog;
  /** Where else the trace is written; null: nowhere. */
  readonly traceFile: string | null;
}

/** How a run ended. */
export interface RunEnd {
  readonly status: RunStatus;
  readonly exitCode: number | null;
  readonly counts: RunCounts | null;
}

export class RunRecords {
  readonly #options: RunRecordsOptions;
  readonly #journal: NodeJournal;
  readonly #timeline = new Timeline();
  readonly #document: RunDocument;

  /** @throws StorageError when the folder of the log cannot be written */
  constructor(options: RunRecordsOptions) {
    this.#options = options;
    const { log, runId, workflow, argv, cacheDir } = options;
    this.#journal = new NodeJournal(join(log.directory, JOURNAL_FILE));
    const { host, pid, pidStart } = ownIdentity();
    this.#document = {
      run_id: runId,
      workflow,
      version: packageVersion(),
      argv: [...argv],
      cwd: process.cwd(),
      input_dir: this.#options.inputDir,
      host,
      pid,
      pid_start: pidStart,
      started: new Date(this.#timeline.beganAt).toISOString(),
      ended: null,
      status: 'running',
      exit_code: null,
      counts: null,
      cache: cacheDir,
    };
    writeRunDocument(log.directory, this.#document);
  }

  record(event: RunEvent): void {
    if (!isOnlySaid(event)) this.#options.log.record(event);
    this.#timeline.record(event);
    this.#journal.record(event);
  }

  /**
   * Writes trace and provenance when the nodes have come to their ends.
   *
   * @throws StorageError when the disk refuses
   */
  describe(
    table: InstanceTable,
    published: readonly PublishedFile[],
    file: (path: string) => FileFacts | null,
  ): void {
    const { runId, workflow, outputDir, log, traceFile } = this.#options;
    const { attempts, beganAt } = this.#timeline;
    const traces = traceFile === null ? [] : [traceFile];
    if (attempts.length > 0) traces.push(join(log.directory, TRACE_FILE));
    for (const path of traces) {
      try {
        makeDirectory(dirname(path));
      } catch (cause) {
        throw outputError(cause, path);
      }
      writePieces(path, chromeTrace(workflow, attempts));
    }
    const facts = {
      runId,
      workflow,
      beganAt,
      endedAt: Date.now(),
      outputDir,
      table,
      attempts,
      file,
      published: byDigest(published),
      isDescribed: this.#describedElsewhere(),
      software: { neuroloom: packageVersion(), node: process.versions.node },
    };
    writePieces(join(log.directory, PROVENANCE_FILE), provenanceJson(facts));
  }

  /** Records how the run ended, and closes. @throws StorageError also when an earlier write failed */
  close(end: RunEnd): void {
    try {
      this.#journal.close();
    } finally {
      const { status, exitCode, counts } = end;
      writeRunDocument(this.#options.log.directory, {
        ...this.#document,
        ended: new Date().toISOString(),
        status,
        exit_code: exitCode,
        counts: counts === null ? null : countsOf(counts),
      });
    }
  }

  /** A result is described where the run that made it left its provenance in this output directory. */
  #describedElsewhere(): (runId: string | null) => boolean {
    const logs = dirname(this.#options.log.directory);
    const known = new Map<string, boolean>();
    return (runId) => {
      if (runId === null) return false;
      let isThere = known.get(runId);
      if (isThere === undefined) {
        isThere = existsSync(join(logs, runId, PROVENANCE_FILE));
        known.set(runId, isThere);
      }
      return isThere;
    };
  }
}

function byDigest(published: readonly PublishedFile[]): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const { path, digest } of published) {
    const known = names.get(digest);
    if (known === undefined) names.set(digest, [path]);
    else known.push(path);
  }
  return names;
}

function countsOf(counts: RunCounts): NonNullable<RunDocument['counts']> {
  const { total, executed, reused, skipped, failed, notStarted } = counts;
  return { total, executed, reused, skipped, failed, not_started: notStarted };
}

/** What nodes say stands in the journal alone: a training says it ten thousand times. A warning is also an event. */
function isOnlySaid(event: RunEvent): boolean {
  if (event.type === 'node-metric') return true;
  return event.type === 'node-log' && (event.level === 'debug' || event.level === 'info');
}
