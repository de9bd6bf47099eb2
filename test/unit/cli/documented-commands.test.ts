/** Commands, configurations and keys of the pages, as the command line of this version reads them; nothing is run. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildProgram } from '../../../src/cli/program.js';
import { splitWords } from '../../../src/cli/split-words.js';
import { openCatalog, type Catalog } from '../../../src/cli/workflow-catalog.js';
import type { StudyOptions } from '../../../src/cli/options.js';
import type { Session } from '../../../src/cli/session.js';
import { describedKeys, loadConfig, type Namespaces } from '../../../src/config/index.js';
import { ROOT } from '../../support/own-project.js';
import { fakeTerminal } from '../../support/terminal.js';
import { TemporaryDirectory } from '../../support/cache-rig.js';

const PAGES = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)]
  .filter((page) => page.endsWith('.md'))
  .map((page) => ({ page, text: readFileSync(join(ROOT, page), 'utf8') }));

function blocks(language: string): { page: string; code: string }[] {
  return PAGES.flatMap(({ page, text }) =>
    [...text.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, code]) => ({
      page,
      code: code ?? '',
    })),
  );
}

/** Each `pipeline ...` of a page: lines may go on after a backslash, and hold several commands and a comment. */
const COMMANDS = blocks('sh').flatMap(({ page, code }) =>
  code
    .replaceAll('\\\n', ' ')
    .split('\n')
    .flatMap((line) => line.replace(/\s#\s.*$/, '').split('&&'))
    // What reads the output is another program.
    .map((command) => command.replace(/\s\|\s[^"')]*$/, '').trim())
    .filter((command) => command.startsWith('pipeline '))
    .map((command) => ({ page, command })),
);

let catalog: Catalog;
let namespaces: Namespaces;
beforeAll(async () => {
  const session: Session = {
    terminal: fakeTerminal(),
    cwd: ROOT,
    env: {},
    argv: [],
    options: { load: [], verbose: false, debug: false },
    parse: () => Promise.resolve(null),
  };
  catalog = await openCatalog(session);
  namespaces = await catalog.namespaces();
});

async function problemsOf(given: { files?: string[]; set?: readonly string[] }): Promise<string[]> {
  const loaded = await loadConfig({ namespaces, cwd: ROOT, env: {}, files: [], set: [], ...given });
  return loaded.ok ? [] : loaded.error.map(({ path, message }) => `${String(path)}: ${message}`);
}

function everyCommand(command: Command, change: (command: Command) => void): void {
  change(command);
  for (const child of command.commands) everyCommand(child, change);
}

describe('commands of the pages', () => {
  test('there are some', () => {
    expect(COMMANDS.length).toBeGreaterThan(15);
  });

  test.each(COMMANDS)('$page: $command', async ({ command }) => {
    let options: Partial<StudyOptions> | null = null;
    const program = buildProgram('', (given) => {
      options = given;
      return Promise.resolve();
    });
    everyCommand(program, (one) => one.exitOverride().configureOutput({ writeErr: () => undefined }));
    await program.parseAsync(splitWords(command)!.slice(1), { from: 'user' });
    const { workflow, set = [] } = options as unknown as Partial<StudyOptions>;
    if (workflow !== undefined) expect(catalog.find(workflow).name).toBe(workflow);
    expect(await problemsOf({ set })).toEqual([]);
  });
});

test.each(blocks('yaml'))('the configuration in $page is valid', async ({ code }) => {
  using directory = new TemporaryDirectory();
  const file = directory.join('neuroloom.yaml');
  writeFileSync(file, code);
  expect(await problemsOf({ files: [file] })).toEqual([]);
});

test('the page on a workflow of your own shows the code of the project', () => {
  const project = ['nodes.ts', 'workflow.ts'].map((name) =>
    readFileSync(join(ROOT, 'examples/project/src', name), 'utf8'),
  );
  const shown = blocks('ts').filter(({ page }) => page === 'docs/own-workflow.md');
  expect(shown).toHaveLength(2);
  for (const { code } of shown) expect(project.join('\n')).toContain(code);
});

test('keys that the pages name are there', () => {
  const keys = describedKeys(namespaces).map(({ path }) => path.join('.'));
  const names = Object.keys(namespaces).join('|');
  const unknown = PAGES.flatMap(({ page, text }) =>
    [...text.matchAll(new RegExp(`\`((?:${names})\\.[a-z_0-9]+(?:\\.[a-z_0-9]+)*)`, 'g'))]
      .map(([, key]) => key as string)
      .filter((key) => !/\.(json|tsv)$/.test(key))
      .filter((key) => !keys.some((known) => known === key || `${known}.`.startsWith(`${key}.`)))
      .map((key) => `${page}: ${key}`),
  );
  expect(unknown).toEqual([]);
});
