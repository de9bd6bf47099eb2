import { expect, test } from 'vitest';
import { encodeGifti } from '../../src/io/index.js';
import { deformed, octasphere } from '../../src/workflows/spectral-descriptors/sample-shapes.js';
import { PipelineRig } from '../support/pipeline-rig.js';

const SETTINGS = ['k=8', 'descriptors=[shapedna]'].flatMap((setting) => [
  '--set',
  `spectral_descriptors.${setting}`,
]);

function ball(first: number): string {
  const { vertices, faces } = deformed(octasphere(2), ([x, y, z]) => [first * x, 10 * y, 8 * z]);
  return encodeGifti({
    arrays: [
      { intent: 'POINTSET', shape: [vertices.length / 3, 3], data: vertices },
      { intent: 'TRIANGLE', shape: [faces.length / 3, 3], data: faces },
    ],
  });
}

test('a BIDS app: one participant alone, then the group reuses what is there', async () => {
  await using rig = await PipelineRig.create();
  await rig.write('bids/sub-01/anat/sub-01_hemi-L.surf.gii', ball(20));
  await rig.write('bids/sub-02/anat/sub-02_hemi-L.surf.gii', ball(30));
  const app = ['-w', 'spectral_descriptors', ...SETTINGS, '--no-report'];

  const alone = await rig.run([
    'bids-app',
    'bids',
    'out',
    'participant',
    '--participant-label',
    '01',
    ...app,
  ]);
  expect(alone.stderr).not.toMatch(/error/i);
  expect(alone.exitCode).toBe(0);
  expect(await rig.list('out/sub-01/anat')).toContain('sub-01_hemi-L_eigenvalues.tsv');
  expect(await rig.list('out/sub-02')).toEqual([]);
  expect(await rig.list('out')).not.toContain('shapedna.tsv');

  const group = await rig.run(['bids-app', 'bids', 'out', 'group', ...app]);
  expect(group.exitCode).toBe(0);
  expect(group.reused).toEqual(expect.arrayContaining([...alone.executed]));
  expect(group.executed.some((id) => id.includes('sub-02'))).toBe(true);
  expect(await rig.list('out/sub-02/anat')).toContain('sub-02_hemi-L_eigenvalues.tsv');
  expect(await rig.list('out')).toContain('shapedna.tsv');
});

test('a BIDS app with a level or a participant that does not exist says so', async () => {
  await using rig = await PipelineRig.create();
  await rig.write('bids/sub-01/anat/sub-01_hemi-L.surf.gii', ball(20));
  const level = await rig.run(['bids-app', 'bids', 'out', 'session', '-w', 'spectral_descriptors']);
  expect(level.exitCode).toBe(2);
  expect(level.stderr).toContain("USAGE  'session' is no analysis level");
  expect(level.stderr).toContain('give participant or group');
  const missing = await rig.run([
    ...['bids-app', 'bids', 'out', 'participant', '-w', 'spectral_descriptors'],
    ...['--participant-label', '07'],
  ]);
  expect(missing.exitCode).not.toBe(0);
  expect(missing.stderr).toContain('sub-07');
});
