import { spawnSync } from 'node:child_process';
import { chmod, chown, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { letterRig, LOAD, RUN } from '../../cli/letters.js';
import { PIPELINE, type PipelineRig } from '../../support/pipeline-rig.js';

const UMASK = fileURLToPath(new URL('./preload-umask.mjs', import.meta.url));
/** The user that owns nothing. */
const NOBODY = 65_534;

/** Whether this process may become somebody else who can read the package. */
function canBeNobody(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const args = [PIPELINE, '--version'];
  return spawnSync(process.execPath, args, { uid: NOBODY, gid: NOBODY, cwd: '/' }).status === 0;
}

/** What others made and this user may look at, but not write. */
async function readable(rig: PipelineRig): Promise<void> {
  for (const path of ['.', 'in']) await chmod(rig.path(path), 0o755);
}

test('with umask 077 everything is made for its owner alone, also what is made again', async () => {
  await using rig = await letterRig({ a: 'alpha', b: 'beta' });
  const env = { NODE_OPTIONS: `--import=${UMASK}` };
  const first = await rig.run(RUN, { env });
  expect([first.exitCode, first.executed.length], first.stderr).toEqual([0, 3]);
  const open: string[] = [];
  for (const name of await readdir(rig.path('out'), { recursive: true })) {
    const { mode } = await stat(rig.path('out', name));
    if ((mode & 0o077) !== 0) open.push(`${name} ${(mode & 0o777).toString(8)}`);
  }
  expect(open).toEqual([]);
  expect((await rig.run(RUN, { env })).executed).toEqual([]);
  await rig.write('in/b.txt', 'gamma');
  expect((await rig.run(RUN)).executed).toEqual(['join_letters', 'read_letter[b]']);
  expect(await rig.read('out/letters/all.txt')).toBe('alpha gamma\n');
});

describe.skipIf(!canBeNobody())('files of another user', () => {
  test.each([
    ['output', ['-o', 'theirs'], '-o'],
    ['cache', ['-o', 'mine', '--cache-dir', 'theirs'], '--cache-dir'],
    ['work directory', ['-o', 'mine', '--work-dir', 'theirs'], '--work-dir'],
  ])('as %s: exit 5 before any work, with path and cure', async (_, places, option) => {
    await using rig = await letterRig({ a: 'alpha' });
    await readable(rig);
    await mkdir(rig.path('theirs'), { mode: 0o755 });
    await mkdir(rig.path('mine'));
    await chown(rig.path('mine'), NOBODY, NOBODY);
    const run = await rig.command([...LOAD, 'run', '-w', 'letters', '-i', 'in', ...places], { uid: NOBODY });
    expect(run.exitCode, run.stderr).toBe(5);
    expect(run.stderr).toMatch(/IO_DENIED|OUTPUT_UNWRITABLE/);
    expect(run.stderr).toContain('DIR/theirs');
    expect(run.stderr).toMatch(new RegExp(`mend: .*${option}`));
    expect(run.stderr).not.toContain('read_letter[a]  started');
    expect(await rig.list('theirs')).toEqual([]);
  });

  test('an input that may not be read fails its node, and names it', async () => {
    await using rig = await letterRig({ a: 'alpha', b: 'beta' });
    await readable(rig);
    await chmod(rig.path('in/a.txt'), 0o600);
    await mkdir(rig.path('out'));
    await chown(rig.path('out'), NOBODY, NOBODY);
    const run = await rig.run(RUN, { uid: NOBODY });
    expect(run.exitCode, run.stderr).toBe(5);
    expect(run.stderr).toMatch(/IO_DENIED {2}read_letter\[a\] failed.*a\.txt/);
    expect(run.executed).toEqual(['read_letter[a]', 'read_letter[b]']);
  });

  test('a cache of theirs can be read with --cache-from: nothing is computed, nothing is written there', async () => {
    await using rig = await letterRig({ a: 'alpha', b: 'beta' });
    await readable(rig);
    expect((await rig.run([...RUN, '--cache-dir', 'lab'])).exitCode).toBe(0);
    const exported = await rig.command([
      ...LOAD,
      'cache',
      'export',
      'shared',
      '-o',
      'out',
      '--cache-dir',
      'lab',
    ]);
    expect(exported.exitCode, exported.stderr).toBe(0);
    const before = await readdir(rig.path('shared'), { recursive: true });
    await mkdir(rig.path('mine'));
    await chown(rig.path('mine'), NOBODY, NOBODY);
    const args = [...LOAD, 'run', '-w', 'letters', '-i', 'in', '-o', 'mine', '--cache-from', 'shared'];
    const run = await rig.run(args, { uid: NOBODY, output: 'mine', env: { HOME: '/nonexistent' } });
    expect([run.exitCode, run.executed], run.stderr).toEqual([0, []]);
    expect(await rig.read('mine/letters/all.txt')).toBe('alpha beta\n');
    expect(await readdir(rig.path('shared'), { recursive: true })).toEqual(before);
  });
});

describe.skipIf(!canMount())('a file system without room for another file', () => {
  test.each([
    ['output', ['-o', 'disk/out'], 8],
    ['output, a little later', ['-o', 'disk/out'], 24],
    ['cache', ['-o', 'out', '--cache-dir', 'disk/cache'], 8],
  ])('under the %s: exit 5, path and cure; the next run ends well', async (_, places, inodes) => {
    await using rig = await letterRig({ a: 'alpha', b: 'beta' });
    const disk = rig.path('disk');
    await mkdir(disk);
    const options = `size=8m,nr_inodes=${200 + inodes}`;
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', disk]).status).toBe(0);
    try {
      for (let i = 0; i < 199; i++) await writeFile(rig.path('disk', `ballast${i}`), '');
      const args = [...LOAD, 'run', '-w', 'letters', '-i', 'in', ...places];
      const full = await rig.command(args);
      expect(full.exitCode, full.stderr).toBe(5);
      expect(full.stderr).toMatch(/IO_FULL {2}.*no space left/);
      expect(full.stderr).toMatch(/where: DIR\/disk\//);
      for (let i = 0; i < 199; i++) await rm(rig.path('disk', `ballast${i}`));
      const next = await rig.command(args);
      expect(next.exitCode, next.stderr).toBe(0);
      expect(await rig.read(`${places[1] ?? ''}/letters/all.txt`)).toBe('alpha beta\n');
    } finally {
      spawnSync('umount', ['-l', disk]);
    }
  });
});

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  // A container's root may not be allowed to.
  return spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;
}
