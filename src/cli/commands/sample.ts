import { relative, resolve } from 'node:path';
import { ConfigError } from '../../errors.js';
import { emptyDirectory } from '../empty-directory.js';
import { EXIT } from '../exit-codes.js';
import type { Session } from '../session.js';
import { shellWord } from '../shell-word.js';
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
  await emptyDirectory(target, directory);
  const written = await (await entry.sample()).write(target, { seed: options.seed });
  for (const path of written) session.terminal.result(relative(session.cwd, resolve(target, path)));
  session.terminal.note(
    `${written.length} files written; next: cd ${shellWord(directory)} && pipeline run -w ${name}`,
  );
  return EXIT.done;
}
