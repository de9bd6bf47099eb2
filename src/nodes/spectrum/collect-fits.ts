import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readTsv, writeTsv, type TsvCell } from '../../io/index.js';
import { FITS_COLUMNS } from './fit-recording.js';

/** The fits of all recordings in one table; a recording without fits has a row with its reason. */
export const collectFits = defineNode({
  name: 'collect_fits',
  version: 1,
  inputs: {
    names: port.list(port.value(z.string())),
    tables: port.list(port.file('tsv')),
    dropped: port.list(port.value(z.strictObject({ key: z.string(), reason: z.string() }))),
  },
  outputs: { table: port.file('tsv') },
  async run({ names, tables, dropped }, ctx) {
    const rows: TsvCell[][] = [];
    for (const [i, { path }] of tables.entries()) {
      for (const row of (await readTsv(path)).rows) rows.push([names[i]!, ...row]);
      ctx.progress(i + 1, tables.length);
    }
    for (const { key, reason } of dropped) {
      const status = `skipped: ${reason.replaceAll(/\s+/g, ' ')}`;
      rows.push([key, ...FITS_COLUMNS.map((column) => (column === 'status' ? status : null))]);
    }
    const table = ctx.outputFile('fits.tsv');
    await writeTsv(table, ['recording', ...FITS_COLUMNS], rows);
    return { table };
  },
});
