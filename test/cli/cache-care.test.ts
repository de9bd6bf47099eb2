import { chmodSync } from 'node:fs';
import { expect, test } from 'vitest';
import { RUN, letterRig } from './letters.js';

const OUT = ['-i', 'in', '-o', 'out'];

test('a lab reads the results of an export; verify finds damage there, and gc says what would go', async () => {
  await using rig = await letterRig({ a: 'a', b: 'b' });
  await rig.run(RUN);

  const exported = await rig.command(['cache', 'export', 'lab', ...OUT]);
  expect(exported).toMatchObject({ exitCode: 0, stderr: '3 results copied to lab, 0 were there\n' });
  const other = await rig.run(
    [...RUN.map((word) => (word === 'out' ? 'other' : word)), '--cache-from', 'lab'],
    { output: 'other' },
  );
  expect([other.exitCode, other.executed, other.reused.length]).toEqual([0, [], 3]);
  expect(await rig.read('other/letters/all.txt')).toBe('a b\n');

  const planned = await rig.command(['cache', 'gc', ...OUT, '--older-than', '0d', '--max-size', '1G']);
  expect(planned.stdout.trim().split('\n')).toHaveLength(3);
  expect(planned.stderr).toMatch(/^3 results would go .*; --delete takes them away\n$/);
  expect((await rig.command(['cache', 'verify', ...OUT])).exitCode).toBe(0);
  const deleted = await rig.command(['cache', 'gc', ...OUT, '--older-than', '0d', '--delete']);
  expect(deleted.stderr).toMatch(/^3 results taken away/);
  expect((await rig.run(RUN)).executed).toHaveLength(3);

  const list = await rig.command(['cache', 'list', ...OUT]);
  expect(list.stdout).toMatch(/read_letter\[a\] /);
  const object = (await rig.list('out/.neuroloom/cache/objects'))[0]!;
  const key = (await rig.list(`out/.neuroloom/cache/objects/${object}`))[0]!;
  const record = `out/.neuroloom/cache/objects/${object}/${key}/result.json`;
  chmodSync(rig.path(record), 0o644);
  await rig.write(record, '{}');
  const verified = await rig.command(['cache', 'verify', ...OUT]);
  expect(verified.exitCode).toBe(5);
  expect(verified.stdout).toMatch(
    /^damaged {2}\w{12} {2}\S+ {2}result\.json: the record cannot be believed\n/,
  );
  expect((await rig.run(RUN)).executed).toHaveLength(1);
});

test('gc without a limit, and any care without a cache, are refused', async () => {
  await using rig = await letterRig({ a: 'a' });

  const gc = await rig.command(['cache', 'gc', ...OUT]);
  const verify = await rig.command(['cache', 'verify', ...OUT]);

  expect([gc.exitCode, verify.exitCode]).toEqual([2, 2]);
  expect(gc.stderr).toContain('give --max-size 100G, --older-than 90d, or both');
  expect(verify.stderr).toContain('there is no cache in DIR/out/.neuroloom/cache');
  expect(await rig.list('out')).toEqual([]);
});
