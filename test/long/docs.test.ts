/** Every command and code block of the README and of docs/, run as a reader would. */
import { expect, test } from 'vitest';
import { documentedPages, hasCode, runPage } from '../support/documented-pages.js';
import { TemporaryDirectory } from '../support/cache-rig.js';
import { SHORT_PAGES } from '../support/short-pages.js';

const LONG = documentedPages().filter((page) => hasCode(page) && !SHORT_PAGES.includes(page.path));

test.each(LONG)('$path does what it says', async (page) => {
  using directory = new TemporaryDirectory();
  expect(await runPage(page, directory.path)).toEqual([]);
});
