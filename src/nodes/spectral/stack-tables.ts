import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readTsv, writeTsv, type TsvCell } from '../../io/index.js';

/** One table of the rows of many; none where there is nothing to stack. A column that a table lacks is `n/a` in its rows. */
export const stackTables = defineNode({
  name: 'stack_tables',
  version: 2,
  inputs: { tables: port.list(port.file('tsv')) },
  outputs: { table: port.file('tsv') },
  async run({ tables }, ctx) {
    if (tables.length === 0) return ctx.skip('no surface has such a table');
    const columns: string[] = [];
    const parts = [];
    for (const { path } of tables) {
      const part = await readTsv(path);
      for (const column of part.columns) if (!columns.includes(column)) columns.push(column);
      parts.push(part);
    }
    const rows = parts.flatMap((part): TsvCell[][] => {
      const places = columns.map((column) => part.columns.indexOf(column));
      return part.rows.map((row) => places.map((place) => (place < 0 ? null : (row[place] ?? null))));
    });
    const table = ctx.outputFile('table.tsv');
    await writeTsv(table, columns, rows);
    return { table };
  },
});
