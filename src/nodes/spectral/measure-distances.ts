import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { writeAtomic, writeTsv } from '../../io/index.js';
import { spectrumDistances } from '../../numerics/descriptors/distance-matrix.js';
import { VERSION } from '../../version.js';
import { readRecords } from './read-records.js';
import { shapeDnaRows } from './shapedna-rows.js';

export const DISTANCE_METRICS = ['shapedna', 'wesd'] as const;

/** Distances between the spectra of all surfaces. */
export const measureDistances = defineNode({
  name: 'measure_distances',
  version: 3,
  inputs: {
    metric: port.value(z.enum(DISTANCE_METRICS)),
    records: port.list(port.file('json')),
    normalisation: port.value(z.enum(['area', 'volume', 'fiedler', 'weyl', 'none'])),
    wesd_p: port.value(z.number()),
  },
  outputs: { table: port.file('tsv'), sidecar: port.file('json') },
  async run({ metric, records: files, normalisation, wesd_p }, ctx) {
    // Of raw eigenvalues the unit would decide: WESD takes those of unit area.
    const used = metric === 'wesd' ? 'area' : normalisation;
    const { count, rows } = shapeDnaRows(await readRecords(files), used);
    const table = ctx.outputFile(`distances_${metric}.tsv`);
    const sidecar = ctx.outputFile(`distances_${metric}.json`);
    const spectraOf = rows.map(({ values }) => values);
    const square = spectrumDistances(spectraOf, metric === 'wesd' ? 'wesd' : 'euclidean', wesd_p);
    await writeTsv(
      table,
      ['surface', ...rows.map(({ surface }) => surface)],
      rows.map(({ surface }, i) => [surface, ...square.subarray(i * rows.length, (i + 1) * rows.length)]),
    );
    const content = {
      // A volume has a surface per label.
      Sources: [...new Set(rows.map(({ source }) => source))],
      GeneratedBy: [{ Name: 'neuroloom', Version: VERSION }],
      metric,
      normalisation: used,
      eigenvalues: count,
      ...(metric === 'wesd' ? { p: wesd_p, note: 'of surfaces; the paper defines it for solids' } : {}),
      Units: used === 'none' ? 'unit^-2 of the coordinates' : '1',
    };
    await writeAtomic(sidecar, `${JSON.stringify(content, null, 2)}\n`);
    return { table, sidecar };
  },
});
