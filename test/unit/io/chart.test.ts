import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';

import { renderChart, writeChart, type ChartSpec } from '../../../src/io/index.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory();

const points = (values: ReadonlyArray<{ x: number; y: number | null }>, more: object = {}): ChartSpec => ({
  title: 'Power < 1 & more',
  data: { values: [...values] },
  width: 200,
  height: 100,
  mark: { type: 'point', clip: true },
  encoding: {
    x: { field: 'x', type: 'quantitative', title: 'Frequency (Hz)' },
    y: { field: 'y', type: 'quantitative' },
  },
  ...more,
});

test('a chart is SVG with one mark per value, its titles as text, and equal text each time, also side by side', async () => {
  const spec = points([
    { x: 1, y: 2 },
    { x: 2, y: 3 },
    { x: 3, y: null },
  ]);
  const [first, second] = await Promise.all([renderChart(spec), renderChart(spec)]);
  expect(first.svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
  expect(first.svg.match(/aria-roledescription="point"/g)).toHaveLength(2);
  expect(first.svg).toContain('>Frequency (Hz)</text>');
  expect(first.svg).toContain('Power &lt; 1 &amp; more');
  expect(first.svg).toContain('url(#clip1)');
  expect(first.warnings).toEqual([]);
  expect(second.svg).toBe(first.svg);
});

test('positions follow the data', async () => {
  const at = async (y: number): Promise<number> => {
    const values = [0, y, 10].map((value, x) => ({ x, y: value }));
    const { svg } = await renderChart(points(values));
    const places = [...svg.matchAll(/<path [^>]*aria-roledescription="point"[^>]*translate\(([^)]*)\)/g)];
    return Number(places[1]![1]!.split(',')[1]);
  };
  expect([await at(0), await at(5), await at(10)]).toEqual([100, 50, 0]);
});

test('the specification is written beside the drawing, and nothing when it cannot be drawn', async () => {
  const paths = { svg: join(directory, 'a.svg'), spec: join(directory, 'a.vl.json') };
  const spec = points([{ x: 1, y: 2 }]);
  await writeChart(paths, spec);
  expect(JSON.parse(await readFile(paths.spec, 'utf8'))).toEqual(spec);
  expect(await readFile(paths.svg, 'utf8')).toBe((await renderChart(spec)).svg);

  const broken = points([], { mark: 'no such mark' });
  const other = { svg: join(directory, 'b.svg'), spec: join(directory, 'b.vl.json') };
  await expect(writeChart(other, broken)).rejects.toThrow('a chart cannot be drawn: ');
  await expect(readFile(other.svg)).rejects.toThrow('ENOENT');
});

test('data by URL are refused, and nothing is printed', async () => {
  const printed = [vi.spyOn(console, 'warn'), vi.spyOn(console, 'error'), vi.spyOn(console, 'log')];
  const spec = points([], { data: { url: 'https://example.org/a.csv' } });
  await expect(renderChart(spec)).rejects.toThrow('its data are at https://example.org/a.csv');
  const odd = points([{ x: 1, y: 2 }], {
    encoding: { x: { field: 'x', type: 'quantitative', scale: { type: 'log', domain: [0, 10] } } },
  });
  const { warnings } = await renderChart(odd);
  expect(warnings.join(' ')).toContain('Log scale domain includes zero');
  for (const spy of printed) expect(spy).not.toHaveBeenCalled();
});
