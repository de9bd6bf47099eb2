import { readdir } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { ConfigError, StorageError } from '../../errors.js';
import { EXIT } from '../exit-codes.js';
import type { Session } from '../session.js';
import { openCatalog } from '../workflow-catalog.js';

/** `pipeline sample NAME DIR`: a small synthetic data set on which the workflow runs. */
export async function sampleCommand(
  name: string,
  directory: string,
  options: { readonly seed: number },
  session: Session,
): Promise<number> {
  const catalog = await openCatalog(session);
  const entry = catalog.find(name);
  if (entry.sample === null) {
    const others = catalog.entries.filter((other) => other.sample !== null).map((other) => other.name);
    throw new ConfigError('USAGE', `workflow ${name} has no sample data`, {
      cure: others.length > 0 ? `use one of ${others.join(', ')}` : 'bring your own data',
    });
  }
  const target = resolve(session.cwd, directory);
  await refuseUsedDirectory(target, directory);
  const written = await (await entry.sample()).write(target, { seed: options.seed });
  for (const path of written) session.terminal.result(relative(session.cwd, resolve(target, path)));
  session.terminal.note(
    `${written.length} files written; next: cd ${shellWord(directory)} && pipeline run -w ${name}`,
  );
  return EXIT.done;
}

/** A word as a shell takes it: in quotes where it holds more than plain characters. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

async function refuseUsedDirectory(target: string, shown: string): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(target);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    if (code !== 'ENOTDIR') throw cause;
    throw new StorageError('OUTPUT_UNWRITABLE', `${shown} is a file, or below one`, {
      cure: 'name a new directory',
      cause,
    });
  }
  if (entries.length === 0) return;
  throw new ConfigError('USAGE', `${shown} is not empty`, { cure: 'name a new or an empty directory' });
}
