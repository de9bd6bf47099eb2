import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { packageVersion, PACKAGE_ROOT } from '../../engine/package-root.js';
import { emptyDirectory } from '../empty-directory.js';
import { EXIT } from '../exit-codes.js';
import type { Session } from '../session.js';
import { shellWord } from '../shell-word.js';

/** The project that is copied; the tests run it. */
const TEMPLATE = join(PACKAGE_ROOT, 'examples', 'project');
/** npm takes a file of this name out of packages. */
const IGNORED = 'node_modules/\nbuild/\nresults/\n';
const NAME = 'heart-rate';

/** `pipeline init DIR`: a small project with a workflow of one's own, in TypeScript. */
export async function initCommand(directory: string, session: Session): Promise<number> {
  const target = resolve(session.cwd, directory);
  await emptyDirectory(target, directory);
  for (const part of ['src', 'test', 'data', 'neuroloom.yaml', 'tsconfig.json']) {
    cpSync(join(TEMPLATE, part), join(target, part), { recursive: true });
  }
  const name = packageName(basename(target));
  const readme = readFileSync(join(TEMPLATE, 'README.md'), 'utf8').replace(NAME, name);
  writeFileSync(join(target, 'README.md'), readme);
  writeFileSync(join(target, '.gitignore'), IGNORED);
  const manifest = JSON.parse(readFileSync(join(TEMPLATE, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  Object.assign(manifest, { name });
  manifest.dependencies['neuroloom'] = ownPlace();
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  session.terminal.note(
    `${directory} written; next: cd ${shellWord(directory)} && npm install && npm test && npm start`,
  );
  return EXIT.done;
}

/** What npm takes for a name. */
function packageName(text: string): string {
  const name = text.toLowerCase().replaceAll(/[^a-z0-9._-]+/g, '-');
  return name.replace(/^[._-]+/, '') || NAME;
}

/** An installed copy is found by its version, a checkout by its place. */
function ownPlace(): string {
  const isInstalled = basename(dirname(PACKAGE_ROOT)) === 'node_modules';
  return isInstalled ? `^${packageVersion()}` : `file:${PACKAGE_ROOT.replace(/[/\\]$/, '')}`;
}
