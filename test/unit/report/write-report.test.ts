import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { escaped, html } from '../../../src/report/html.js';
import { writeParticipantPages, writeReport } from '../../../src/report/write-report.js';
import { RUN_ID, writeLoggedRun } from '../../support/logged-run.js';
import { temporaryDirectory } from '../../support/temporary.js';

const root = temporaryDirectory();

test('a report says what ran and why, what failed and how to mend it, parameters with origin, and how to cite', async () => {
  const directory = { path: mkdtempSync(join(root, 'out-')) };
  writeLoggedRun(directory.path, 6);
  const written = await writeReport(directory.path, RUN_ID, () => Promise.resolve(null));
  expect([written.participants, written.problems]).toEqual([6, []]);
  const page = readFileSync(written.path, 'utf8');
  const expected = [
    'done, but not everything succeeded',
    '--set &#39;letters.word=two words&#39;',
    'input text changed (5)',
    'nothing it depends on changed (1)',
    'the file &lt;b&gt;ends&lt;/b&gt; early',
    'copy it again',
    'last words red',
    'a &lt;link&gt; &amp; more',
    '<code>&quot;two words&quot;</code></td><td class="words">--set letters.word',
    'letters of neuroloom 0.1.0',
    '<a href="../../letters.tsv">letters.tsv</a>',
    '<a href="participants/sub-002.html">sub-002</a>',
  ];
  expect(expected.filter((text) => !page.includes(text))).toEqual([]);
  // The table that nobody described is shown as it is.
  expect(page).toMatch(/<caption>\s*letters\.tsv/);
  expect(page).not.toMatch(/(?:src|href)="https?:/);
  const participant = readFileSync(join(directory.path, 'logs', RUN_ID, 'participants/sub-002.html'), 'utf8');
  expect(participant).toContain('copy it again');
  expect(participant).toContain('<a href="../report.html">');
  const leftOut = readFileSync(join(directory.path, 'logs', RUN_ID, 'participants/sub-003.html'), 'utf8');
  expect(leftOut).toMatch(/<p class="notice warning">\w+ was skipped: no file<\/p>/);
});

test('a section that fails, or a block that cannot be drawn, is told and leaves the rest', async () => {
  const directory = { path: mkdtempSync(join(root, 'out-')) };
  writeLoggedRun(directory.path, 2);
  const broken = await writeReport(directory.path, RUN_ID, () => Promise.reject(new Error('no such map')));
  expect(broken.problems).toEqual(['section of letters: no such map']);
  const missing = join(directory.path, 'missing.nii.gz');
  const written = await writeReport(directory.path, RUN_ID, () =>
    Promise.resolve({
      title: 'Maps',
      blocks: [
        { kind: 'maps', title: 'The maps', caption: '', maps: [{ path: missing, label: 'Mean', unit: '' }] },
        { kind: 'text', paragraphs: ['still here'] },
      ],
      methods: [],
      citations: [],
    }),
  );
  expect(written.problems).toHaveLength(1);
  expect(written.problems[0]).toMatch(/^The maps: .*missing\.nii\.gz/);
  expect(readFileSync(written.path, 'utf8')).toContain('<p>still here</p>');
});

test('a participant of whom nothing ran keeps the page of the earlier run', async () => {
  const directory = { path: mkdtempSync(join(root, 'out-')) };
  writeLoggedRun(directory.path, 5);
  await writeReport(directory.path, RUN_ID, () => Promise.resolve(null));
  const later = '20260301-150509-fedcba';
  writeLoggedRun(directory.path, 5, later);
  const written = await writeReport(directory.path, later, () => Promise.resolve(null));
  const pages = join(directory.path, 'logs', later, 'participants');
  expect(existsSync(join(pages, 'sub-001.html'))).toBe(true);
  expect(existsSync(join(pages, 'sub-005.html'))).toBe(false);
  expect(readFileSync(written.path, 'utf8')).toContain(`href="../${RUN_ID}/participants/sub-005.html"`);
  await writeReport(directory.path, later, () => Promise.resolve(null), { redraw: true });
  expect(existsSync(join(pages, 'sub-005.html'))).toBe(true);
});

test('many pages are shared among processes: each page is drawn once, and what could not be shown comes together', async () => {
  const [alone, together] = ['alone-', 'together-'].map((name) => mkdtempSync(join(root, name))) as [
    string,
    string,
  ];
  const describe = (): Promise<null> => Promise.resolve(null);
  for (const place of [alone, together]) writeLoggedRun(place, 30);
  await writeReport(alone, RUN_ID, describe);
  const asked: string[][] = [];
  const written = await writeReport(together, RUN_ID, describe, {
    helpers: 9,
    drawElsewhere: async (pages) => {
      asked.push([...pages.keys()]);
      return [...(await writeParticipantPages(together, RUN_ID, describe, pages)), 'one map'];
    },
  });
  // Of 30 pages no more than two shares beside our own are worth a process.
  expect(asked.map(({ length }) => length)).toEqual([10, 10]);
  expect(new Set(asked.flat()).size).toBe(20);
  expect(written).toMatchObject({ participants: 30, problems: ['one map', 'one map'] });
  const pages = (place: string): string[] => readdirSync(join(place, 'logs', RUN_ID, 'participants')).sort();
  expect(pages(together)).toEqual(pages(alone));
  for (const name of pages(alone)) {
    const [one, other] = [alone, together].map((place) =>
      readFileSync(join(place, 'logs', RUN_ID, 'participants', name), 'utf8'),
    );
    expect(other).toBe(one);
  }
});

test('a helper that dies is waited for as the others, and nothing leads to the pages that it did not draw', async () => {
  const directory = mkdtempSync(join(root, 'dead-'));
  writeLoggedRun(directory, 30);
  const describe = () => Promise.resolve(null);
  const lost: string[] = [];
  const written = await writeReport(directory, RUN_ID, describe, {
    helpers: 1,
    drawElsewhere: (pages) => {
      lost.push(...pages.keys());
      return Promise.resolve(['its process was ended by SIGKILL']);
    },
  });
  expect(written).toMatchObject({ participants: 15, problems: ['its process was ended by SIGKILL'] });
  const page = readFileSync(written.path, 'utf8');
  const links = [...page.matchAll(/href="(participants\/[^"]+)"/g)].map(([, link]) => link!);
  expect(links.length).toBeGreaterThan(0);
  expect(links.filter((link) => !existsSync(join(directory, 'logs', RUN_ID, link)))).toEqual([]);
  const known = JSON.parse(
    readFileSync(join(directory, 'logs', RUN_ID, 'participants.json'), 'utf8'),
  ) as Record<string, string>;
  expect(lost.filter((label) => label in known)).toEqual([]);

  let isDone = false;
  const failing = writeReport(directory, RUN_ID, describe, {
    redraw: true,
    helpers: 2,
    drawElsewhere: async (pages) => {
      if (pages.has('sub-002')) throw new Error('no process');
      await new Promise((resolve) => setTimeout(resolve, 300));
      isDone = true;
      return [];
    },
  });
  await expect(failing).rejects.toThrow('no process');
  expect(isDone).toBe(true);
});

test('a folder that is no log of a run is refused', async () => {
  const directory = { path: mkdtempSync(join(root, 'out-')) };
  writeLoggedRun(directory.path, 1);
  writeFileSync(join(directory.path, 'logs', RUN_ID, 'run.json'), '{');
  await expect(writeReport(directory.path, RUN_ID, () => Promise.resolve(null))).rejects.toMatchObject({
    code: 'USAGE',
  });
});

test('whatever is put into a page is text, also in attributes', () => {
  expect(html`<a title="${'"><script>'}">${['<i>', html`<b>${1}</b>`]}${null}${false}</a>`.text).toBe(
    '<a title="&quot;&gt;&lt;script&gt;">&lt;i&gt;<b>1</b></a>',
  );
  expect(escaped('\u001b[31mred\u001b[0m\u0000')).toBe('red');
});
