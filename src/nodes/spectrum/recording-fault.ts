import { ConfigError, ProcessingError } from '../../errors.js';

/**
 * Why a recording cannot be used, with how to mend it: what a person wrote or recorded wrong costs that recording only.
 *
 * @param error - what was thrown while it was read, fitted or written
 * @returns null for an error that is not the recording's: of the machine (storage, memory, a process), or of the software
 */
export function recordingFault(error: unknown): string | null {
  if (!(error instanceof ProcessingError || error instanceof ConfigError)) return null;
  // What is free now may not be free later: that result must not be kept.
  if (error.code === 'MEMORY_LIMIT') return null;
  return error.cure === undefined ? error.message : `${error.message}; ${error.cure}`;
}
