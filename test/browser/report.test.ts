/// <reference lib="dom" />
/** Reports in a real browser, opened from disk. Without Chromium these tests are skipped visibly. */
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReportBlock, ReportSection } from '../../src/engine/report-section.js';
import { writeGifti, writeNifti } from '../../src/io/index.js';
import { writeReport } from '../../src/report/write-report.js';
import { icosphere } from '../support/analytic-meshes.js';
import { CHROMIUM, launchChromium, opening } from '../support/chromium.js';
import { RUN_ID, writeLoggedRun } from '../support/logged-run.js';
import { temporaryDirectory } from '../support/temporary.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const COHORT = 200;

/** A ball in the left half of a volume, brighter inside. */
async function ball(path: string, side: number): Promise<void> {
  const data = new Float32Array(side ** 3);
  for (let k = 0; k < side; k++) {
    for (let j = 0; j < side; j++) {
      for (let i = 0; i < side; i++) {
        const r = Math.hypot(i - side / 3, j - side / 2, k - side / 2) / (side / 4);
        if (r < 1) data[i + side * (j + side * k)] = 1 - r / 2;
      }
    }
  }
  const affine = [2, 0, 0, -side, 0, 2, 0, -side, 0, 0, 2, -side, 0, 0, 0, 1];
  await writeNifti(path, { shape: [side, side, side], data, affine });
}

/** A ball as a mesh, and an overlay of two columns: one that is the same at all vertices above, one that rises. */
async function ballSurface(directory: string): Promise<Surface> {
  const { vertices, faces } = icosphere(3);
  const surface = { mesh: join(directory, 'ball.surf.gii'), overlay: join(directory, 'ball.func.gii') };
  const count = vertices.length / 3;
  await writeGifti(surface.mesh, {
    arrays: [
      { intent: 'POINTSET', shape: [count, 3], data: Float32Array.from(vertices), metadata: {} },
      { intent: 'TRIANGLE', shape: [faces.length / 3, 3], data: Int32Array.from(faces), metadata: {} },
    ],
  });
  const column = (name: string, value: (z: number) => number) => ({
    intent: 'NONE',
    shape: [count],
    data: Float32Array.from({ length: count }, (_, i) => value(vertices[3 * i + 2]!)),
    metadata: { Name: name, Unit: 'mm' },
  });
  await writeGifti(surface.overlay, {
    arrays: [column('height', (z) => z), column('depth', (z) => -z)],
  });
  return surface;
}

interface Surface {
  readonly mesh: string;
  readonly overlay: string;
}

function blocks(mean: string, surface: Surface, labels: readonly string[]): ReportBlock[] {
  const map = { path: mean, label: 'Mean', unit: 'density' };
  const values = labels.map((_, i) => Math.sin(i));
  return [
    { kind: 'notice', tone: 'good', text: 'All is well.' },
    {
      kind: 'facts',
      title: 'Cohort',
      facts: [{ name: 'subjects', value: labels.length, unit: 'people', meaning: 'all' }],
    },
    {
      kind: 'table',
      title: 'Subjects',
      participantColumn: 0,
      columns: [{ name: 'subject' }, { name: 'score', unit: 'mm', meaning: 'a number' }],
      rows: labels.map((label, i) => [label, i === 3 ? null : values[i]!]),
    },
    { kind: 'maps', title: 'Maps', caption: 'One.', maps: [map] },
    {
      kind: 'viewer',
      title: 'Look around',
      caption: 'The mean.',
      volumes: [map, { ...map, label: 'Over it' }],
    },
    {
      kind: 'surfaces',
      title: 'Turn around',
      caption: 'A bumpy ball.',
      surfaces: [{ label: 'ball', mesh: surface.mesh, overlays: [surface.overlay] }],
    },
    {
      kind: 'lines',
      title: 'Loss',
      caption: 'Falls.',
      x: { title: 'epoch', values: [1, 2, 3] },
      y: { title: 'loss' },
      series: [
        { name: 'train', values: [3, 2, 1] },
        { name: 'left out', values: [3, null, 2] },
      ],
    },
    { kind: 'histogram', title: 'Scores', caption: 'All.', x: 'score', counted: 'subjects', values },
    {
      kind: 'matrix',
      title: 'Distances',
      caption: 'All pairs.',
      unit: '',
      labels: Array.from({ length: 12 }, (_, i) => `s${i}`),
      values: Array.from({ length: 144 }, (_, i) => i),
    },
  ];
}

function sectionOf(mean: string, surface: Surface, participants: number): ReportSection {
  const labels = Array.from({ length: participants }, (_, i) => `sub-${String(i + 1).padStart(3, '0')}`);
  return {
    title: 'Results',
    blocks: blocks(mean, surface, labels),
    participants: labels.map((label) => ({
      label,
      blocks: () => [{ kind: 'facts', title: 'Score', facts: [{ name: 'score', value: 1.5 }] }],
    })),
    methods: ['It was done.'],
    citations: [{ text: 'Somebody 2020.', doi: '10.1/x' }],
  };
}

/**
 * How many pixels of an element have the bright half of the scale, which is more green than blue in any light, in a part
 * given by shares of its sides.
 */
async function brightPixels(
  page: Page,
  selector: string,
  part: readonly [left: number, top: number, right: number, bottom: number],
): Promise<number> {
  const picture = (await page.locator(selector).screenshot()).toString('base64');
  return page.evaluate(
    async ([base64, [left, top, right, bottom]]) => {
      const image = new Image();
      image.src = `data:image/png;base64,${base64}`;
      await image.decode();
      const copy = document.createElement('canvas');
      [copy.width, copy.height] = [image.width, image.height];
      const pen = copy.getContext('2d')!;
      pen.drawImage(image, 0, 0);
      const { data } = pen.getImageData(
        left * copy.width,
        top * copy.height,
        (right - left) * copy.width,
        (bottom - top) * copy.height,
      );
      let found = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i + 1]! > data[i + 2]! + 20) found++;
      return found;
    },
    [picture, part] as const,
  );
}

describe.skipIf(CHROMIUM === null)('a report of a large cohort', () => {
  const directory = temporaryDirectory();
  const small = temporaryDirectory();
  const report = join(directory, 'logs', RUN_ID, 'report.html');
  let browser: Browser;
  /** What the page asked for beyond its own file, and what it complained about. */
  const heard: string[] = [];

  beforeAll(async () => {
    const mean = join(directory, 'mean.nii.gz');
    await ball(mean, 64);
    const surface = await ballSurface(directory);
    for (const [place, participants] of [
      [directory, COHORT],
      [small, 6],
    ] as const) {
      writeLoggedRun(place, participants);
      const section = sectionOf(mean, surface, participants);
      const written = await writeReport(place, RUN_ID, () => Promise.resolve(section));
      expect([written.participants, written.problems]).toEqual([participants, []]);
    }
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  async function open(
    path: string,
    options: { dark?: boolean; axe?: boolean; scripts?: boolean } = {},
  ): Promise<Page> {
    const context = await browser.newContext({
      colorScheme: options.dark === true ? 'dark' : 'light',
      javaScriptEnabled: options.scripts !== false,
      // The page forbids code from elsewhere, the code of the accessibility check too.
      bypassCSP: options.axe === true,
    });
    const page = await context.newPage();
    page.on('console', (message) => heard.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => heard.push(`error: ${error.message}`));
    page.on('request', (request) => {
      if (!/^(?:data|blob):/.test(request.url()) && request.url() !== pathToFileURL(path).href)
        heard.push(request.url());
    });
    await page.goto(pathToFileURL(path).href);
    return page;
  }

  test('opens at once, is small, asks for nothing, and shows voxels in its viewer', async () => {
    expect(statSync(report).size).toBeLessThan(20e6);
    // Of all it needs: what a machine with other work leaves of it says nothing of the page.
    const { cpuMs } = await opening(browser, report);
    expect(cpuMs).toBeGreaterThan(0);
    expect(cpuMs).toBeLessThan(2000);
    const page = await open(report);

    await page.click('.viewer button.start >> nth=0');
    await page.waitForSelector('.viewer[data-ready=yes]', { timeout: 60_000 });
    // The bright half of the scale: the inside of the ball, seen through what lies over it.
    const bright = await brightPixels(page, '.viewer canvas >> nth=0', [0, 0, 1, 1]);
    expect(bright).toBeGreaterThan(500);
    expect(heard).toEqual([]);
  });

  test('a surface is coloured by what is chosen, and turned, with the keyboard alone', async () => {
    const page = await open(join(small, 'logs', RUN_ID, 'report.html'));
    const viewer = '.viewer[data-kind=surfaces]';
    await page.focus(`${viewer} button.start`);
    await page.keyboard.press('Enter');
    await page.waitForSelector(`${viewer}[data-ready=yes]`, { timeout: 60_000 });
    const halves = async (): Promise<boolean> => {
      const upper = await brightPixels(page, `${viewer} canvas`, [0, 0, 1, 0.5]);
      const lower = await brightPixels(page, `${viewer} canvas`, [0, 0.5, 1, 1]);
      expect(upper + lower).toBeGreaterThan(500);
      return upper > 3 * lower;
    };
    expect(await halves()).toBe(true);
    await page.focus(`${viewer} select.colour`);
    await page.keyboard.press('ArrowDown');
    await page.waitForFunction(
      (words) => document.querySelector(`${words} .state`)?.textContent.includes('by depth') === true,
      viewer,
    );
    expect(await halves()).toBe(false);
    expect(await page.textContent(`${viewer} .scale`)).toContain('mm');
    expect(heard).toEqual([]);
  });

  test('the pointer reads the values of a chart, and a table has them', async () => {
    const page = await open(join(small, 'logs', RUN_ID, 'report.html'));
    const chart = page.getByRole('img', { name: /^Loss:/ });
    await chart.hover();
    const figure = page.locator('figure', { has: chart });
    expect(await figure.locator('.readout').textContent()).toBe('epoch 2, train 2, left out n/a');
    await figure.locator('summary').click();
    expect(await figure.locator('tbody tr').nth(2).innerText()).toBe('3\t1\t2');
  });

  test('tables sort and filter, links lead to participants and back', async () => {
    const page = await open(report);
    const cells = (): Promise<string[]> =>
      page
        .getByRole('table', { name: 'Subjects' })
        .locator('tbody tr:visible td:nth-child(2)')
        .allTextContents();
    await page.getByRole('button', { name: 'score (mm)' }).click();
    const sorted = await cells();
    expect(sorted.at(-1)).toBe('n/a');
    const numbers = sorted.slice(0, -1).map(Number);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    await page.getByLabel('Filter rows of Subjects').fill('sub-01');
    expect(await cells()).toHaveLength(10);
    await page.getByLabel('Filter rows of Subjects').fill('');

    await page.locator('a[href="participants/sub-002.html"]').first().click();
    expect(await page.textContent('h1')).toBe('letters: sub-002');
    await page.getByRole('link', { name: 'Report of the whole run' }).click();
    expect(await page.textContent('h1')).toBe('letters: report of a run');
    for (const href of await page
      .locator('nav a')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href') ?? ''))) {
      expect(await page.locator(href).count(), href).toBe(1);
    }
  });

  test('everything can be read without scripts', async () => {
    const page = await open(report, { scripts: false });
    const text = await page.locator('main').innerText();
    for (const words of ['copy it again', 'Somebody 2020', 'letters.word', 'sub-200'])
      expect(text).toContain(words);
    expect(await page.getByRole('button').count()).toBe(0);
  });

  test('on paper every table is as wide as the page, and what only a screen can do is left out', async () => {
    const page = await open(join(small, 'logs', RUN_ID, 'report.html'));
    // A4 without its margins, at 96 dots per inch.
    await page.setViewportSize({ width: 680, height: 960 });
    await page.emulateMedia({ media: 'print' });
    const wide = await page
      .locator('table:visible')
      .evaluateAll((tables) =>
        tables.flatMap((table) =>
          table.getBoundingClientRect().right > document.documentElement.clientWidth + 1
            ? [table.querySelector('caption')?.textContent?.trim()]
            : [],
        ),
      );
    expect(wide).toEqual([]);
    expect(await page.locator('.filter:visible, .viewer:visible, nav:visible').count()).toBe(0);
  });

  test.each([
    ['run', 'light', 'report.html'],
    ['run', 'dark', 'report.html'],
    ['participant', 'light', 'participants/sub-002.html'],
  ])('the page of a %s has no fault of accessibility in %s', async (_, scheme, name) => {
    const page = await open(join(small, 'logs', RUN_ID, name), { axe: true, dark: scheme === 'dark' });
    await page.evaluate(AXE);
    const faults = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        axe: { run(root: Document): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      };
      const { violations } = await axe.run(document);
      return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
    });
    expect(faults).toEqual([]);
  });
});
