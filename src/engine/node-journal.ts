/** `logs/<run-id>/log.jsonl`: what the nodes of a run said and what became of them, one JSON line each. */
import type { RunEvent } from './events.js';
import { LineFile } from './line-file.js';
import { structuredLogger, type StructuredLogger } from './logger.js';

/** Name of the file in the log folder of a run. */
export const JOURNAL_FILE = 'log.jsonl';

/** Follows the events of a run. Begins its file with the first node that runs; reused nodes have nothing to say. */
export class NodeJournal {
  readonly #path: string;
  #file: LineFile | null = null;
  #logger: StructuredLogger | null = null;

  /** @param path - of the file, in a folder that is there */
  constructor(path: string) {
    this.#path = path;
  }

  /** @throws StorageError when the file cannot be made */
  record(event: RunEvent): void {
    switch (event.type) {
      case 'node-started':
        this.#open().info({ node: event.id, attempt: event.attempt, reason: event.reason.kind }, 'started');
        return;
      case 'node-log':
        this.#open()[event.level]({ node: event.id }, event.message);
        return;
      case 'node-metric':
        this.#open().info({ node: event.id, metric: event.name, values: event.values }, 'metric');
        return;
      case 'node-done':
        this.#open().info({ node: event.id, ms: event.ms, peak_mb: event.peakMb }, 'done');
        return;
      case 'node-skipped':
        if (!event.reused) this.#open().warn({ node: event.id }, `skipped: ${event.reason}`);
        return;
      case 'node-failed': {
        const { id, failureClass, code, where, cure, ms, logPath } = event;
        const facts = { node: id, failure_class: failureClass, code, where, cure, ms, log_path: logPath };
        this.#open().error(facts, `failed: ${event.message}`);
        return;
      }
      case 'node-retried': {
        const { id, attempt, failureClass } = event;
        this.#open().warn(
          { node: id, attempt, failure_class: failureClass },
          `tried again: ${event.message}`,
        );
        return;
      }
      case 'node-cancelled':
        this.#open().warn({ node: event.id }, 'cancelled');
        return;
      case 'warning':
        this.#open().warn({ code: event.code, cure: event.cure }, event.message);
        return;
      default:
        return;
    }
  }

  /** @throws StorageError also when an earlier write failed */
  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  #open(): StructuredLogger {
    if (this.#logger === null) {
      const file = new LineFile(this.#path);
      this.#file = file;
      this.#logger = structuredLogger((line) => {
        file.write(line);
      });
    }
    return this.#logger;
  }
}
