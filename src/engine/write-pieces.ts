import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { outputError } from './output-error.js';

const PIECE_CHARACTERS = 256 * 1024;

/**
 * Writes a text that is made piece by piece; its name appears when it is complete.
 *
 * @throws StorageError IO_FULL, IO_DENIED or IO with the path
 */
export function writePieces(path: string, pieces: Iterable<string>): void {
  const part = `${path}.part`;
  try {
    const fd = openSync(part, 'w', 0o644);
    try {
      let waiting = '';
      for (const piece of pieces) {
        waiting += piece;
        if (waiting.length < PIECE_CHARACTERS) continue;
        writeAll(fd, waiting);
        waiting = '';
      }
      writeAll(fd, waiting);
    } finally {
      closeSync(fd);
    }
    renameSync(part, path);
  } catch (cause) {
    rmSync(part, { force: true });
    throw outputError(cause, path);
  }
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}
