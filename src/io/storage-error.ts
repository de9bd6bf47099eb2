import { constants } from 'node:os';
import { ProcessingError, StorageError } from '../errors.js';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const DENIED = new Set(['EACCES', 'EPERM', 'EROFS']);

/** System error code (`ENOSPC`) of a thrown value, or undefined where it carries none. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  // Node has no name for a quota that is used up.
  if ('errno' in error && error.errno === -constants.errno.EDQUOT) return 'EDQUOT';
  return typeof error.code === 'string' ? error.code : undefined;
}

/**
 * Turns what the file system threw while `path` was written into an error that says what to do.
 *
 * @param error - the value that was caught; an error of ours is returned as it is
 * @param path - the file that was to be written
 * @param bytes - size of what was to be written, where it is known
 */
export function writeError(error: unknown, path: string, bytes?: number): Error {
  if (error instanceof StorageError || error instanceof ProcessingError) return error;
  const code = systemCode(error);
  if (code === undefined) return error instanceof Error ? error : new Error(String(error));
  const size = bytes === undefined ? '' : ` (${bytes} bytes)`;
  if (FULL.has(code)) {
    return new StorageError('IO_FULL', `no space left to write ${path}${size}`, {
      where: path,
      cure: 'free space or raise the quota on that file system, then run the same command again',
      cause: error,
    });
  }
  if (DENIED.has(code)) {
    return new StorageError('IO_DENIED', `not allowed to write ${path} (${code})`, {
      where: path,
      cure: 'choose a directory that you may write to, or change its permissions',
      cause: error,
    });
  }
  return new StorageError('IO', `cannot write ${path} (${code})`, {
    where: path,
    cure:
      code === 'ENOTDIR' || code === 'EEXIST'
        ? 'a file stands where a directory is needed: choose another output directory'
        : 'check the path and the file system',
    cause: error,
  });
}

/**
 * Turns what the file system threw while `path` was read into an error that says what to do:
 * ProcessingError FILE_MISSING where nothing is there, StorageError otherwise.
 */
export function readError(error: unknown, path: string): Error {
  if (error instanceof StorageError || error instanceof ProcessingError) return error;
  const code = systemCode(error);
  if (code === undefined) return error instanceof Error ? error : new Error(String(error));
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') {
    return new ProcessingError('FILE_MISSING', `no such file: ${path}`, {
      where: path,
      cure: 'check the path; a link may point to a place that is not there',
      cause: error,
    });
  }
  if (DENIED.has(code)) {
    return new StorageError('IO_DENIED', `not allowed to read ${path} (${code})`, {
      where: path,
      cure: 'change the permissions of the file',
      cause: error,
    });
  }
  return new StorageError('IO', `cannot read ${path} (${code})`, {
    where: path,
    cure: 'check the path and the file system',
    cause: error,
  });
}
