import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readTsv, writeChart } from '../../io/index.js';
import { chartRow, type ChartRow } from './chart-parts.js';
import { cohortChart } from './fit-charts.js';
import { conditionOf } from './conditions.js';
import type { ConditionedFits } from './condition-panel.js';
import { readWatchedFits } from './fit-sidecar.js';

/** The cohort tables as a picture, with its specification. */
export const plotFits = defineNode({
  name: 'plot_fits',
  version: 5,
  inputs: {
    table: port.file('tsv'),
    peaks: port.file('tsv'),
    watched: port.list(port.file('json')),
    bands: port.value(z.record(z.string(), z.tuple([z.number(), z.number()]))),
    frequency_axis: port.value(z.enum(['linear', 'log'])),
    /** Entity of names, or column of participants, whose values are conditions; null: there are none. */
    condition: port.value(z.string().nullable()),
    participants: port.optional(port.file('tsv')),
  },
  outputs: { svg: port.file('svg'), spec: port.file('json') },
  // As fit_recording: a worker that is there already takes it.
  resources: { cpus: 1, memoryGb: 1 },
  async run({ table, peaks, watched: files, bands, condition, participants, frequency_axis }, ctx) {
    const paths = { svg: ctx.outputFile('fits.svg'), spec: ctx.outputFile('fits.vl.json') };
    const people = participants === null ? null : await readTsv(participants.path);
    const given: ConditionedFits[] = [];
    for (const { path } of files) {
      const watched = await readWatchedFits(path);
      const { recording } = watched.fitted;
      given.push({
        watched,
        condition: condition === null ? null : conditionOf(recording, condition, people),
      });
    }
    const options = { condition, bands, frequencyScale: frequency_axis };
    const chart = cohortChart(await readTsv(table.path), await readTsv(peaks.path), given, options);
    for (const warning of await writeChart(paths, chart)) ctx.log.warn(`chart of the fits: ${warning}`);
    return paths;
  },
});

/** Rows of a table of fits or peaks. */
export async function chartRows(path: string): Promise<ChartRow[]> {
  const { columns, rows } = await readTsv(path);
  return rows.map((row) => chartRow(columns, row));
}
