import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readTsv, writeChart } from '../../io/index.js';
import type { ChartRow } from './chart-parts.js';
import { cohortChart } from './fit-charts.js';

const WORDS = new Set(['recording', 'channel', 'status']);

/** The cohort tables as a picture, with its specification. */
export const plotFits = defineNode({
  name: 'plot_fits',
  version: 1,
  inputs: { table: port.file('tsv'), peaks: port.file('tsv') },
  outputs: { svg: port.file('svg'), spec: port.file('json') },
  async run({ table, peaks }, ctx) {
    const paths = { svg: ctx.outputFile('fits.svg'), spec: ctx.outputFile('fits.vl.json') };
    const chart = cohortChart(await chartRows(table.path), await chartRows(peaks.path));
    for (const warning of await writeChart(paths, chart)) ctx.log.warn(`chart of the fits: ${warning}`);
    return paths;
  },
});

/** Rows of a table of fits or peaks. */
export async function chartRows(path: string): Promise<ChartRow[]> {
  const { columns, rows } = await readTsv(path);
  return rows.map((row) =>
    Object.fromEntries(
      columns.map((column, i) => {
        const cell = row[i] ?? null;
        return [column, cell === null || WORDS.has(column) ? cell : Number(cell)];
      }),
    ),
  );
}
