import { PipelineError, StorageError } from '../errors.js';
import { systemCode } from './system-code.js';

/** What the failed call was about, and the option that moves it. */
const PLACES = {
  cache: 'place the cache elsewhere with --cache-dir',
  work: 'place the work directory elsewhere with --work-dir',
} as const;

/** The storage error that a failed system call stands for; errors with a code of ours pass unchanged. */
export function storageError(
  cause: unknown,
  where: string,
  place: keyof typeof PLACES = 'cache',
): PipelineError {
  if (cause instanceof PipelineError) return cause;
  const { message } = cause as NodeJS.ErrnoException;
  switch (systemCode(cause as NodeJS.ErrnoException)) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'SQLITE_FULL':
      return new StorageError('IO_FULL', 'no space left', {
        where,
        cure: `free space there, or ${PLACES[place]}; finished nodes will not run again`,
        cause,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'SQLITE_READONLY':
    case 'SQLITE_READONLY_DIRECTORY':
    case 'SQLITE_READONLY_DBMOVED':
    case 'SQLITE_CANTOPEN':
      return new StorageError('IO_DENIED', 'no permission to write', {
        where,
        cure: `correct the permissions, or ${PLACES[place]}`,
        cause,
      });
    default:
      return new StorageError('IO', `the file system refused: ${message}`, {
        where,
        cure: 'check the disk and the path, then run the same command again',
        cause,
      });
  }
}
