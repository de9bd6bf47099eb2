import { closeSync, openSync, readSync } from 'node:fs';

const PIECE_BYTES = 64 * 1024;

/** Whole lines of a file that may still grow, and that may not be there yet. */
export class FollowedFile {
  readonly #path: string;
  #at = 0;
  #rest = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  /** The lines that became complete since the last call, without their line breaks. */
  *next(): Generator<string> {
    let fd: number;
    try {
      fd = openSync(this.#path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    try {
      const piece = Buffer.alloc(PIECE_BYTES);
      for (;;) {
        const count = readSync(fd, piece, 0, piece.length, this.#at);
        if (count === 0) return;
        this.#at += count;
        yield* this.#lines(piece.subarray(0, count));
      }
    } finally {
      closeSync(fd);
    }
  }

  *#lines(piece: Buffer): Generator<string> {
    let from = 0;
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, from)) {
      yield Buffer.concat([this.#rest, piece.subarray(from, end)]).toString('utf8');
      this.#rest = Buffer.alloc(0);
      from = end + 1;
    }
    this.#rest = Buffer.concat([this.#rest, piece.subarray(from)]);
  }
}
