/**
 * Standard output and error of a worker go to files by descriptor, so that no byte passes through the parent and
 * tools that the node starts are captured too. The file is opened for appending and emptied when a node starts.
 * While it runs, the worker's monitor keeps it under the cap (log-cap.ts): the first half stays, what follows is moved to a
 * side file of which the last half is kept.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';

/** Bytes kept of each stream of a node. */
export const DEFAULT_LOG_CAP_BYTES = 64 * 1024 * 1024;

const CHUNK = 1024 * 1024;

/** Name of the side file that holds the end of a log beyond its cap. */
export function tailPathOf(path: string): string {
  return `${path}.tail`;
}

/** Opens a log so that writers always append, also after it was cut. */
export function openLog(path: string): number {
  return openSync(path, 'a+', 0o600);
}

/** Empties a log before the next node. */
export function resetLog(fd: number, path: string): void {
  if (fstatSync(fd).size > 0) ftruncateSync(fd, 0);
  if (existsSync(tailPathOf(path))) rmSync(tailPathOf(path));
}

// As in log-cap.ts, which may not share a module with this one.
function copyRange(source: number, from: number, to: number, out: number): void {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(1, to - from)));
  for (let at = from; at < to;) {
    const got = readSync(source, buffer, 0, Math.min(buffer.length, to - at), at);
    if (got === 0) return;
    writeSync(out, buffer, 0, got);
    at += got;
  }
}

/**
 * Writes the kept log of one node: first half, a marker when something is missing, last half.
 *
 * @returns bytes written; 0 (and no file) when the node wrote nothing
 */
export function saveLog(path: string, target: string, capBytes: number): number {
  const size = sizeOf(path);
  const tail = tailPathOf(path);
  const tailSize = sizeOf(tail);
  if (size === 0 && tailSize === 0) return 0;
  const half = Math.floor(capBytes / 2);
  const out = openSync(target, 'w', 0o644);
  try {
    if (tailSize === 0 && size <= capBytes) {
      appendFile(path, 0, size, out);
    } else {
      // A burst just before the end of the node is longer than the cap although nothing was cut yet.
      const rest = Math.max(0, size - half);
      const keepOfTail = Math.max(0, Math.min(tailSize, half - rest));
      appendFile(path, 0, Math.min(size, half), out);
      writeSync(out, '\n[... part of this log was left out: it grew over its limit ...]\n');
      appendFile(tail, tailSize - keepOfTail, tailSize, out);
      appendFile(path, Math.max(half, size - half), size, out);
    }
    return fstatSync(out).size;
  } finally {
    closeSync(out);
  }
}

function appendFile(path: string, from: number, to: number, out: number): void {
  if (to <= from) return;
  const source = openSync(path, 'r');
  try {
    copyRange(source, from, to, out);
  } finally {
    closeSync(source);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The last lines of a log as text, terminal codes and control characters removed. */
export function readLogTail(path: string, lines: number, maxBytes = 16 * 1024): string {
  const size = sizeOf(path);
  const from = Math.max(0, size - maxBytes);
  let text = readText(path, from, size);
  const tail = tailPathOf(path);
  if (text.split('\n').length <= lines && sizeOf(tail) > 0) {
    text = readText(tail, Math.max(0, sizeOf(tail) - maxBytes), sizeOf(tail)) + text;
  }
  return stripControl(text).trimEnd().split('\n').slice(-lines).join('\n');
}

function readText(path: string, from: number, to: number): string {
  if (to <= from) return '';
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(to - from);
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, from));
  } finally {
    closeSync(fd);
  }
}

/** Removes terminal escape sequences and control characters other than tab and line end. */
export function stripControl(text: string): string {
  return (
    text
      // eslint-disable-next-line no-control-regex -- these characters are what is looked for
      .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-_])/g, '')
      // eslint-disable-next-line no-control-regex -- these characters are what is looked for
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
  );
}
