import { closeSync, openSync, writeSync } from 'node:fs';
import { outputError } from './output-error.js';

const BUFFER_CHARACTERS = 64 * 1024;
const FLUSH_AFTER_MS = 200;

/**
 * A file of lines that grows while a run goes on: written in pieces of 64 KiB, and 200 ms after a line at the latest,
 * so that others can follow it. A disk that refuses is told when the file is closed; until then the run goes on.
 */
export class LineFile {
  readonly path: string;
  readonly #fd: number;
  #lines: string[] = [];
  #characters = 0;
  #timer: NodeJS.Timeout | null = null;
  #error: unknown = null;

  /** @throws StorageError when it cannot be made */
  constructor(path: string) {
    this.path = path;
    try {
      this.#fd = openSync(path, 'a', 0o644);
    } catch (cause) {
      throw outputError(cause, path);
    }
  }

  /** @param line - with its line break */
  write(line: string): void {
    this.#lines.push(line);
    this.#characters += line.length;
    if (this.#characters > BUFFER_CHARACTERS) this.flush();
    else
      this.#timer ??= setTimeout(() => {
        this.flush();
      }, FLUSH_AFTER_MS);
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const bytes = Buffer.from(this.#lines.join(''));
    this.#lines = [];
    this.#characters = 0;
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at);
    } catch (error) {
      // Runs in a timer too: the error is told when the file is closed.
      this.#error ??= error;
    }
  }

  /** @throws StorageError also when an earlier write failed */
  close(): void {
    this.flush();
    closeSync(this.#fd);
    if (this.#error !== null) throw outputError(this.#error, this.path);
  }
}
