/** The table of BIDS rules sees what breaks them. */
import { writeFileSync, mkdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TemporaryDirectory } from '../support/cache-rig.js';
import { brokenRules } from '../support/bids-rules.js';

let directory: TemporaryDirectory;
beforeEach(() => {
  directory = new TemporaryDirectory();
  const description = {
    ...{ Name: 'x', BIDSVersion: '1.10.0', DatasetType: 'derivative' },
    ...{ GeneratedBy: [{ Name: 'neuroloom' }], DatasetLinks: { input: '../in' } },
  };
  write('dataset_description.json', JSON.stringify(description));
  write('fits.tsv', 'a\tb\n1\tn/a\n');
  write('fits.json', JSON.stringify({ Sources: ['bids:input:a.tsv', 'bids::fits.tsv'] }));
});
afterEach(() => directory[Symbol.dispose]());

function write(path: string, text: string): void {
  mkdirSync(directory.join(path, '..'), { recursive: true });
  writeFileSync(directory.join(path), text);
}

test('a small data set keeps them', async () => {
  expect(await brokenRules(directory.path)).toEqual([]);
});

test.each([
  ['an empty cell', 'fits.tsv', 'a\tb\n1\t\n', 'tables are UTF-8'],
  ['NaN in a table', 'fits.tsv', 'a\tb\n1\tNaN\n', 'tables are UTF-8'],
  ['a column twice', 'fits.tsv', 'a\ta\n1\t2\n', 'tables are UTF-8'],
  ['a row too short', 'fits.tsv', 'a\tb\n1\n', 'tables are UTF-8'],
  ['a table without a sidecar', 'peaks.tsv', 'a\n1\n', 'every file of data has a JSON'],
  ['a source that is not there', 'fits.json', '{"Sources": ["bids::none.tsv"]}', 'Sources are BIDS URIs'],
  ['a link that nobody explains', 'fits.json', '{"Sources": ["bids:raw:a"]}', 'Sources are BIDS URIs'],
  ['a blank in a name', 'my fits.json', '{}', 'names hold letters'],
  ['entities out of order', 'tpl-x/dwi/tpl-x_desc-a_atlas-x_probseg.json', '{}', 'entities stand in order'],
  [
    'an atlas nobody describes',
    'tpl-x/dwi/tpl-x_atlas-x_probseg.json',
    '{}',
    'an atlas that a name speaks of',
  ],
  ['a template elsewhere', 'tpl-y/dwi/tpl-x_probseg.json', '{}', 'a file of a template'],
  [
    'a description of raw data',
    'dataset_description.json',
    '{"Name": "x"}',
    'dataset_description.json has Name',
  ],
])('%s is seen', async (_, path, text, rule) => {
  write(path, text);
  const broken = await brokenRules(directory.path);
  expect(broken.some((one) => one.startsWith(rule))).toBe(true);
});
