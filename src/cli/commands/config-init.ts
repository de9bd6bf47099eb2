import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { commentedYaml, DEFAULT_CONFIG_FILE, describedKeys } from '../../config/index.js';
import { ConfigError, StorageError } from '../../errors.js';
import { EXIT } from '../exit-codes.js';
import type { Session } from '../session.js';
import { openCatalog } from '../workflow-catalog.js';

/** `pipeline config init`: a file with every key and its default; never replaces one that is there. */
export async function configInitCommand(
  file: string | undefined,
  options: { readonly workflow?: string },
  session: Session,
): Promise<number> {
  const catalog = await openCatalog(session);
  const entry = options.workflow === undefined ? null : catalog.find(options.workflow);
  const keys = describedKeys(await catalog.namespaces()).filter(
    ({ path }) => entry === null || path.length === 1 || path[0] === entry.namespace,
  );
  const text = `# Every key with its default. Delete what you do not change.\n${commentedYaml(keys)}`;
  const name = file ?? DEFAULT_CONFIG_FILE;
  if (name === '-') {
    session.terminal.result(text.trimEnd());
    return EXIT.done;
  }
  const path = resolve(session.cwd, name);
  try {
    writeFileSync(path, text, { flag: 'wx' });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') {
      throw new ConfigError('USAGE', `${name} is there already`, { where: path, cure: 'name another file' });
    }
    throw new StorageError('IO', `${path} could not be written: ${String(code)}`, {
      where: path,
      cure: 'name a file in a directory that is there and that you may write to',
      cause,
    });
  }
  session.terminal.note(`${name} written: ${keys.length} keys`);
  return EXIT.done;
}
