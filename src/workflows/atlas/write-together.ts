import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { writeError } from '../../io/index.js';

/**
 * Lets files be written into a temporary directory beside their place and moves them there at the end: a failure
 * leaves none.
 *
 * @param directory - receives the files; made when absent
 * @param write - writes into the directory it is given and returns the names of all files, relative to it
 * @throws StorageError when a directory or a file cannot be made; what `write` throws
 */
export async function writeTogether(
  directory: string,
  write: (temporary: string) => Promise<readonly string[]>,
): Promise<void> {
  const target = resolve(directory);
  const temporary = join(dirname(target), `.atlas.part-${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    await makeDirectory(temporary);
    const names = await write(temporary);
    for (const folder of new Set(names.map((name) => dirname(join(target, name))))) {
      await makeDirectory(folder);
    }
    for (const name of names) await move(join(temporary, name), join(target, name));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Makes a directory and those above it. */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw writeError(error, path);
  }
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    throw writeError(error, to);
  }
}
