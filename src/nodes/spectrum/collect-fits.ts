import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readTsv, writeTsv, type TsvCell } from '../../io/index.js';
import { fitsColumns, peaksColumns } from './fit-tables.js';

/** The fits and the peaks of all recordings, a table each; a recording without fits has a row with its reason. */
export const collectFits = defineNode({
  name: 'collect_fits',
  version: 1,
  inputs: {
    names: port.list(port.value(z.string())),
    tables: port.list(port.file('tsv')),
    peak_tables: port.list(port.file('tsv')),
    dropped: port.list(port.value(z.strictObject({ key: z.string(), reason: z.string() }))),
    keeptrials: port.value(z.boolean()),
  },
  outputs: { table: port.file('tsv'), peaks: port.file('tsv') },
  // As fit_recording: a worker that is there already takes it.
  resources: { cpus: 1, memoryGb: 1 },
  async run({ names, tables, peak_tables, dropped, keeptrials }, ctx) {
    const columns = fitsColumns(keeptrials);
    const rows: TsvCell[][] = [];
    const peaks: TsvCell[][] = [];
    for (const [i, { path }] of tables.entries()) {
      for (const row of (await readTsv(path)).rows) rows.push([names[i]!, ...row]);
      for (const row of (await readTsv(peak_tables[i]!.path)).rows) peaks.push([names[i]!, ...row]);
      ctx.progress(i + 1, tables.length);
    }
    for (const { key, reason } of dropped) {
      // The reason itself, not the way on which it came from the node that reads.
      const own = reason.replace(/^upstream skipped: [^\]]*\]: /, '');
      const status = `skipped: ${own.replaceAll(/\s+/g, ' ')}`;
      rows.push([key, ...columns.map((column) => (column === 'status' ? status : null))]);
    }
    const paths = { table: ctx.outputFile('fits.tsv'), peaks: ctx.outputFile('peaks.tsv') };
    await writeTsv(paths.table, ['recording', ...columns], rows);
    await writeTsv(paths.peaks, ['recording', ...peaksColumns(keeptrials)], peaks);
    return paths;
  },
});
