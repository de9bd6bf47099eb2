import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { inputFile, Workflow, type NodeDefinition } from 'neuroloom';
import { expect, test } from 'vitest';
import { checkItemKey } from '../../../src/engine/labels.js';
import { Rig } from '../rig.js';

const { upper } = (await import('../fixtures/nodes.mjs' as string)) as {
  upper: NodeDefinition<never, Record<string, never>>;
};

const NASTY = [
  '..',
  '.',
  '/',
  '\\',
  '\0',
  '\n',
  '\r',
  '-',
  '--',
  ' ',
  "'",
  '"',
  '`',
  '$(touch x)',
  '$HOME',
  ';',
];
const MORE = [
  '|',
  '&',
  '*',
  '?',
  '~',
  '%',
  '#',
  '!',
  'ü',
  '脳',
  '\u202e',
  '\ud800',
  '😀',
  'CON',
  'nul',
  'a',
  'A',
];

/** Words that are put together of what has ever broken a program, and a few that are long. */
const word = fc.oneof(
  fc.array(fc.constantFrom(...NASTY, ...MORE), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('')),
  fc.constantFrom(
    'x'.repeat(300),
    'ü'.repeat(150),
    'aux',
    'a/b',
    '../../x',
    '/etc/x',
    '-rf',
    'a b',
    'sub-01',
  ),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
);

/** All files and folders below a directory. */
function tree(directory: string): string[] {
  return readdirSync(directory, { recursive: true }).map(String).sort();
}

test('any word is refused as a key, or is only a name: files stand where they should and nowhere else', async () => {
  using rig = new Rig({ 'a.txt': 'text\n' });
  const words = [...new Set(fc.sample(word, { numRuns: 400, seed: 7 }))];
  const accepted = words.filter((text) => checkItemKey(text) === null);
  const refused = words.filter((text) => checkItemKey(text) !== null);
  expect(accepted.length).toBeGreaterThan(50);
  expect(refused.length).toBeGreaterThan(50);
  for (const text of refused) {
    const wf = new Workflow('refused');
    expect(() => wf.items([text], { key: (key) => key })).toThrow(checkItemKey(text) as string);
  }
  // Two levels down: a name with `..` would be seen.
  mkdirSync(rig.path('one/two'), { recursive: true });
  const outputDir = rig.path('one/two/out');
  const wf = new Workflow('names');
  const items = wf.items(accepted, { key: (key) => key });
  const source = items.select(() => inputFile(join(rig.input, 'a.txt')));
  const each = wf.map(upper, { source } as never);
  wf.publish(each.out['text'] as never, (key) => `each/${key}.txt`);
  const before = tree(rig.root);
  const here = readdirSync('.');

  // Sidecars would stand beside each file; here every file that stands anywhere is counted.
  const run = await wf.run({ outputDir, sidecars: false });

  expect(run.exitCode).toBe(0);
  expect(readdirSync(join(outputDir, 'each')).sort()).toEqual(accepted.map((key) => `${key}.txt`).sort());
  // What the nodes themselves noted stands beside.
  const isExpected = (path: string): boolean =>
    path === 'executed.txt' || /^one\/two\/out(?:\/|$)/.test(path);
  expect(tree(rig.root).filter((path) => !isExpected(path))).toEqual(before);
  expect(readdirSync('.')).toEqual(here);
});
