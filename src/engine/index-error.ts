import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PipelineError } from '../errors.js';
import { storageError } from './storage-error.js';
import { systemCode } from './system-code.js';

const REFUSED_WRITE = /^SQLITE_IOERR_(WRITE|FSYNC|TRUNCATE|SHMSIZE)$/;
const TRIAL_BYTES = 65_536;

/**
 * The storage error that a failed call of SQLite stands for. SQLite knows a full disk, and calls a quota that is used up an
 * I/O error: what the file system answers to a file beside the index tells them apart.
 *
 * @param where - what the error names
 * @param directory - of the index
 */
export function indexError(cause: unknown, where: string, directory: string): PipelineError {
  const { code } = cause as NodeJS.ErrnoException;
  const isRefused = code !== undefined && REFUSED_WRITE.test(code);
  return storageError((isRefused ? fullness(directory) : null) ?? cause, where);
}

/** What the system says when there is no room for a file in a directory; null when there is. */
function fullness(directory: string): unknown {
  const file = join(directory, `room-${process.pid}.part`);
  try {
    writeFileSync(file, new Uint8Array(TRIAL_BYTES));
    return null;
  } catch (error) {
    return ['ENOSPC', 'EDQUOT'].includes(systemCode(error as NodeJS.ErrnoException) ?? '') ? error : null;
  } finally {
    rmSync(file, { force: true });
  }
}
