/** A file system of 2 MB that fills up under the output, the cache, the work directory and in the last copy. */
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { PipelineRig } from '../support/pipeline-rig.js';
import { letterRig, LOAD } from './letters.js';

const KB = 1024;
const isRoot = process.getuid?.() === 0 && process.platform === 'linux';

/** Mounts the small file system at `disk` of a rig, for as long as it is used. */
async function mountSmallDisk(rig: PipelineRig): Promise<AsyncDisposable> {
  const disk = rig.path('disk');
  await mkdir(disk);
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]);
  if (status !== 0) throw new Error(`mount failed: ${stderr.toString()}`);
  return {
    async [Symbol.asyncDispose]() {
      await Promise.resolve(spawnSync('umount', ['-l', disk]));
    },
  };
}

function canMount(): boolean {
  if (!isRoot) return false;
  // A container's root may not be allowed to.
  return spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;
}

const ON_DISK = {
  output: ['-o', 'disk/out'],
  'published files': ['-o', 'disk/out', '--cache-dir', 'cache', '--work-dir', 'work'],
  cache: ['-o', 'out', '--cache-dir', 'disk/cache'],
  'work directory': ['-o', 'out', '--work-dir', 'disk/work'],
};

describe.skipIf(!canMount())('a full disk', () => {
  test.concurrent.each([
    ['output', 4, '--cache-dir'],
    ['output', 200, '--cache-dir'],
    ['published files', 60, '-o'],
    ['cache', 4, '--cache-dir'],
    ['cache', 150, '--cache-dir'],
    ['work directory', 0, '--work-dir'],
  ] as const)(
    'under the %s with %d kB free: exit 5, path and cure; the next run ends well',
    async (place, freeKb, option) => {
      await using rig = await letterRig({ a: 'a'.repeat(60 * KB), b: 'b'.repeat(60 * KB) });
      await using _ = await mountSmallDisk(rig);
      await writeFile(rig.path('disk/ballast'), Buffer.alloc((2048 - freeKb) * KB));
      const args = [...LOAD, 'run', '-w', 'letters', '-i', 'in', ...ON_DISK[place]];

      const full = await rig.command(args);

      expect(full.stderr).toMatch(/IO_FULL {2}.*no space left/);
      expect(full.stderr).toMatch(/where: DIR\/disk\//);
      expect(full.stderr).toMatch(new RegExp(`mend: free space.*${option}`));
      expect(full.exitCode).toBe(5);
      const names = (await readdir(rig.directory, { recursive: true })).filter(
        (name) => name !== 'disk/ballast',
      );
      expect(
        names.filter((name) => /all\.txt$|\.part-/.test(name) && !/^cache\/|\.neuroloom\//.test(name)),
      ).toEqual([]);

      await rm(rig.path('disk/ballast'));
      const next = await rig.command(args);
      expect(next.stderr).toContain('letters: done in');
      expect(next.exitCode).toBe(0);
      const output = ON_DISK[place][1];
      expect((await rig.read(`${output}/letters/all.txt`)).length).toBe(120 * KB + 2);
    },
  );
});
