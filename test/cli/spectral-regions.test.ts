import { rename } from 'node:fs/promises';
import { expect, test } from 'vitest';

import { encodeGifti, formatTsv, readNpy, readTsv } from '../../src/io/index.js';
import { deformed, octasphere } from '../../src/workflows/spectral-descriptors/sample-shapes.js';
import { PipelineRig } from '../support/pipeline-rig.js';

const RUN = ['run', '-w', 'spectral_descriptors', '-i', 'in', '-o', 'out'];
const set = (...settings: string[]): string[] =>
  settings.flatMap((setting) => ['--set', `spectral_descriptors.${setting}`]);

const ball = octasphere(2);
const count = ball.vertices.length / 3;

/** An ellipsoid without symmetry; `order` renumbers its vertices. */
function egg(first: number, order?: readonly number[], of = ball): string {
  const count = of.vertices.length / 3;
  const { vertices, faces } = deformed(of, ([x, y, z]) => [
    first * x + 2 * y * y,
    10 * y + 1.5 * z * z,
    7 * z + x * x,
  ]);
  const place = order ?? Array.from({ length: count }, (_, i) => i);
  const moved = new Float64Array(vertices.length);
  place.forEach((to, from) => moved.set(vertices.subarray(3 * from, 3 * from + 3), 3 * to));
  return encodeGifti({
    arrays: [
      { intent: 'POINTSET', shape: [count, 3], data: moved },
      { intent: 'TRIANGLE', shape: [faces.length / 3, 3], data: faces.map((vertex) => place[vertex]!) },
    ],
  });
}

/** Regions by the sign of z and of x; the first `n` vertices. */
function quarters(n = count): string {
  const data = Int32Array.from({ length: n }, (_, v) => {
    const [x, , z] = ball.vertices.subarray(3 * v, 3 * v + 3) as unknown as [number, number, number];
    return (z >= 0 ? 1 : 3) + (x >= 0 ? 1 : 0);
  });
  return encodeGifti({
    arrays: [{ intent: 'LABEL', shape: [n], data }],
    labels: ['low_back', 'low_front', 'top_back', 'top_front'].map((name, i) => ({
      key: i + 1,
      name,
      rgba: null,
    })),
  });
}

test('regions: descriptors over them, every two compared, networks, groups; a parcellation of another surface costs its own', async () => {
  await using rig = await PipelineRig.create();
  const people = ['01', '02', '03', '04', '05'];
  for (const [i, label] of people.entries()) {
    await rig.write(`in/sub-${label}_hemi-L.surf.gii`, egg(i % 2 === 0 ? 14 + 0.1 * i : 20 + 0.1 * i));
    await rig.write(`in/sub-${label}_hemi-L.label.gii`, quarters(label === '05' ? count - 1 : count));
  }
  const rows = people.map((label, i) => [`sub-${label}`, i % 2 === 0 ? 'short' : 'long', String(60 + 3 * i)]);
  await rig.write('in/participants.tsv', formatTsv(['participant_id', 'group', 'age'], rows));
  const parcellation =
    'parcellation={files: "{stem}.label.gii", networks: {front: ["*_front"], back: ["*_back"]}, connectomes: [biharmonic, casorati, shapedna], region_k: 5, statistics: [mean, count]}';

  const first = await rig.run([
    ...RUN,
    ...set('k=12', 'descriptors=[shapedna,casorati]', 'permutations=99', 'plots=false', parcellation),
  ]);

  expect(first.exitCode).toBe(0);
  expect(first.stderr).toContain(
    `sub-05_hemi-L.label.gii is of ${count - 1} vertices, the surface has ${count}`,
  );
  const regions = await readTsv(rig.path('out/sub-01_hemi-L_parcellation.tsv'));
  expect(regions.columns).toEqual(['id', 'region', 'network', 'vertices', 'area']);
  expect(regions.rows.map((row) => [row[1], row[2]])).toEqual([
    ['low_back', 'back'],
    ['low_front', 'front'],
    ['top_back', 'back'],
    ['top_front', 'front'],
  ]);
  const area = Number((await readTsv(rig.path('out/surfaces.tsv'))).rows[0]![5]);
  expect(regions.rows.reduce((sum, row) => sum + Number(row[4]), 0)).toBeCloseTo(area, 6);
  const all = await readTsv(rig.path('out/regions_casorati.tsv'));
  expect(all.columns.slice(8)).toEqual(['casorati_mean', 'casorati_count']);
  expect(all.rows.map((row) => `${row[1]} ${row[4]}`)).toHaveLength(16);
  expect(new Set(all.rows.map((row) => row[1]))).toEqual(new Set(['sub-01', 'sub-02', 'sub-03', 'sub-04']));
  for (const by of ['biharmonic', 'casorati', 'shapedna']) {
    const { columns, rows: cells } = await readTsv(rig.path(`out/sub-02_hemi-L_connectome_${by}.tsv`));
    expect(columns).toEqual(['region', 'low_back', 'low_front', 'top_back', 'top_front']);
    const at = (i: number, j: number): number => Number(cells[i]![j + 1]);
    expect(at(0, 1)).toBeGreaterThan(0);
    expect(at(0, 1)).toBe(at(1, 0));
  }
  const networks = await readTsv(rig.path('out/sub-02_hemi-L_networks_biharmonic.tsv'));
  expect(networks.columns).toEqual(['network', 'regions', 'segregation', 'back', 'front']);
  expect(Number(networks.rows[0]![2])).toBeLessThan(1);
  const compared = await readTsv(rig.path('out/group_regions_casorati.tsv'));
  expect(compared.rows).toHaveLength(12);
  expect(compared.columns.at(-1)).toBe('p_fdr');
});

test('alignment: another order of vertices is undone, modes follow the reference, dwks stands on it', async () => {
  await using rig = await PipelineRig.create();
  // 7 has no factor in common with the number of vertices: an order, and no small one.
  const order = Array.from({ length: count }, (_, i) => (7 * i + 3) % count);
  await rig.write('in/sub-01.surf.gii', egg(16));
  await rig.write('in/sub-02.surf.gii', egg(16, order));
  await rig.write('in/sub-03.surf.gii', egg(18));
  const settings = set(
    'k=12',
    'descriptors=[shapedna,dwks]',
    'alignment={start_size: 8}',
    'dwks_basis=8',
    'dwks_energies=4',
    'precision=float64',
  );

  // One worker draws both charts: it loads what draws them once.
  const run = await rig.run([...RUN, ...settings, '--jobs', '1']);

  expect(run.exitCode).toBe(0);
  const table = await readTsv(rig.path('out/alignment.tsv'));
  expect(table.rows.map((row) => [row[0], row[1], row[2]])).toEqual([
    ['sub-01', 'sub-01', 'vertices'],
    ['sub-02', 'sub-01', expect.stringMatching(/coordinates|principal_axes/)],
    ['sub-03', 'sub-01', 'vertices'],
  ]);
  expect(Number(table.rows[1]![table.columns.indexOf('modes_found')])).toBe(12);
  const [own, other] = [
    await readNpy(rig.path('out/sub-01_aligned.npy')),
    await readNpy(rig.path('out/sub-02_aligned.npy')),
  ];
  expect(own.shape).toEqual([count, 12]);
  let worst = 0;
  for (let v = 0; v < count; v++) {
    for (let j = 0; j < 12; j++) {
      worst = Math.max(worst, Math.abs(own.data[12 * v + j]! - other.data[12 * order[v]! + j]!));
    }
  }
  expect(worst).toBeLessThan(1e-8);
  const points = (await readNpy(rig.path('out/sub-02_correspondence.npy'))).data;
  expect(order.every((to, from) => points[to] === from)).toBe(true);
  // Three surfaces, the vertices of one: equal shapes have equal signatures, another one has not.
  const signatures: Float64Array[] = [];
  for (const label of ['01', '02', '03']) {
    const { shape, data } = await readNpy(rig.path(`out/sub-${label}_dwks.npy`));
    expect(shape).toEqual([count, 8]);
    signatures.push(Float64Array.from(data));
  }
  const apart = (i: number): number =>
    signatures[0]!.reduce((most, value, at) => Math.max(most, Math.abs(value - signatures[i]![at]!)), 0);
  expect(apart(1)).toBeLessThan(1e-6);
  expect(apart(2)).toBeGreaterThan(1e-3);
  const report = JSON.parse(await rig.read('out/sub-03_dwks.json')) as { parameters: { reference: string } };
  expect(report.parameters.reference).toBe('sub-01');
  expect(await rig.read('out/alignment.svg')).toContain('Modes aligned to the reference: 3 surfaces');
});

test('a surface that cannot be aligned keeps its row and spectrum; the first usable one is the reference, alone too', async () => {
  await using rig = await PipelineRig.create();
  await rig.write('in/sub-00.surf.gii', 'damaged');
  await rig.write('in/sub-01.surf.gii', egg(16));
  await rig.write('in/sub-02.surf.gii', egg(25, undefined, octasphere(3)));
  await rig.write('in/sub-03.surf.gii', egg(18));
  const settings = set(
    'k=12',
    'descriptors=[shapedna,dwks]',
    'shapedna_normalisation=none',
    'alignment={start: vertices}',
    'dwks_basis=8',
    'plots=false',
  );

  const run = await rig.run([...RUN, ...settings]);

  expect(run.exitCode).toBe(0);
  const { rows } = await readTsv(rig.path('out/shapedna.tsv'));
  expect(rows.map(([surface]) => surface)).toEqual(['sub-01', 'sub-02', 'sub-03']);
  for (const [surface, ...values] of rows) {
    const own = await readTsv(rig.path(`out/${surface}_eigenvalues.tsv`));
    expect(values).toEqual(own.rows.slice(1).map((row) => row[1]));
  }
  expect((await readTsv(rig.path('out/distances_wesd.tsv'))).columns.slice(1)).toHaveLength(3);
  const status = (await readTsv(rig.path('out/surfaces.tsv'))).rows.map((row) => row.at(-1));
  expect(status.map((text) => text!.slice(0, 7))).toEqual(['ok', 'ok', 'ok', 'skipped']);
  const aligned = async (out: string): Promise<unknown[]> =>
    (await readTsv(rig.path(out, 'alignment.tsv'))).rows.map((row) => [row[0], row[1]]);
  expect(await aligned('out')).toEqual([
    ['sub-01', 'sub-01'],
    ['sub-03', 'sub-01'],
  ]);

  const alone = await rig.run([
    ...['run', '-w', 'spectral_descriptors', '-i', 'in', '-o', 'alone', '--participants', '03'],
    ...settings,
  ]);
  expect(alone.exitCode).toBe(0);
  expect(await aligned('alone')).toEqual([['sub-03', 'sub-01']]);
  const values = async (out: string): Promise<unknown> =>
    (await readNpy(rig.path(out, 'sub-03_aligned.npy'))).data;
  expect(await values('alone')).toEqual(await values('out'));
});

test('regions are called as their label files are now; groups without regions are not compared, and that is said', async () => {
  await using rig = await PipelineRig.create();
  for (const label of ['01', '02', '03', '04']) {
    await rig.write(`in/sub-${label}.surf.gii`, egg(14 + Number(label)));
    if (Number(label) > 2) continue;
    const lines = Array.from({ length: 20 }, (_, v) => `${v} 0 0 0 0`);
    await rig.write(`in/sub-${label}/lh.BA44.label`, `#!ascii label\n20\n${lines.join('\n')}\n`);
  }
  await rig.write(
    'in/participants.tsv',
    formatTsv(
      ['participant_id', 'group', 'age'],
      [
        ['sub-01', 'a', '60'],
        ['sub-02', 'a', null],
        ['sub-03', 'b', '62'],
        ['sub-04', 'b', '65'],
      ],
    ),
  );
  const settings = set('k=12', 'descriptors=[casorati]', 'permutations=99', 'plots=false');
  const regions = async (): Promise<string> => {
    const run = await rig.run([
      ...[...RUN, ...settings],
      ...set('parcellation={files: "{stem}/*.label", connectomes: []}'),
    ]);
    expect(run.exitCode).toBe(0);
    return run.stderr;
  };
  const names = async (): Promise<unknown[]> =>
    (await readTsv(rig.path('out/regions_casorati.tsv'))).rows.map((row) => [row[0], row[4]]);

  const told = await regions();

  expect(told).toContain('regions not compared: only the group a has surfaces with regions');
  expect((await readTsv(rig.path('out/group_regions_casorati.tsv'))).rows).toEqual([]);
  expect(await names()).toEqual([
    ['sub-01', 'lh.BA44'],
    ['sub-02', 'lh.BA44'],
  ]);
  await rename(rig.path('in/sub-01/lh.BA44.label'), rig.path('in/sub-01/lh.Broca.label'));
  await regions();
  expect(await names()).toEqual([
    ['sub-01', 'lh.Broca'],
    ['sub-02', 'lh.BA44'],
  ]);
});
