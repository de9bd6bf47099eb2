import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { describedKeys } from '../../config/index.js';
import { candidates, completionScript, type Shell } from '../completion.js';
import { EXIT } from '../exit-codes.js';
import type { Session } from '../session.js';
import { openCatalog } from '../workflow-catalog.js';

/** `pipeline completion SHELL`: the script that a shell reads at its start. */
export function completionCommand(shell: string, session: Session): Promise<number> {
  session.terminal.result(completionScript(shell as Shell));
  return Promise.resolve(EXIT.done);
}

/** What the script asks at every tab: one candidate per line. */
export async function completeWordsCommand(
  program: Command,
  words: readonly string[],
  session: Session,
): Promise<number> {
  const load = words.flatMap((word, i) => (words[i - 1] === '--load' && i < words.length - 1 ? [word] : []));
  const catalog = await openCatalog({ ...session, options: { ...session.options, load } });
  const found = await candidates(program, words, {
    workflows: () => catalog.entries.map(({ name }) => name),
    keys: async () =>
      describedKeys(await catalog.namespaces()).map(({ path, choices }) => ({
        key: path.join('.'),
        choices,
      })),
    participants: (inputDir) => foldersOf(resolve(session.cwd, inputDir ?? '.')),
  });
  if (found.length > 0) session.terminal.result(found.join('\n'));
  return EXIT.done;
}

/** Folders that may be participants: numbers and BIDS subjects. Nothing where the directory cannot be read. */
function foldersOf(directory: string): string[] {
  let entries;
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    // Half a path at a tab is no error.
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return names.filter((name) => /^(?:\d+|sub-.+)$/.test(name)).sort();
}
