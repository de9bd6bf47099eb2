/** Keeps the log of a worker under its cap. Imports nothing of ours: the thread that monitors a worker starts with it. */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, renameSync, writeSync } from 'node:fs';

const CHUNK = 1024 * 1024;

export interface CappedLog {
  /** Open for appending. */
  readonly fd: number;
  readonly path: string;
  /** The side file that receives the end of what is over the cap. */
  readonly tailPath: string;
}

/** A writer that is never done is left what it writes after so many looks. */
const MOST_LOOKS = 16;

/**
 * Cuts a log that grew over its cap back to its first half; the last half of what was cut replaces the side file.
 * What is written between the last look and the cut is lost, a few microseconds of it.
 *
 * @returns bytes that were cut off the file
 */
export function enforceLogCap({ fd, path, tailPath }: CappedLog, capBytes: number): number {
  let size = fstatSync(fd).size;
  if (size <= capBytes) return 0;
  const half = Math.floor(capBytes / 2);
  const part = `${tailPath}.part`;
  const out = openSync(part, 'w', 0o600);
  const source = openSync(path, 'r');
  try {
    let from = Math.max(half, size - half);
    for (let look = 0; look < MOST_LOOKS && from < size; look++) {
      copyRange(source, from, size, out);
      from = size;
      // Copying takes time, and the node goes on.
      size = fstatSync(fd).size;
    }
  } finally {
    closeSync(source);
    closeSync(out);
  }
  renameSync(part, tailPath);
  ftruncateSync(fd, half);
  return size - half;
}

function copyRange(source: number, from: number, to: number, out: number): void {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(1, to - from)));
  for (let at = from; at < to;) {
    const got = readSync(source, buffer, 0, Math.min(buffer.length, to - at), at);
    if (got === 0) return;
    writeSync(out, buffer, 0, got);
    at += got;
  }
}
