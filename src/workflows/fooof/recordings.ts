import { readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

import { ConfigError } from '../../errors.js';
import { compareIds } from '../../io/index.js';

/** One table of spectra below the input directory. */
export interface Recording {
  /** Relative path without extension, `/` between folders: its name in tables and messages. */
  readonly name: string;
  /** Label of its node instances: the name with `__` between folders. */
  readonly id: string;
  readonly path: string;
}

/** Tables that this workflow writes itself, when input and output are one directory. */
const OWN_OUTPUT = /(^|_)(fits|peaks)\.tsv$/;
const LEFT_OUT_FOLDERS = new Set(['logs', 'node_modules']);

/**
 * The `.tsv` files below a directory, without hidden folders and without tables that this workflow writes.
 *
 * @throws ConfigError USAGE when a wanted recording is not there, or two have one label
 */
export function findRecordings(root: string, wanted: readonly string[] | null): Recording[] {
  const found: Recording[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.name.startsWith('.')) continue;
      if (entry.isDirectory()) {
        if (!LEFT_OUT_FOLDERS.has(entry.name)) visit(path);
      } else if (entry.name.endsWith('.tsv') && !OWN_OUTPUT.test(entry.name)) {
        const name = relative(root, path).split(sep).join('/').slice(0, -'.tsv'.length);
        found.push({ name, id: name.replaceAll('/', '__'), path });
      }
    }
  };
  visit(root);
  found.sort((a, b) => compareIds(a.id, b.id));
  const twice = found.find(({ id }, i) => found[i + 1]?.id === id);
  if (twice !== undefined) {
    throw new ConfigError('USAGE', `two recordings would have the label ${twice.id}`, {
      cure: 'rename one of them',
    });
  }
  if (wanted === null) return found;
  const missing = wanted.filter((id) => !found.some((recording) => recording.id === id));
  if (missing.length > 0) {
    throw new ConfigError('USAGE', `no such recording in ${root}: ${missing.join(', ')}`, {
      where: '--participants',
      cure: `choose from ${found.map(({ id }) => id).join(', ')}`,
    });
  }
  return found.filter(({ id }) => wanted.includes(id));
}
