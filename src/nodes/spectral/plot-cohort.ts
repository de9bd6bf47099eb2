import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readTable, readTsv, writeChart } from '../../io/index.js';
import { distanceChart, spectraChart } from './cohort-charts.js';
import { presentValue } from './present-value.js';
import { readRecords } from './read-records.js';

/** Charts of a cohort: spectra against Weyl's law, and matrices of distances. */
export const plotCohort = defineNode({
  name: 'plot_cohort',
  version: 2,
  inputs: {
    records: port.list(port.file('json')),
    distances: port.list(port.file('tsv')),
    metrics: port.value(z.array(z.string())),
    /** For the colours; absent: all alike. */
    participants: port.optional(port.file('any')),
    column: port.value(z.string().nullable()),
  },
  outputs: {
    /** Two files per chart: SVG and its specification. */
    charts: port.list(port.file('chart')),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run(inputs, ctx) {
    const records = await readRecords(inputs.records);
    const groups = new Map<string, string>();
    if (inputs.participants !== null && inputs.column !== null) {
      const { columns, rows } = await readTable(inputs.participants.path);
      const [id, group] = [columns.indexOf('participant_id'), columns.indexOf(inputs.column)];
      for (const row of rows) groups.set(row[id] ?? '', presentValue(row[group]) ?? 'n/a');
    }
    const lines = [];
    for (const { label, area, eigenvalues } of records) {
      const values = Float64Array.from(eigenvalues, (value) => value * area);
      const { participant } = label;
      const group = groups.get(participant) ?? groups.get(participant.replace(/^sub-/, '')) ?? 'n/a';
      lines.push({ surface: label.surface, group, values });
    }
    const charts = [{ name: 'spectra', spec: spectraChart(lines) }];
    for (const [i, metric] of inputs.metrics.entries()) {
      const { columns, rows } = await readTsv(inputs.distances[i]!.path);
      const square = rows.map((row) => row.slice(1).map(Number));
      charts.push({ name: `distances_${metric}`, spec: distanceChart(metric, columns.slice(1), square) });
    }
    const files = [];
    for (const [i, { name, spec }] of charts.entries()) {
      const paths = {
        svg: ctx.outputFile(`plots/${name}.svg`),
        spec: ctx.outputFile(`plots/${name}.vl.json`),
      };
      for (const warning of await writeChart(paths, spec)) ctx.log.warn(`${name}: ${warning}`);
      files.push(paths.svg, paths.spec);
      ctx.progress(i + 1, charts.length);
    }
    return { charts: files };
  },
});
