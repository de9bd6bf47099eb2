/**
 * Draws the pictures of docs/tutorials anew: runs the workflows on their sample data, opens the reports in Chromium and
 * takes pictures of single figures. `node scripts/docs-pictures.mjs [DIR]` keeps the data in DIR.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const repository = fileURLToPath(new URL('..', import.meta.url));
const pictures = join(repository, 'docs/tutorials/pictures');
const work = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'neuroloom-pictures-'));
const MOST_BYTES = 100_000;

const runs = {
  atlas: ['learned_atlas', 'atlas'],
  learned: ['learned_atlas', 'learned_atlas'],
  similarity: ['tract_similarity', 'tract_similarity'],
  spectra: ['fooof', 'fooof'],
  shapes: ['spectral_descriptors', 'spectral_descriptors'],
  fields: ['encoding_fit', 'encoding_fit'],
};

/** Name of the picture: run, page (null: of the run), the element. */
const shots = {
  'atlas-mean': ['atlas', null, 'figure:has(figcaption:has-text("Mean"))'],
  'learned-mean': ['learned', null, 'figure:has(figcaption:has-text("Mean"))'],
  'displacement-101': ['learned', '101', 'figure:has(figcaption:has-text("Length of the displacement"))'],
  similarity: ['similarity', null, '#results div.table, #results table >> nth=0'],
  'fits-sub-01': ['spectra', 'sub-01_spectra', 'figure >> nth=0'],
  weyl: [
    'shapes',
    null,
    'figure:has(img[alt*="spectra" i]), figure:has(figcaption:has-text("Weyl")) >> nth=0',
  ],
  distances: ['shapes', null, 'figure:has(figcaption:has-text("Distances")) >> nth=0'],
  'polar-angle': ['fields', 'sub-01__sub-01', 'figure:has(figcaption:has-text("olar angle")) >> nth=0'],
  r2: ['fields', 'sub-01__sub-01', 'figure:has(figcaption:has-text("r2")) >> nth=0'],
};

function pipeline(...args) {
  const child = spawnSync(process.execPath, [join(repository, 'bin/pipeline.js'), ...args], {
    cwd: work,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (child.status !== 0) throw new Error(`pipeline ${args.join(' ')} ended with ${child.status}`);
}

mkdirSync(pictures, { recursive: true });
for (const [name, [sample, workflow]] of Object.entries(runs)) {
  if (!existsSync(join(work, sample))) pipeline('sample', sample, sample);
  if (!existsSync(join(work, `out-${name}`)))
    pipeline('run', '-w', workflow, '-i', sample, '-o', `out-${name}`);
}

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: 900, height: 900 }, colorScheme: 'light' });
for (const [name, [run, participant, selector]] of Object.entries(shots)) {
  const logs = join(work, `out-${run}`, 'logs');
  const log = join(logs, readdirSync(logs).sort().at(-1));
  const file = participant === null ? 'report.html' : `participants/${participant}.html`;
  await page.goto(pathToFileURL(join(log, file)).href);
  const path = join(pictures, `${name}.png`);
  await page.locator(selector).first().screenshot({ path });
  const { size } = statSync(path);
  if (size > MOST_BYTES) throw new Error(`${path} has ${size} bytes, more than ${MOST_BYTES}`);
  process.stdout.write(`${path}  ${size} bytes\n`);
}
await browser.close();
