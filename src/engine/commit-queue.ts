import { StorageError } from '../errors.js';
import { indexError } from './index-error.js';
import type { IndexRows } from './index-rows.js';
import { killPoint } from './kill-points.js';

/** Waiting writes are committed when there are so many, or after this time. */
const BATCH_SIZE = 64;
const BATCH_MS = 20;

export interface CommitQueueOptions {
  readonly rows: IndexRows;
  /** Without it nothing that may wait is written: a plan. */
  readonly writable: boolean;
  /** Of the cache: errors name it. */
  readonly directory: string;
  readonly indexDirectory: string;
  /** Everything that waited is in the index. */
  readonly onEmpty: () => void;
}

/** Writes of the index, many of them in one transaction. */
export class CommitQueue {
  readonly #options: CommitQueueOptions;
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | null = null;
  #failure: unknown = null;

  constructor(options: CommitQueueOptions) {
    this.#options = options;
  }

  /** One write transaction: everything that waits, then `work`. */
  commit<T>(work: () => T): T {
    const { rows, onEmpty } = this.#options;
    const waiting = this.#waiting;
    if (waiting.length > 0) killPoint('before-commit');
    const value = this.guard(() =>
      rows.write(() => {
        for (const write of waiting) write();
        return work();
      }),
    );
    if (waiting.length > 0) killPoint('after-commit');
    // `work` may have queued more, which the next commit takes.
    this.#waiting = this.#waiting.slice(waiting.length);
    if (this.#waiting.length === 0) onEmpty();
    return value;
  }

  /** A write that may wait for others. A plan writes nothing. */
  later(write: () => void): void {
    const { rows, writable } = this.#options;
    if (!writable) return;
    this.#waiting.push(write);
    if (this.#waiting.length >= BATCH_SIZE && !rows.isWriting) {
      this.flush();
    } else {
      this.#timer ??= setTimeout(() => {
        this.#timer = null;
        try {
          this.flush();
        } catch (failure) {
          // There is no caller to tell here: the next call that commits throws it.
          this.#failure = failure;
        }
      }, BATCH_MS);
    }
  }

  /** Commits what waits. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#failure !== null) {
      const failure = this.#failure;
      this.#failure = null;
      throw failure;
    }
    if (this.#waiting.length > 0) this.commit(() => undefined);
  }

  /** Errors of SQLite as what they mean for the cache. */
  guard<T>(work: () => T): T {
    const { directory, indexDirectory } = this.#options;
    try {
      return work();
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'SQLITE_NOTADB' || code?.startsWith('SQLITE_CORRUPT') === true) {
        throw new StorageError('CACHE_CORRUPT', 'the cache index was damaged while in use', {
          where: directory,
          cure: 'run the same command again; the index is rebuilt and finished nodes will not run again',
          cause,
        });
      }
      if (code?.startsWith('SQLITE_') === true) throw indexError(cause, directory, indexDirectory);
      throw cause;
    }
  }
}
