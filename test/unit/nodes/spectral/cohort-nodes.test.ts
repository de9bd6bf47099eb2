import { join } from 'node:path';
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { Skip } from '../../../../src/engine/node.js';
import type { InputFile } from '../../../../src/engine/port.js';
import { encodeGifti, readNpy, readTsv, writeNpy, writeTsv } from '../../../../src/io/index.js';
import type { AlignmentReport } from '../../../../src/nodes/spectral/alignment-report.js';
import { collectAlignments } from '../../../../src/nodes/spectral/collect-alignments.js';
import { compareGroups } from '../../../../src/nodes/spectral/compare-groups.js';
import { compareRegions } from '../../../../src/nodes/spectral/compare-regions.js';
import { measureDistances } from '../../../../src/nodes/spectral/measure-distances.js';
import { parcellateSurface } from '../../../../src/nodes/spectral/parcellate-surface.js';
import type { SurfaceRecord } from '../../../../src/nodes/spectral/surface-record.js';
import { stackTables } from '../../../../src/nodes/spectral/stack-tables.js';
import { octasphere } from '../../../../src/workflows/spectral-descriptors/sample-shapes.js';
import { nodeContext } from '../../../support/node-context.js';
import { temporaryDirectory } from '../../../support/temporary.js';

const directory = temporaryDirectory();
const input = (name: string): InputFile => ({
  path: join(directory, name),
  relPath: name,
  digest: 'a'.repeat(64),
  bytes: 1,
});

test('a vertex that was merged into a region and is in none itself does not take the region away', async () => {
  const { vertices, faces } = octasphere(1);
  const n = vertices.length / 3;
  // Vertex 0 stands twice in the file; its second entry is in no region.
  const twice = Float64Array.from([...vertices, ...vertices.subarray(0, 3)]);
  writeFileSync(
    join(directory, 'in.surf.gii'),
    encodeGifti({
      arrays: [
        { intent: 'POINTSET', shape: [n + 1, 3], data: twice },
        { intent: 'TRIANGLE', shape: [faces.length / 3, 3], data: faces },
      ],
    }),
  );
  await writeNpy(join(directory, 'vertices.npy'), { shape: [n, 3], data: vertices });
  await writeNpy(join(directory, 'faces.npy'), { shape: [faces.length / 3, 3], data: faces });
  await writeNpy(join(directory, 'map.npy'), {
    shape: [n + 1],
    data: Int32Array.from({ length: n + 1 }, (_, v) => v % n),
  });
  await writeNpy(join(directory, 'regions.npy'), {
    shape: [n + 1],
    data: Int32Array.from({ length: n + 1 }, (_, v) => (v < n ? 1 : -1)),
  });
  await parcellateSurface.run(
    {
      surface: input('in.surf.gii'),
      vertices: input('vertices.npy'),
      faces: input('faces.npy'),
      vertex_map: input('map.npy'),
      files: [input('regions.npy')],
      names: ['regions.npy'],
      lookup: null,
      settings: { atlas: null, ignore: [], min_vertices: 1, networks: null, reach_mm: 3 },
      overlay: false,
    },
    nodeContext(directory).ctx,
  );
  const labels = (await readNpy(join(directory, 'labels.npy'))).data;
  expect([...new Set(Array.from(labels))]).toEqual([1]);
});

test('energies of more differences than a call takes arguments', async () => {
  const differences = Array.from({ length: 200_000 }, (_, i) => 1 + (i % 2));
  const report: AlignmentReport = {
    surface: 'a',
    reference: 'a',
    start: 'vertices',
    refined: false,
    modes: 1,
    modes_found: 1,
    mean_agreement: 1,
    agreement: [1],
    singular_values: [1],
    coverage: 1,
    area_difference: differences,
    conformal_difference: differences,
  };
  writeFileSync(join(directory, 'report.json'), JSON.stringify(report));
  const out = await collectAlignments.run(
    { reports: [input('report.json')], energies: 4, factor: 7, plots: false },
    nodeContext(directory).ctx,
  );
  expect(out).toMatchObject({ scales: { area: { floor: 2e-6 } } });
});

test('of no tables there is none', async () => {
  expect(await stackTables.run({ tables: [] }, nodeContext(directory).ctx)).toBeInstanceOf(Skip);
});

test('who is left out of the comparison of regions for a missing covariate is told', async () => {
  const people = [1, 2, 3, 4, 5, 6, 7, 8].map((i) => `sub-0${i}`);
  await writeTsv(
    join(directory, 'participants.tsv'),
    ['participant_id', 'group', 'age'],
    people.map((id, i) => [id, i % 2 === 0 ? 'a' : 'b', i === 0 ? null : 60 + ((i * i) % 7)]),
  );
  await writeTsv(
    join(directory, 'regions.tsv'),
    ['surface', 'participant', 'structure', 'id', 'region', 'network', 'vertices', 'area', 'hks_mean'],
    people.map((id, i) => [id, id, 'lh', 1, 'insula', null, 9, 3 + ((i * 5) % 3), i % 3]),
  );
  const { ctx, warnings } = nodeContext(directory);
  await compareRegions.run(
    {
      table: input('regions.tsv'),
      participants: input('participants.tsv'),
      column: 'group',
      covariates: ['age'],
      groups: null,
      permutations: 9,
    },
    ctx,
  );
  expect(warnings).toEqual(['lh: regions of sub-01 left out for a missing covariate']);
  expect((await readTsv(join(directory, 'group_regions.tsv'))).rows).toHaveLength(2);
});

test('a column with one group only gives empty tables and says why, with and without covariates', async () => {
  const people = [1, 2, 3].map((i) => `sub-0${i}`);
  const records = people.map((participant, i) => {
    const name = `${participant}.json`;
    writeFileSync(join(directory, name), JSON.stringify(surfaceRecord(participant, i)));
    return input(name);
  });
  await writeTsv(
    join(directory, 'one-group.tsv'),
    ['participant_id', 'group', 'age'],
    people.map((id, i) => [id, i === 0 ? 'NA' : 'a', 60 + i]),
  );
  for (const covariates of [[], ['age']]) {
    const { ctx, warnings } = nodeContext(directory);
    const study = { participants: input('one-group.tsv'), column: 'group', covariates, groups: null };
    await compareGroups.run({ records, distances: [], metrics: [], ...study, permutations: 9 }, ctx);
    expect(warnings).toEqual(['not compared: only the group a has surfaces']);
    expect((await readTsv(join(directory, 'group_comparison.tsv'))).rows).toEqual([]);
  }
});

test('surfaces drawn from one volume name it once in Sources of their distances', async () => {
  const records = [1, 2, 3].map((i) => {
    const record = { ...surfaceRecord(`sub-0${i}`, i), k: 3, eigenvalues: [0, 1, i] };
    const source = `bids:input:sub-0${Math.min(i, 2)}_dseg.nii`;
    writeFileSync(join(directory, `drawn-${i}.json`), JSON.stringify({ ...record, source }));
    return input(`drawn-${i}.json`);
  });
  const { ctx } = nodeContext(directory);
  await measureDistances.run({ metric: 'shapedna', records, normalisation: 'none', wesd_p: 1.5 }, ctx);
  const { Sources } = JSON.parse(readFileSync(join(directory, 'distances_shapedna.json'), 'utf8')) as {
    Sources: string[];
  };
  expect(Sources).toEqual(['bids:input:sub-01_dseg.nii', 'bids:input:sub-02_dseg.nii']);
  expect((await readTsv(join(directory, 'distances_shapedna.tsv'))).rows).toHaveLength(3);
});

function surfaceRecord(participant: string, i: number): SurfaceRecord {
  return {
    label: { surface: participant, participant, structure: 'lh' },
    source: `bids:input:${participant}.gii`,
    kind: 'mesh',
    ...{ vertices: 4, faces: 4, area: 1 + i, volume: 1, components: 1, boundary_edges: 0, genus: 0 },
    ...{ findings: [], repaired: [], k: 1, eigenvalues: [0], zero_modes: 1, largest_residual: 0 },
    ...{ res_lambda: 0, res_back: 0, orthonormality: 0, certificate_count: 1, certificate_shift: null },
    descriptors: [],
  };
}
