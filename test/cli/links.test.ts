import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { letterRig, LOAD, RUN } from './letters.js';

test('a file that is a link out of the input directory is refused, and read with --follow-links', async () => {
  await using rig = await letterRig({ a: 'a' });
  await rig.write('elsewhere/b.txt', 'b');
  symlinkSync('../elsewhere/b.txt', rig.path('in/b.txt'));
  await rig.write('in/inside/c', 'c');
  symlinkSync('inside/c', rig.path('in/c.txt'));

  const refused = await rig.run(RUN);
  expect(refused.exitCode).toBe(3);
  expect(refused.stderr).toContain(
    'a link leads out of the input directory: b.txt -> ../elsewhere/b.txt\n' +
      '                mend: give --follow-links to read what is there, or copy it into the input directory',
  );
  const run = await rig.run([...RUN, '--follow-links']);
  expect(run.exitCode).toBe(0);
  expect(await rig.read('out/letters/all.txt')).toContain('b');
});

test('check refuses participants that are links to somewhere else; links that lead nowhere are not its matter', async () => {
  await using rig = await letterRig({ a: 'a' });
  mkdirSync(rig.path('other/101'), { recursive: true });
  writeFileSync(rig.path('other/file'), '');
  symlinkSync(rig.path('other/101'), rig.path('in/101'));
  symlinkSync('nowhere', rig.path('in/102'));
  symlinkSync('103', rig.path('in/103'));
  const check = [...LOAD, 'check', '-w', 'letters', '-i', 'in', '-o', 'out'];

  const { exitCode, stderr } = await rig.command(check);
  expect([exitCode, stderr.split('\n')[1]?.trim()]).toEqual([
    3,
    'REQUIREMENT   a link leads out of the input directory: 101 -> DIR/other/101',
  ]);
  expect((await rig.command([...check, '--follow-links'])).exitCode).toBe(0);
});
