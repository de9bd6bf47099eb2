import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readLastRun } from '../../../src/cli/run-history.js';
import { writeLoggedRun } from '../../support/logged-run.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory();

test('of two runs that began in one second the later one is the last, whatever their names', async () => {
  const began = { '20260301-140509-ffffff': 100, '20260301-140509-000000': 900 };
  for (const [id, ms] of Object.entries(began)) {
    writeLoggedRun(directory, 1, id);
    const path = join(directory, 'logs', id, 'run.json');
    const run = JSON.parse(readFileSync(path, 'utf8')) as object;
    const started = new Date(Date.parse('2026-03-01T14:05:09.000Z') + ms).toISOString();
    writeFileSync(path, JSON.stringify({ ...run, run_id: id, started }));
  }
  expect((await readLastRun(directory, null)).id).toBe('20260301-140509-000000');
  await expect(readLastRun(directory, 'words')).rejects.toThrow('there is no run of words');
});
