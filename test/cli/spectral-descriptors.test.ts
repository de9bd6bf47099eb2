import { expect, test } from 'vitest';

import { encodeGifti, encodeNifti, formatTsv, readNpy, readSurface, readTsv } from '../../src/io/index.js';
import { deformed, octasphere } from '../../src/workflows/spectral-descriptors/sample-shapes.js';
import { PipelineRig } from '../support/pipeline-rig.js';

const RUN = ['run', '-w', 'spectral_descriptors', '-i', 'in', '-o', 'out'];
const SETTINGS = [
  'k=12',
  'descriptors=[shapedna,hks,sdf]',
  'hks_times=4',
  'permutations=99',
  'surfaces="sub-*"',
].flatMap((setting) => ['--set', `spectral_descriptors.${setting}`]);

const ball = octasphere(2);

function ellipsoid(first: number, isOpen = false): string {
  const { vertices, faces } = deformed(ball, ([x, y, z]) => [first * x, 10 * y, 8 * z]);
  const kept = isOpen ? faces.subarray(0, faces.length - 12) : faces;
  return encodeGifti({
    arrays: [
      { intent: 'POINTSET', shape: [vertices.length / 3, 3], data: vertices },
      { intent: 'TRIANGLE', shape: [kept.length / 3, 3], data: kept },
    ],
  });
}

test('a cohort: every file, a corrupt mesh and an open one cost themselves only, a changed one reruns what depends on it', async () => {
  await using rig = await PipelineRig.create();
  for (const [label, first] of [
    ['01', 20],
    ['02', 20.1],
    ['03', 30],
    ['04', 30.1],
  ] as const) {
    await rig.write(`in/sub-${label}.surf.gii`, ellipsoid(first, label === '04'));
  }
  await rig.write('in/sub-05.surf.gii', ellipsoid(20).slice(0, 700));
  const groups = [
    ['sub-01', 'short'],
    ['sub-02', 'short'],
    ['sub-03', 'long'],
    ['sub-04', 'long'],
  ];
  await rig.write('in/participants.tsv', formatTsv(['participant_id', 'group'], groups));

  const model =
    '{outcome: value, where: {feature: area}, group: group, groups: [long, short], draws: 200, tune: 200, chains: 2}';
  const first = await rig.run([...RUN, ...SETTINGS, '--set', `spectral_descriptors.bayesian=${model}`]);
  expect(first.exitCode).toBe(0);
  expect(await rig.list('out')).toEqual(
    [
      ...['01', '02', '03', '04'].flatMap((label) =>
        [
          'eigenvalues.tsv',
          'eigenvectors.npy',
          'hks.func.gii',
          'hks.json',
          'hks.npy',
          'quality.json',
          'sdf.json',
          ...(label === '04' ? [] : ['sdf.func.gii', 'sdf.npy']),
          'shapedna.json',
          'shapedna.tsv',
        ].map((name) => `sub-${label}_${name}`),
      ),
      '.neuroloom',
      'bayesian_report.json',
      'bayesian_summary.tsv',
      'bayesian_trace.h5',
      'bayesian_trace.json',
      'dataset_description.json',
      'descriptors.tsv',
      'distances_shapedna.json',
      'distances_shapedna.tsv',
      'distances_wesd.json',
      'distances_wesd.tsv',
      'group_comparison.json',
      'group_comparison.tsv',
      'group_distances.tsv',
      'logs',
      'plots',
      'scales.json',
      'shapedna.tsv',
      'surfaces.tsv',
    ].sort(),
  );
  const surfaces = await readTsv(rig.path('out/surfaces.tsv'));
  expect(surfaces.rows.map((row) => [row[0], row.at(-1)])).toEqual([
    ['sub-01', 'ok'],
    ['sub-02', 'ok'],
    ['sub-03', 'ok'],
    ['sub-04', 'ok'],
    ['sub-05', expect.stringMatching(/^skipped: sub-05.surf.gii/) as string],
  ]);
  const { columns, rows } = await readTsv(rig.path('out/sub-01_eigenvalues.tsv'));
  expect(columns).toEqual(['index', 'eigenvalue', 'residual']);
  expect(rows).toHaveLength(12);
  expect(rows[0]![1]).toBe('0');
  expect((await readNpy(rig.path('out/sub-01_hks.npy'))).shape).toEqual([66, 4]);
  const quality = JSON.parse(await rig.read('out/sub-04_quality.json')) as {
    eigenpairs: { certificate: { count: number }; orthonormality: number };
    surface: { diagnosis: { boundary_edges: number } };
    descriptors: { descriptor: string; status: string }[];
  };
  expect(quality.eigenpairs.certificate.count).toBeGreaterThanOrEqual(12);
  expect(quality.eigenpairs.orthonormality).toBeLessThan(1e-12);
  expect(quality.surface.diagnosis.boundary_edges).toBeGreaterThan(0);
  expect(quality.descriptors.map(({ descriptor, status }) => [descriptor, status])).toEqual([
    ['shapedna', 'ok'],
    ['hks', 'ok'],
    ['sdf', 'not_applicable'],
  ]);
  const distances = await readTsv(rig.path('out/distances_shapedna.tsv'));
  const between = (i: number, j: number) => Number(distances.rows[i]![j + 1]);
  expect(between(0, 0)).toBe(0);
  expect(between(0, 1)).toBe(between(1, 0));
  expect(between(0, 1)).toBeLessThan(0.1 * between(0, 2));
  const compared = await readTsv(rig.path('out/group_comparison.tsv'));
  const area = compared.rows.find((row) => row[1] === 'size' && row[2] === 'area')!;
  expect(Number(area[compared.columns.indexOf('mean_long')])).toBeGreaterThan(
    Number(area[compared.columns.indexOf('mean_short')]),
  );
  expect(await rig.report()).toContain('Groups compared by features');
  const fitted = await readTsv(rig.path('out/bayesian_summary.tsv'));
  const difference = fitted.rows.find(([name]) => name === 'mean_difference')!;
  expect(Number(difference[1])).toBeGreaterThan(0);
  expect(await rig.report()).toContain('Bayesian model group_difference of value');
  expect(await rig.read('out/plots/spectra.svg')).toContain('Spectra of 4 surfaces');

  // One is a little longer, and there is one more descriptor: the scales stay, and with them what was computed of the others.
  await rig.write('in/sub-03.surf.gii', ellipsoid(30.2));
  const more = ['descriptors=[shapedna,hks,sdf,bks]', 'plots=false'];
  const changed = await rig.run([
    ...RUN,
    ...SETTINGS,
    ...more.flatMap((setting) => ['--set', `spectral_descriptors.${setting}`]),
  ]);
  expect(changed.exitCode).toBe(0);
  const all = (node: string): string[] => ['01', '02', '03', '04'].map((label) => `${node}[sub-${label}]`);
  expect(changed.executed.filter((id) => id.includes('['))).toEqual([
    ...all('bks'),
    'clean_surface[sub-03]',
    'hks[sub-03]',
    ...all('record_surface'),
    'sdf[sub-03]',
    'shapedna[sub-03]',
    'solve_eigenpairs[sub-03]',
  ]);
});

test('whatever is wrong with a file costs that surface only, which says what; the others are as without it', async () => {
  await using rig = await PipelineRig.create();
  const lengths = [20, 20.5, 21];
  const good = lengths.map((_, i) => `sub-0${i + 1}`);
  for (const [i, first] of lengths.entries()) await rig.write(`in/${good[i]}.surf.gii`, ellipsoid(first));
  const settings = ['k=8', 'descriptors=[shapedna,hks]', 'hks_times=3', 'plots=false', 'surfaces="sub-*"'];
  const words = settings.flatMap((setting) => ['--set', `spectral_descriptors.${setting}`]);
  const run = (out: string) =>
    rig.run(['run', '-w', 'spectral_descriptors', '-i', 'in', '-o', out, ...words]);
  expect((await run('alone')).exitCode).toBe(0);

  const ply = (vertices: string, faces: string): string =>
    `ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\nelement face 4\nproperty list uchar int vertex_indices\nend_header\n${vertices}${faces}`;
  const corners = '0 0 0\n1 0 0\n0 1 0\n0 0 1\n';
  const sides = '3 0 2 1\n3 0 1 3\n3 0 3 2\n3 1 2 3\n';
  const bad: readonly (readonly [string, string, RegExp])[] = [
    ['sub-11.surf.gii', ellipsoid(20).slice(0, 900), /ends too soon|does not end/],
    ['sub-12.surf.gii', '', /cannot be read: it is empty/],
    ['sub-13.ply', ply(corners.replace('1 0 0', 'nan 0 0'), sides), /not finite/],
    [
      'sub-14.ply',
      ply(corners, sides.replace('3 1 2 3', '3 1 2 9')),
      /triangle 3 names vertex 9, but there are 4/,
    ],
    ['sub-15.ply', ply(corners.replace('0 0 1', '1 1 0'), '3 0 0 1\n'.repeat(4)), /none of the 4 triangles/],
    ['sub-16.ply', ply(corners, sides), /8 eigenpairs/],
  ];
  for (const [name, content] of bad) await rig.write(`in/${name}`, content);
  const all = await run('all');
  expect(all.exitCode).toBe(0);
  const { rows } = await readTsv(rig.path('all/surfaces.tsv'));
  const status = new Map(rows.map((row) => [row[0], row.at(-1)]));
  for (const name of good) expect(status.get(name)).toBe('ok');
  for (const [file, , reason] of bad) {
    const name = file.replace(/\..*/, '');
    expect(status.get(name), file).toMatch(/^skipped: /);
    expect(status.get(name), file).toMatch(reason);
    expect((await rig.list('all')).filter((one) => one.startsWith(name))).toEqual([]);
  }
  for (const name of good) {
    for (const part of ['eigenvalues.tsv', 'shapedna.tsv', 'hks.json'])
      expect(await rig.read(`all/${name}_${part}`)).toBe(await rig.read(`alone/${name}_${part}`));
  }
  for (const table of ['shapedna.tsv', 'distances_shapedna.tsv'])
    expect(await rig.read(`all/${table}`)).toBe(await rig.read(`alone/${table}`));
});

test('labels of a segmentation and points without triangles are surfaces, told as what they are', async () => {
  await using rig = await PipelineRig.create();
  const shape = [14, 15, 16] as const;
  const data = Float32Array.from({ length: 14 * 15 * 16 }, (_, at) => {
    const [x, y, z] = [at % 14, Math.floor(at / 14) % 15, Math.floor(at / 210)];
    return Math.hypot(x - 7, (y - 7) / 1.3, z - 8) < 4.5 ? 17 : 0;
  });
  const affine = [-1, 0, 0, 7, 0, 1, 0, -7, 0, 0, 1, -8, 0, 0, 0, 1];
  await rig.write('in/sub-01_dseg.nii', encodeNifti({ shape, data, affine }));
  await rig.write('in/sub-02_dseg.nii', encodeNifti({ shape, data: data.map(() => 0), affine }));
  const points = octasphere(3).vertices.map((value) => 10 * value);
  const rows = Array.from({ length: points.length / 3 }, (_, i) =>
    points.subarray(3 * i, 3 * i + 3).join(' '),
  );
  const header = ['x', 'y', 'z'].map((axis) => `property float ${axis}\n`).join('');
  // The first point stands twice.
  await rig.write(
    'in/sub-03_dseg_label-17.ply',
    `ply\nformat ascii 1.0\nelement vertex ${rows.length + 1}\n${header}end_header\n${[...rows, rows[0]].join('\n')}\n`,
  );
  const settings = [
    'segmentation.labels=17',
    'k=8',
    'descriptors=[shapedna,hks,casorati]',
    'hks_times=3',
    'plots=false',
    'eigenvectors=false',
  ].flatMap((setting) => ['--set', `spectral_descriptors.${setting}`]);
  const run = await rig.run([...RUN, ...settings]);
  expect(run.exitCode).toBe(0);
  const { columns, rows: table } = await readTsv(rig.path('out/surfaces.tsv'));
  const at = (name: string) => columns.indexOf(name);
  expect(table.map((row) => [row[0], row[at('kind')], row[at('findings')], row.at(-1)])).toEqual([
    ['sub-01_dseg_label-17', 'label_volume', 'none', 'ok'],
    ['sub-03_dseg_label-17', 'point_cloud', 'point_cloud', 'ok'],
    [
      'sub-02_dseg_label-17',
      null,
      null,
      'skipped: no voxel of sub-02_dseg.nii has the label 17; all its voxels are 0',
    ],
  ]);
  expect(run.stderr).toContain('1 of kind label_volume, 1 of kind point_cloud; their operators differ');
  const quality = async (name: string) =>
    JSON.parse(await rig.read(`out/${name}_quality.json`)) as {
      kind: string;
      drawn: { Sources: string[]; labels: number[]; voxels: number } | null;
      eigenpairs: { operator: string; area: number };
      descriptors: { descriptor: string; reason: string | null }[];
    };
  const drawn = await quality('sub-01_dseg_label-17');
  expect(drawn).toMatchObject({
    kind: 'label_volume',
    drawn: { Sources: ['bids:input:sub-01_dseg.nii'], labels: [17] },
  });
  expect(drawn.drawn!.voxels).toBe(data.filter((value) => value === 17).length);
  const volume = Number(table[0]![at('volume')]);
  expect(volume / drawn.drawn!.voxels).toBeGreaterThan(0.85);
  expect(volume / drawn.drawn!.voxels).toBeLessThan(1);
  const surface = await readSurface(rig.path('out/sub-01_dseg_label-17_drawn.surf.gii'));
  expect(surface.vertices.length / 3).toBe(Number(table[0]![at('vertices')]));
  // Centred in the world, not in the volume.
  const centre = surface.vertices.reduce((sum, value) => sum + value, 0) / surface.vertices.length;
  expect(Math.abs(centre)).toBeLessThan(0.2);
  const cloud = await quality('sub-03_dseg_label-17');
  expect(cloud).toMatchObject({ kind: 'point_cloud', drawn: null, eigenpairs: { operator: 'point_cloud' } });
  expect(cloud.eigenpairs.area / (400 * Math.PI)).toBeCloseTo(1, 1);
  expect(Number(table[1]![at('area')])).toBe(cloud.eigenpairs.area);
  expect(cloud.descriptors.map(({ reason }) => reason)).toEqual([
    null,
    null,
    'casorati needs triangles, and a point cloud has none',
  ]);
  const hks = await readNpy(rig.path('out/sub-03_dseg_label-17_hks.npy'));
  expect(hks.shape).toEqual([rows.length + 1, 3]);
  expect([...hks.data.subarray(0, 3)]).toEqual([...hks.data.subarray(-3)]);
  const report = await rig.report();
  for (const words of ['cut at one half (marching tetrahedra', 'points without triangles'])
    expect(report).toContain(words);
});

test('what cannot be computed is refused before anything runs', async () => {
  await using rig = await PipelineRig.create();
  await rig.write('in/sub-01.ply', 'ply\n');
  const none = await rig.run([...RUN, '--set', 'spectral_descriptors.surfaces=lh.pial']);
  expect(none.exitCode).toBe(3);
  expect(none.stderr).toContain('0 surfaces under');
  const settings = ['descriptors=[finsler_hks, dwks]', 'alignment=null'];
  const refused = await rig.run([
    ...RUN,
    ...settings.flatMap((setting) => ['--set', `spectral_descriptors.${setting}`]),
  ]);
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain('finsler_hks is not available');
  expect(refused.stderr).toContain(
    'dwks is not available: it compares surfaces with a reference, and none is named',
  );
});

test('recommend tries descriptors on deformed copies and says why one is left out', async () => {
  await using rig = await PipelineRig.create();
  await rig.write('egg.surf.gii', ellipsoid(20, true));
  await rig.write('few.json', JSON.stringify({ group_discrimination: ['hks', 'sdf'] }));
  const options = [
    '--objective',
    'group_discrimination',
    '--surrogates',
    '10',
    '--k',
    '8',
    '--eligibility',
    'few.json',
  ];
  const found = await rig.command(['recommend', 'egg.surf.gii', ...options]);
  expect(found.exitCode).toBe(0);
  expect(found.stdout).toMatch(/^descriptor +score +auc/);
  expect(found.stdout).toMatch(/^hks +[01]\.\d{3} /m);
  expect(found.stdout).toMatch(/^sdf +excluded: the mesh is open$/m);
});
