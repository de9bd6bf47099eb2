import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readTsv, writeChart } from '../../io/index.js';
import { chartRow, type ChartRow } from './chart-parts.js';
import { cohortChart } from './fit-charts.js';
import { readWatchedFits, type WatchedFits } from './fit-sidecar.js';

/** The cohort tables as a picture, with its specification. */
export const plotFits = defineNode({
  name: 'plot_fits',
  version: 3,
  inputs: { table: port.file('tsv'), peaks: port.file('tsv'), watched: port.list(port.file('json')) },
  outputs: { svg: port.file('svg'), spec: port.file('json') },
  // As fit_recording: a worker that is there already takes it.
  resources: { cpus: 1, memoryGb: 1 },
  async run({ table, peaks, watched: files }, ctx) {
    const paths = { svg: ctx.outputFile('fits.svg'), spec: ctx.outputFile('fits.vl.json') };
    const watched: WatchedFits[] = [];
    for (const { path } of files) watched.push(await readWatchedFits(path));
    const chart = cohortChart(await readTsv(table.path), await readTsv(peaks.path), watched);
    for (const warning of await writeChart(paths, chart)) ctx.log.warn(`chart of the fits: ${warning}`);
    return paths;
  },
});

/** Rows of a table of fits or peaks. */
export async function chartRows(path: string): Promise<ChartRow[]> {
  const { columns, rows } = await readTsv(path);
  return rows.map((row) => chartRow(columns, row));
}
