import { readFile } from 'node:fs/promises';
import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readNpy, writeTsv, type TsvCell } from '../../io/index.js';
import { chosenColumns } from '../../numerics/descriptors/features.js';
import { REGION_STATISTICS } from '../../numerics/descriptors/region-settings.js';
import { regionStatistics } from '../../numerics/descriptors/regions.js';
import { meshGeometry } from '../../numerics/mesh/geometry.js';
import { asMended, readMesh, readVertexMap } from './mesh-files.js';
import { readRegionLabels, readRegions } from './region-table.js';
import { DescriptorReport, SurfaceLabel } from './surface-record.js';

/** A descriptor of vertices over the regions of a surface: a row per region. */
export const describeRegions = defineNode({
  name: 'describe_regions',
  version: 1,
  inputs: {
    label: port.value(SurfaceLabel),
    labels: port.file('npy'),
    regions: port.file('tsv'),
    vertices: port.file('npy'),
    faces: port.file('npy'),
    vertex_map: port.optional(port.file('npy')),
    /** Absent where the descriptor does not apply to the surface. */
    values: port.optional(port.file('npy')),
    report: port.file('json'),
    statistics: port.value(z.array(z.enum(REGION_STATISTICS))),
  },
  outputs: {
    /** surface, participant, structure, id, region, network, vertices, area, and `<column>_<statistic>`. */
    table: port.file('tsv'),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run({ label, statistics, ...inputs }, ctx) {
    if (inputs.values === null) return ctx.skip('the descriptor does not apply to this surface');
    const report = DescriptorReport.parse(JSON.parse(await readFile(inputs.report.path, 'utf8')));
    const { vertices, faces } = await readMesh(inputs);
    const map = await readVertexMap(inputs.vertex_map);
    const columns = report.columns.length;
    const all = asMended(
      Float64Array.from((await readNpy(inputs.values.path)).data),
      columns,
      map,
      vertices.length / 3,
    );
    const chosen = chosenColumns(columns);
    const n = vertices.length / 3;
    const table = Float64Array.from(
      { length: n * chosen.length },
      (_, at) => all[Math.floor(at / chosen.length) * columns + chosen[at % chosen.length]!]!,
    );
    const labels = await readRegionLabels(inputs.labels);
    const regions = await readRegions(inputs.regions);
    const areas = meshGeometry(vertices, faces).barycentricAreas;
    const ids = regions.map(({ id }) => id);
    const found = statistics.map((statistic) => regionStatistics(table, labels, ids, areas, statistic));
    const names = chosen.flatMap((column) => {
      const name = columns === 1 ? report.descriptor : `${report.descriptor}_${report.columns[column]}`;
      return statistics.map((statistic) => `${name}_${statistic}`);
    });
    const out = ctx.outputFile('regions.tsv');
    await writeTsv(
      out,
      ['surface', 'participant', 'structure', 'id', 'region', 'network', 'vertices', 'area', ...names],
      regions.map((row, r): TsvCell[] => [
        label.surface,
        label.participant,
        label.structure,
        row.id,
        row.region,
        row.network,
        row.vertices,
        row.area,
        ...chosen.flatMap((_, c) => found.map((values) => values[r * chosen.length + c]!)),
      ]),
    );
    return { table: out };
  },
});
