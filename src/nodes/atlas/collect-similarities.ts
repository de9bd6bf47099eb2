import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { compareIds, writeTsv } from '../../io/index.js';
import { SIMILARITY_METRICS } from '../../numerics/similarity/tract-similarity.js';
import { DroppedSubject, skippedSubjects } from './cohort-input.js';
import { SimilarityRow } from './similarity-row.js';

/** Name of the table of all comparisons. */
export const SIMILARITY_TABLE = 'tract_similarity.tsv';

/** All comparisons in one table, a row per candidate; those that were skipped have a row that says why. */
export const collectSimilarities = defineNode({
  name: 'collect_similarities',
  version: 1,
  inputs: { rows: port.list(port.value(SimilarityRow)), dropped: port.list(port.value(DroppedSubject)) },
  outputs: { table: port.file('tsv') },
  async run({ rows, dropped }, ctx) {
    const table = ctx.outputFile(SIMILARITY_TABLE);
    const columns = ['pair', 'candidate', 'reference', ...SIMILARITY_METRICS, 'status'];
    const compared = rows.map((row) => ({
      id: row.candidate,
      cells: [
        row.pair,
        row.candidate,
        row.reference,
        ...SIMILARITY_METRICS.map((name) => row[name]),
        'compared',
      ],
    }));
    const reference = rows[0]?.reference ?? null;
    const skipped = skippedSubjects(dropped).map(({ id, reason, detail }) => ({
      id,
      cells: [
        `${id}_vs_${reference}`,
        id,
        reference,
        ...SIMILARITY_METRICS.map(() => null),
        `skipped: ${[reason, ...(detail === undefined ? [] : [detail])].join(': ').replaceAll(/\s+/g, ' ')}`,
      ],
    }));
    const lines = [...compared, ...skipped].sort((x, y) => compareIds(x.id, y.id));
    await writeTsv(
      table,
      columns,
      lines.map(({ cells }) => cells),
    );
    return { table };
  },
});
