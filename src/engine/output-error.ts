import { PipelineError, StorageError } from '../errors.js';
import { systemCode } from './system-code.js';

/** The storage error that a failed system call in the output directory stands for; coded errors pass unchanged. */
export function outputError(cause: unknown, path: string): PipelineError {
  if (cause instanceof PipelineError) return cause;
  const { message } = cause as NodeJS.ErrnoException;
  const code = systemCode(cause as NodeJS.ErrnoException);
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new StorageError('IO_FULL', `no space left to write ${path}`, {
        where: path,
        cure: 'free space there, or choose another output directory (-o); finished nodes will not run again',
        cause,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
    case 'ENOENT':
      return new StorageError('IO_DENIED', `${path} cannot be written: ${whyDenied(code)}`, {
        where: path,
        cure: 'correct the path or its permissions, or choose another output directory (-o)',
        cause,
      });
    default:
      return new StorageError('IO', `${path} cannot be written: ${message}`, {
        where: path,
        cure: 'check the disk and the path, then run the same command again',
        cause,
      });
  }
}

function whyDenied(code: string): string {
  switch (code) {
    case 'ENOTDIR':
    case 'EEXIST':
      return 'a part of the path is a file, not a directory';
    case 'EISDIR':
      return 'it is a directory';
    case 'EROFS':
      return 'the file system is read-only';
    case 'ENOENT':
      // The parents were made before: only file systems of the kernel, such as /proc, still answer so.
      return 'this file system takes no new files';
    default:
      return 'permission denied';
  }
}
