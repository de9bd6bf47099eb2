import { randomBytes } from 'node:crypto';
import { open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { systemCode, writeError } from './storage-error.js';

/**
 * Writes a whole file or nothing: the bytes go to a temporary name in the same directory, are flushed to the
 * disk, and take the final name by rename. A killed process leaves no half file under the final name.
 *
 * @param path - final name; its directory must exist; an existing file is replaced
 * @param contents - bytes, or text that is written as UTF-8
 * @throws StorageError IO_FULL, IO_DENIED or IO, with the path and the size
 */
export async function writeAtomic(path: string, contents: Uint8Array | string): Promise<void> {
  const bytes = typeof contents === 'string' ? Buffer.from(contents, 'utf8') : contents;
  const temporary = join(
    dirname(path),
    `.${basename(path)}.part-${process.pid}-${randomBytes(4).toString('hex')}`,
  );
  let created = false;
  try {
    const file = await open(temporary, 'wx');
    created = true;
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    created = false;
    await syncDirectory(dirname(path));
  } catch (error) {
    if (created) await removeQuietly(temporary);
    throw writeError(error, path, bytes.byteLength);
  }
}

/** Makes the rename itself durable; some file systems cannot flush a directory and say so, which is no failure. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'EINVAL' && code !== 'ENOTSUP' && code !== 'EPERM' && code !== 'EISDIR') throw error;
  } finally {
    await directory.close();
  }
}

/** The write failed already and that error is the one to report; a leftover is only untidy. */
async function removeQuietly(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
  }
}
