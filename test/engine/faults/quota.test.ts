/** A quota that is used up (EDQUOT), under Node and under SQLite, which have no name for it. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { letterRig, LOAD } from '../../cli/letters.js';
import { temporaryDirectory } from '../../support/temporary.js';

const KB = 1024;
const SOURCE = fileURLToPath(new URL('./quota.c', import.meta.url));
const library = join(temporaryDirectory(), 'quota.so');

function canBuild(): boolean {
  if (process.platform !== 'linux') return false;
  return spawnSync('cc', ['-shared', '-fPIC', '-o', library, SOURCE, '-ldl']).status === 0;
}

const ON_QUOTA = {
  'published files': ['-o', 'disk/out', '--cache-dir', 'cache', '--work-dir', 'work'],
  cache: ['-o', 'out', '--cache-dir', 'disk/cache'],
  'work directory': ['-o', 'out', '--work-dir', 'disk/work'],
};

describe.skipIf(!canBuild())('a quota that is used up (skipped without a C compiler)', () => {
  test.concurrent.each([
    ['published files', 0, '-o'],
    ['cache', 0, '--cache-dir'],
    ['cache', 100, '--cache-dir'],
    ['work directory', 0, '--work-dir'],
  ] as const)(
    'under the %s, after %d kB: exit 5, path and cure; the next run ends well',
    async (place, kb, option) => {
      await using rig = await letterRig({ a: 'a'.repeat(60 * KB), b: 'b'.repeat(60 * KB) });
      const args = [...LOAD, 'run', '-w', 'letters', '-i', 'in', ...ON_QUOTA[place]];
      const env = {
        LD_PRELOAD: library,
        TEST_QUOTA_DIR: rig.path('disk'),
        TEST_QUOTA_BYTES: String(kb * KB),
      };

      const full = await rig.command(args, { env });

      expect(full.stderr).toMatch(/IO_FULL {2}.*no space left/);
      expect(full.stderr).toMatch(/where: DIR\/disk\//);
      expect(full.stderr).toMatch(new RegExp(`mend: free space.*${option}`));
      expect(full.exitCode).toBe(5);

      const next = await rig.command(args);
      expect(next.exitCode, next.stderr).toBe(0);
      expect((await rig.read(`${ON_QUOTA[place][1]}/letters/all.txt`)).length).toBe(120 * KB + 2);
    },
  );
});
