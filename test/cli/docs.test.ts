/** The code of the pages is run as a reader would: here pages that take seconds, all of them in test/long/docs.test.ts. */
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  blocksOf,
  differences,
  documentedPages,
  markProblems,
  runPage,
} from '../support/documented-pages.js';
import { TemporaryDirectory } from '../support/cache-rig.js';
import { ROOT } from '../support/own-project.js';
import { SHORT_PAGES } from '../support/short-pages.js';

const PAGES = documentedPages();

test('every block of every page is run, or says where it is run instead, or why it is not', () => {
  expect(PAGES.flatMap(markProblems)).toEqual([]);
});

test('pictures and pages that a page shows are there, and small', () => {
  const lost = PAGES.flatMap(({ path }) =>
    [...readFileSync(join(ROOT, path), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
      .map(([, link]) => posix.join(posix.dirname(path), link as string))
      .filter((target) => !existsSync(join(ROOT, target)))
      .map((target) => `${path}: ${target}`),
  );
  expect(lost).toEqual([]);
});

test.each(SHORT_PAGES)('%s does what it says', async (path) => {
  using directory = new TemporaryDirectory();
  const page = PAGES.find((one) => one.path === path);
  expect(await runPage(page!, directory.path)).toEqual([]);
});

describe('the test of the pages', () => {
  const page = (text: string): Parameters<typeof runPage>[0] => ({ path: 'a.md', blocks: blocksOf(text) });

  test('blocks run in one shell, with files, set-up and output', async () => {
    using directory = new TemporaryDirectory();
    const text = [
      ...[
        '<!-- before: mkdir there -->',
        '```sh',
        'cd there && echo "x is 2.04" && pipeline --version',
        '```',
      ],
      ...['<!-- output -->', '```text', 'x is 2.0', '...', '```'],
      ...['<!-- file: a/b.yaml -->', '```yaml', 'k: 1', '```', '```sh', 'cat a/b.yaml', '```'],
      ...['<!-- output -->', '```text', 'k: 2', '```', '```ts', 'const a: number = 1;', '```'],
    ].join('\n');
    expect(await runPage(page(text), directory.path)).toEqual(['a.md:18: not printed: k: 2\nbut:\nk: 1\n']);
  });

  test('a command that fails is told with what it printed', async () => {
    using directory = new TemporaryDirectory();
    const text = ['```sh', 'echo first', 'pipeline run -w nothing', '```', '```sh', 'echo never', '```'].join(
      '\n',
    );
    const [problem, ...others] = await runPage(page(text), directory.path);
    expect(problem).toMatch(/^a\.md:1: it failed\nfirst\nUNKNOWN_WORKFLOW/);
    expect(others).toEqual([]);
  });

  test('marks that lead nowhere, commands without a language, numbers that differ', () => {
    expect(markProblems(page('<!-- run in: test/none.test.ts -->\n```sh\nx\n```'))).toEqual([
      'a.md:2: test/none.test.ts is not there',
    ]);
    expect(markProblems(page('<!-- run in: package.json -->\n```sh\nnot there # neuroloom\n```'))).toEqual([
      'a.md:2: package.json holds nothing of the block',
    ]);
    expect(markProblems(page('<!-- run in: package.json, no title -->\n```sh\nx\n```'))).toHaveLength(1);
    expect(markProblems(page('<!-- run in: package.json, "scripts" -->\n```sh\nx\n```'))).toEqual([]);
    expect(markProblems(page('<!-- not run -->\n```sh\nx\n```'))).toHaveLength(1);
    expect(markProblems(page('<!-- excerpt of: package.json -->\n```js\nnot there\n```'))).toHaveLength(1);
    expect(markProblems(page('```\npipeline list\n```'))).toHaveLength(1);
    expect(differences('a 1.50 b\n... 3.0', 'x\na 1.505 b\nb c 3.01')).toEqual([]);
    expect(differences('a 1.50', 'a 1.6')).toHaveLength(1);
    expect(differences('n 15', 'n 16')).toHaveLength(1);
    expect(differences('second\nfirst', 'first\nsecond')).toHaveLength(1);
  });
});
