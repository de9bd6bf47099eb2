import { readFile } from 'node:fs/promises';
import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { writeTsv, type TsvCell } from '../../io/index.js';
import { STATUSES } from './fit-voxels.js';
import { RecordingSummary } from './summary.js';

const COLUMNS = [
  'recording',
  'voxels',
  'frames',
  ...STATUSES,
  'mean_r2',
  'median_r2',
  'max_r2',
  'above_min_r2',
  'status',
];
const SPREAD = ['n', 'mean', 'sd', 'median', 'q25', 'q75'] as const;

/** The recordings of a cohort: how well each was fitted, and where its parameters lie. */
export const collectRecordings = defineNode({
  name: 'collect_recordings',
  version: 1,
  inputs: {
    summaries: port.list(port.file('json')),
    dropped: port.value(z.array(z.strictObject({ key: z.string(), reason: z.string() }))),
  },
  outputs: { recordings: port.file('tsv'), parameters: port.file('tsv') },
  async run({ summaries, dropped }, ctx) {
    const rows: TsvCell[][] = [];
    const spreads: TsvCell[][] = [];
    for (const { path } of summaries) {
      const found = RecordingSummary.parse(JSON.parse(await readFile(path, 'utf8')));
      const counts = STATUSES.map((status) => found.status[status] ?? 0);
      const { name, voxels, frames, mean_r2, median_r2, max_r2, above_min_r2 } = found;
      rows.push([name, voxels, frames, ...counts, mean_r2, median_r2, max_r2, above_min_r2, 'ok']);
      for (const spread of found.parameters) {
        spreads.push([name, spread.parameter, ...SPREAD.map((column) => spread[column])]);
      }
    }
    for (const { key, reason } of dropped) {
      const status = `skipped: ${reason.replaceAll(/\s+/g, ' ')}`;
      rows.push([key, ...COLUMNS.slice(1, -1).map(() => null), status]);
    }
    const out = {
      recordings: ctx.outputFile('encoding_fit.tsv'),
      parameters: ctx.outputFile('encoding_fit_parameters.tsv'),
    };
    await writeTsv(out.recordings, COLUMNS, rows);
    await writeTsv(out.parameters, ['recording', 'parameter', ...SPREAD], spreads);
    return out;
  },
});
