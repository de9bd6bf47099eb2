import { expect, test } from 'vitest';
import { LOAD, RUN, letterRig } from './letters.js';

const OUT = ['-i', 'in', '-o', 'out'];

test('runs lists what became of each run; a killed one is told as interrupted', async () => {
  await using rig = await letterRig({ a: 'a', b: 'endless' });
  const killed = await rig.run(RUN, {
    watch: (child, stderr) => {
      if (stderr.includes('read_letter[b]  started')) child.kill('SIGKILL');
    },
  });
  expect(killed.signal).toBe('SIGKILL');
  await rig.write('in/b.txt', 'broken');
  await rig.run(RUN);
  await rig.write('in/b.txt', 'b');
  await rig.run(RUN);

  const { stdout } = await rig.command(['runs', ...OUT]);
  const json = await rig.command(['runs', ...OUT, '--json']);

  const lines = stdout.trim().split('\n');
  expect(lines.map((line) => line.replace(/^\S+ {2}\S+ \S+ {2}letters {2}/, ''))).toEqual([
    'interrupted',
    expect.stringMatching(/^failed in .* 1 failed, 1 not started$/),
    expect.stringMatching(/^done in .* 2 run, 1 reused$/),
  ]);
  expect(JSON.parse(json.stdout)).toMatchObject([
    { status: 'interrupted', exit_code: null },
    { status: 'failed', exit_code: 1 },
    { status: 'done', exit_code: 0, counts: { executed: 2 } },
  ]);
});

test('log shows what nodes said; --follow goes on until the run has ended', async () => {
  await using rig = await letterRig({ a: 'a', b: 'slow b' });
  let following: ReturnType<typeof rig.command> | null = null;
  await rig.run(RUN, {
    watch: (_child, stderr) => {
      if (stderr.includes('read_letter[b]  started')) following ??= rig.command(['log', ...OUT, '--follow']);
    },
  });
  const followed = await following!;
  const again = await rig.command(['log', ...OUT]);
  const one = await rig.command(['log', 'read_letter[b]', ...OUT]);

  expect(followed.exitCode).toBe(0);
  expect(followed.stdout).toBe(again.stdout);
  expect(again.stdout).toMatch(/ {2}read_letter\[b\] {2}done in \d+\.\d s\n/);
  expect(again.stdout).toMatch(/ {2}join_letters {2}started: new\n/);
  expect(again.stderr).toMatch(/^run \S+ of letters: done, 3 run, 0 reused\n$/);
  expect(one.stdout.trim().split('\n')).toHaveLength(2);
});

test('log of a failed node has its message, and nothing that drives a terminal', async () => {
  await using rig = await letterRig({ a: 'broken' });
  await rig.run(RUN);

  const { stdout } = await rig.command(['log', 'read_letter', ...OUT, '--level', 'warn']);
  const unknown = await rig.command(['log', '2099', 'read_letter', ...OUT]);

  expect(stdout).toMatch(/^.* {2}read_letter\[a\] {2}error {2}failed: the letter cannot be read/);
  expect(unknown.exitCode).toBe(2);
  expect(unknown.stderr).toContain('there is no run 2099 in DIR/out');
});

test('prov leads from a renamed file to what was read, also as W3C PROV', async () => {
  await using rig = await letterRig({ a: 'a', b: 'b' });
  const { events } = await rig.run(RUN);
  const runId = events.flatMap((event) => (event.type === 'run-started' ? [event.runId] : []))[0];
  await rig.copy(rig.path('out/letters/all.txt'), 'elsewhere.txt');
  await rig.write('out/letters/all.txt', 'edited');

  const { exitCode, stdout } = await rig.command(['prov', '--of', 'elsewhere.txt', ...OUT]);
  const json = await rig.command(['prov', '--of', 'elsewhere.txt', ...OUT, '--json']);
  const edited = await rig.command(['prov', '--of', 'out/letters/all.txt', ...OUT]);

  expect(exitCode).toBe(0);
  expect(stdout.replaceAll(runId!, 'RUN').replaceAll(/sha256:\w+/g, 'SHA')).toBe(
    [
      'elsewhere.txt  SHA',
      '  known as letters/all.txt',
      'join_letters  (join_letters version 1, run RUN)',
      '  texts <- value a',
      '  texts <- value b',
      'read_letter[b]  (read_letter version 1, run RUN)',
      '  letter <- ../in/b.txt (from outside)  SHA',
      '  suffix = ',
      'read_letter[a]  (read_letter version 1, run RUN)',
      '  letter <- ../in/a.txt (from outside)  SHA',
      '  suffix = ',
      '',
    ].join('\n'),
  );
  const document = JSON.parse(json.stdout) as Record<string, Record<string, unknown>>;
  expect(Object.keys(document['activity']!)).toHaveLength(3);
  expect(Object.keys(document['used']!)).toHaveLength(4);
  expect(edited.exitCode).toBe(2);
  expect(edited.stderr).toContain('made or read a file with the content of out/letters/all.txt');
});

test('prov refuses a crafted document and names it', async () => {
  await using rig = await letterRig({ a: 'a' });
  await rig.run(RUN);
  await rig.write('out/logs/99999999-000000-ffffff/prov.json', '{"activity": {"x": "../../etc/passwd"}}');

  const { exitCode, stderr } = await rig.command(['prov', '--of', 'out/letters/all.txt', ...OUT]);

  expect(exitCode).toBe(5);
  expect(stderr).toContain('DIR/out/logs/99999999-000000-ffffff/prov.json');
});

test('plan --exit-code tells whether there is work', async () => {
  await using rig = await letterRig({ a: 'a' });
  const plan = [...LOAD, 'plan', '-w', 'letters', ...OUT, '--exit-code'];

  expect((await rig.command(plan)).exitCode).toBe(10);
  await rig.run(RUN);
  expect((await rig.command(plan)).exitCode).toBe(0);
});

test('--on-finish starts a program without a shell and tells it about the run', async () => {
  await using rig = await letterRig({ a: 'a', b: 'broken' });
  await rig.write(
    'tell.mjs',
    'console.log(process.argv[2], process.env.NEUROLOOM_STATUS, process.env.NEUROLOOM_EXIT_CODE, process.env.NEUROLOOM_FAILED)',
  );
  const command = `${process.execPath} tell.mjs "$HOME; two words"`;

  const failed = await rig.run([...RUN, '--on-finish', command]);
  const absent = await rig.run([...RUN, '--on-finish', 'no-such-program-here']);

  expect(failed.exitCode).toBe(1);
  expect(failed.stdout).toBe('');
  expect(failed.stderr).toContain('$HOME; two words failed 1 1\n');
  expect(absent.exitCode).toBe(1);
  expect(absent.stderr).toMatch(
    /warning {2}the program of --on-finish failed: no-such-program-here: .*ENOENT/,
  );
});

test('a plan estimates time and disk from earlier results, and names what it knows nothing of', async () => {
  await using rig = await letterRig({ a: 'a', b: 'b' });
  const plan = [...LOAD, 'plan', '-w', 'letters', ...OUT];
  expect((await rig.command(plan)).stderr.split('\n')).toHaveLength(2);
  await rig.run(RUN);
  expect((await rig.command(plan)).stderr.split('\n')).toHaveLength(2);
  await rig.write('in/b.txt', 'changed');

  const { stderr } = await rig.command(plan);
  const json = await rig.command([...plan, '--json']);

  expect(stderr).toMatch(/^letters: 1 to run.*\nby earlier runs: about \S+ s.* and .* of results\n$/);
  const { estimate } = JSON.parse(json.stdout) as { estimate: { ms: { least: number; most: number } } };
  expect(estimate.ms.most).toBeGreaterThan(0);
  expect(estimate).toMatchObject({ unknown: [], free_bytes: expect.any(Number) as number });
});

test('a node that did not fail runs alone with the inputs that the cache has, from any directory', async () => {
  await using rig = await letterRig({ a: 'a', b: 'b' });
  await rig.run(RUN);
  const before = await rig.list('out/logs');

  const again = await rig.command(['rerun', 'join_letters', '-o', rig.path('out')], { cwd: 'in' });
  const wrong = await rig.command(['rerun', 'read_letter', '-o', 'out']);
  const blocked = await rig.command(['rerun', 'read_letter[c]', '-o', 'out']);

  expect(again.exitCode, again.stderr).toBe(0);
  expect(JSON.parse(again.stdout)).toMatchObject({ id: 'join_letters', state: 'done' });
  expect(await rig.list('out/logs')).toEqual(before);
  expect([wrong.exitCode, blocked.exitCode]).toEqual([2, 2]);
  expect(wrong.stderr).toContain('mend: name one item: read_letter[a], read_letter[b]');
  expect(blocked.stderr).toContain(
    'the workflow letters has no node read_letter[c]\n  mend: name one item: read_letter[a], read_letter[b]',
  );

  await rig.write('in/b.txt', 'changed');
  const open = await rig.command(['rerun', 'join_letters', '-o', 'out']);
  expect(open.exitCode).toBe(2);
  expect(open.stderr).toContain('join_letters cannot run alone: read_letter[b] has no result');
});
