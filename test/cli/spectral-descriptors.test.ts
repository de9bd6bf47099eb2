import { expect, test } from 'vitest';

import { encodeGifti, formatTsv, readNpy, readTsv } from '../../src/io/index.js';
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

test('what cannot be computed is refused before anything runs', async () => {
  await using rig = await PipelineRig.create();
  await rig.write('in/sub-01.ply', 'ply\n');
  const none = await rig.run([...RUN, '--set', 'spectral_descriptors.surfaces=lh.pial']);
  expect(none.exitCode).toBe(3);
  expect(none.stderr).toContain('0 surfaces under');
  const refused = await rig.run([...RUN, '--set', 'spectral_descriptors.descriptors=[finsler_hks]']);
  expect(refused.exitCode).not.toBe(0);
  expect(refused.stderr).toContain('finsler_hks is not available');
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
