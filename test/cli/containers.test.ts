import { createHash } from 'node:crypto';
import { chmod, readdir, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { PipelineRig } from '../support/pipeline-rig.js';

test('an image is pulled once by key, run with one argument vector, and removed; its pin stays', async () => {
  await using rig = await PipelineRig.create();
  const image = 'an image';
  await writeFile(rig.path('hd bet.sif'), image);
  await writeFile(rig.path('apptainer'), `#!/bin/sh\nfor word in "$@"; do echo "word: $word" >&2; done\n`);
  await chmod(rig.path('apptainer'), 0o755);
  await writeFile(rig.path('T1w.nii.gz'), '');
  const config = ['--set', `containers.images.hdbet.source="${rig.path('hd bet.sif')}"`];
  const env = {
    NEUROLOOM_CONTAINER_DIR: rig.path('images'),
    PATH: `${rig.path('.')}:${process.env['PATH']}`,
  };
  const run = (...args: string[]) => rig.run(['containers', ...args], { env });

  const pulled = await run('pull', 'hdbet', ...config, '--json');
  const digest = createHash('sha256').update(image).digest('hex');
  expect(JSON.parse(pulled.stdout)).toEqual({ path: 'DIR/images/hdbet.sif', digest });

  const done = await run('run', 'hdbet', 'T1w.nii.gz', 'out/b.nii.gz', '--no-gpu', ...config, '--', '-x y');
  expect(done.exitCode, done.stderr).toBe(0);
  expect(done.stderr).toContain('word: /output/b.nii.gz\n');
  expect(done.stderr).toContain('word: -x y\n');

  expect((await run('clean', 'hdbet')).stderr).toContain('removed: hdbet');
  expect(await readdir(rig.path('images'))).toEqual(['hdbet.sif.sha256']);
  const { stdout } = await run('status', '--json');
  expect(JSON.parse(stdout)).toMatchObject({
    runtime: 'apptainer',
    images: { hdbet: { cached: false, digest }, synthseg: { digest: null, size_mb: 1800 } },
  });
});

test('a tool that takes longer than --time-limit is ended, with a code of its own', async () => {
  await using rig = await PipelineRig.create();
  await writeFile(rig.path('image.sif'), 'an image');
  await writeFile(rig.path('apptainer'), '#!/bin/sh\necho started >&2\nexec sleep 60\n');
  await chmod(rig.path('apptainer'), 0o755);
  await writeFile(rig.path('T1w.nii.gz'), '');
  const env = {
    NEUROLOOM_CONTAINER_DIR: rig.path('images'),
    PATH: `${rig.path('.')}:${process.env['PATH']}`,
  };
  const config = ['--set', `containers.images.hdbet.source="${rig.path('image.sif')}"`];
  const words = ['run', 'hdbet', 'T1w.nii.gz', 'b.nii.gz', '--no-gpu', ...config, '--time-limit', '3s'];
  const { exitCode, stderr } = await rig.run(['containers', ...words], { env });
  expect(exitCode).toBe(6);
  expect(stderr).toMatch(/ended by its time limit of 3\.0 s\n$/);
});
