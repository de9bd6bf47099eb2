import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile, unlink } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { processesWith, until } from '../engine/rig.js';
import { PIPELINE } from '../support/pipeline-rig.js';
import { letterRig, LOAD, REPORTED_RUN, RUN } from './letters.js';

describe('a run', () => {
  test('computes everything once, says what ran and where the outputs are, and nothing on stdout', async () => {
    await using rig = await letterRig({ a: 'alpha', b: 'beta' });
    const first = await rig.run(REPORTED_RUN);
    expect(first.exitCode).toBe(0);
    expect(first.executed).toEqual(['join_letters', 'read_letter[a]', 'read_letter[b]']);
    expect(await rig.read('out/letters/all.txt')).toBe('alpha beta\n');
    expect(first.stdout).toBe('');
    expect(first.stderr).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}letters: 3 nodes, up to \d+ workers?$/m);
    expect(first.stderr.split('\n').slice(-9)).toEqual([
      expect.stringMatching(/^letters: done in \d+\.\d s: 3 run, 0 reused$/),
      '  node          run',
      '  read_letter     2',
      '  join_letters    1',
      '  outputs: 1 file in out',
      '    letters/  1 file',
      expect.stringMatching(/^ {2}log: out\/logs\/\S+$/),
      expect.stringMatching(/^ {2}report: out\/logs\/\S+\/report\.html$/),
      '',
    ]);
    const place = /report: (\S+)/.exec(first.stderr)?.[1] ?? '';
    expect(await rig.read(place)).toContain('no earlier result');
    expect(await rig.read(place)).toContain('participants/a.html');

    const second = await rig.run(RUN);
    expect(second.exitCode).toBe(0);
    expect(second.executed).toEqual([]);
    expect(second.reused).toHaveLength(3);
    expect(second.stderr).toContain('0 run, 3 reused');
  });

  test('runs again exactly what depends on a change, and --explain says so by name', async () => {
    await using rig = await letterRig({ a: 'alpha', b: 'beta' });
    await rig.run(RUN);
    await rig.write('in/b.txt', 'gamma');
    const second = await rig.run([...RUN, '--explain']);
    expect(second.executed).toEqual(['join_letters', 'read_letter[b]']);
    expect(second.stdout.trimEnd().split('\n')).toEqual([
      'reuse    read_letter[a]',
      expect.stringMatching(
        /^run {6}read_letter\[b\] {2}input letter changed: b\.txt \(.+\) -> b\.txt \(.+\)$/,
      ),
      'may-run  join_letters    input texts comes from read_letter[b], which runs',
    ]);
    const why = await rig.command([...LOAD, 'cache', 'why', 'read_letter', '-o', 'out']);
    expect(why.stdout.trimEnd().split('\n')).toEqual([
      'read_letter[a]  reused: nothing that it depends on has changed',
      expect.stringMatching(/^read_letter\[b\] {2}ran: input letter changed: /),
    ]);
    const joined = await rig.command([...LOAD, 'cache', 'why', 'join_letters', '-o', 'out']);
    expect(joined.stdout).toMatch(/^join_letters {2}ran: input texts\[1\] from read_letter\[b\] changed: /);
  });

  test('the bare form takes everything from neuroloom.yaml', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    await rig.write('neuroloom.yaml', 'input_dir: in\noutput_dir: out\nletters: {suffix: "!"}\n');
    const run = await rig.run([...LOAD, 'run', '-w', 'letters']);
    expect(run.exitCode).toBe(0);
    expect(await rig.read('out/letters/all.txt')).toBe('alpha!\n');
  });

  test('without any directory the working directory is read and written', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    const run = await rig.run([...LOAD, 'run', '-w', 'letters'], { cwd: 'in', output: '.' });
    expect(run.exitCode).toBe(0);
    expect(await rig.read('in/letters/all.txt')).toBe('alpha\n');
  });

  test('the neuroloom.yaml of the input directory comes before the one here, and -c before both', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    await rig.write('neuroloom.yaml', 'letters: {suffix: here}');
    await rig.write('in/neuroloom.yaml', 'letters: {suffix: there}');
    await rig.write('named.yaml', 'letters: {suffix: named}');
    const suffix = async (args: string[]): Promise<string> => {
      const shown = await rig.command([...LOAD, 'config', 'show', '--json', ...args]);
      return (JSON.parse(shown.stdout) as { values: { letters: { suffix: string } } }).values.letters.suffix;
    };
    expect(await suffix([])).toBe('here');
    expect(await suffix(['-i', 'in'])).toBe('there');
    expect(await suffix(['-i', 'in', '-c', 'named.yaml'])).toBe('named');
  });

  test('--participants restricts, --force-node runs again what has a result', async () => {
    await using rig = await letterRig({ a: 'alpha', b: 'beta', c: 'gamma' });
    const part = await rig.run([...RUN, '--participants', 'a,c']);
    expect(part.executed).toEqual(['join_letters', 'read_letter[a]', 'read_letter[c]']);
    const forced = await rig.run([...RUN, '--participants', 'a,c', '--force-node', 'read_letter[a]']);
    expect(forced.executed).toEqual(['read_letter[a]']);
    expect(forced.stderr).toContain('read_letter[a]  started: forced by --force-node');
  });

  test('--dry-run says what would run and writes nothing', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    const dry = await rig.run([...RUN, '--dry-run', '--explain', 'read_letter']);
    expect(dry.exitCode).toBe(0);
    expect(dry.stdout).toBe('run      read_letter[a]  no earlier result\n');
    expect(dry.stderr).toBe(
      'letters: 1 to run, 0 to reuse, 1 may run, which depends on what comes out above\n',
    );
    expect(await rig.list('.')).toEqual(['in']);
    expect(await rig.list('in')).toEqual(['a.txt']);
  });

  test('plan and check write nothing either', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    const plan = await rig.command([...LOAD, 'plan', '-w', 'letters', '-i', 'in', '-o', 'out', '--json']);
    expect(JSON.parse(plan.stdout)).toMatchObject({
      workflow: 'letters',
      counts: { run: 1, 'may-run': 1, reuse: 0, 'not-run': 0 },
      nodes: [
        {
          id: 'read_letter[a]',
          node: 'read_letter',
          action: 'run',
          reason: { kind: 'new' },
          text: 'no earlier result',
        },
        { id: 'join_letters', action: 'may-run', key: null },
      ],
    });
    const check = await rig.command([...LOAD, 'check', '-w', 'letters', '-i', 'in', '-o', 'out']);
    expect([check.exitCode, check.stdout, check.stderr]).toEqual([0, 'letters: ready to run\n', '']);
    expect(await rig.list('.')).toEqual(['in']);
  });

  test('a deleted output is published again, without computing', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    await rig.run(RUN);
    await unlink(rig.path('out/letters/all.txt'));
    const again = await rig.run(RUN);
    expect(again.executed).toEqual([]);
    expect(await rig.read('out/letters/all.txt')).toBe('alpha\n');
  });

  test('--log-format json writes one event per line and nothing else', async () => {
    await using rig = await letterRig({ a: 'slow' });
    const run = await rig.run([...RUN, '--log-format', 'json']);
    const events = run.stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    const types = events.map((event) => event.type);
    expect(types[0]).toBe('run-started');
    expect(types.at(-1)).toBe('run-finished');
    expect(types).toContain('node-progress');
  });

  test('the cache and the work directory can lie elsewhere', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    const run = await rig.run([...RUN, '--cache-dir', 'cache', '--work-dir', 'work']);
    expect(run.exitCode).toBe(0);
    expect(await rig.list('cache')).toContain('index.db');
    expect(await rig.list('out')).toEqual(['dataset_description.json', 'letters', 'logs']);
    const other = await rig.run([...RUN], { env: { NEUROLOOM_CACHE_DIR: rig.path('cache') } });
    expect(other.executed).toEqual([]);
  });
});

describe('failures', () => {
  test('of a node that must be there: exit 1, a block with the cause, the others go on', async () => {
    await using rig = await letterRig({ a: 'alpha', b: 'broken' });
    const run = await rig.run(RUN);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toMatch(
      /error {2}NODE_FAILED {2}read_letter\[b\] failed after .+: .*the letter cannot be read/,
    );
    expect(run.stderr).toContain('letters: failed in');
    expect(run.stderr).toContain('the same command goes on from here');
    expect(run.stderr).not.toContain('at Object.run');
    expect(await rig.list('out/letters')).toEqual([]);
    await rig.write('in/b.txt', 'mended');
    const next = await rig.run(RUN);
    expect(next.exitCode).toBe(0);
    expect(next.reused).toEqual(['read_letter[a]']);
  });

  test('that the workflow allows: exit 4, and the outputs of the rest are there', async () => {
    await using rig = await letterRig({ a: 'alpha', b: 'broken', c: 'gamma' });
    const run = await rig.run([...RUN, '--set', 'letters.min_letters=2']);
    expect(run.exitCode).toBe(4);
    expect(run.stderr).toContain('the run goes on without it');
    expect(run.stderr).toContain('done, but not everything succeeded');
    expect(await rig.read('out/letters/all.txt')).toBe('alpha gamma\n');
  });

  test('an item that is skipped is told in every run, and the exit code is 0', async () => {
    await using rig = await letterRig({ a: 'alpha', b: 'empty' });
    const args = [...RUN, '--set', 'letters.min_letters=1'];
    for (const run of [await rig.run(args), await rig.run(args)]) {
      expect(run.exitCode).toBe(0);
      expect(run.stderr).toContain('warning  read_letter[b]  skipped: the letter is empty');
    }
  });

  test('--debug shows the stack of a failed node', async () => {
    await using rig = await letterRig({ a: 'broken' });
    const run = await rig.run([...RUN, '--debug']);
    expect(run.stderr).toContain('letters.mjs:');
  });
});

describe('interrupts', () => {
  test('one lets the running node finish and starts no other; the next run goes on: exit 130', async () => {
    await using rig = await letterRig({ a: 'gated one', b: 'gated two' });
    let isSent = false;
    const run = await rig.run([...RUN, '--jobs', '1'], {
      watch(child, stderr) {
        if (stderr.includes('stopping:')) writeFileSync(rig.path('in/gate'), '');
        if (isSent || !stderr.includes('waiting')) return;
        isSent = true;
        child.kill('SIGINT');
      },
    });
    expect(run.stderr).toContain('stopping: running nodes finish, no others start');
    expect(run.exitCode).toBe(130);
    expect(run.executed).toEqual([expect.stringMatching(/^read_letter\[[ab]\]$/)]);
    expect(run.stderr).toContain('letters: stopped in');
    const next = await rig.run(RUN);
    expect(next.exitCode).toBe(0);
    expect(next.reused).toEqual(run.executed);
  });

  test('two cancel the running node: exit 130', async () => {
    await using rig = await letterRig({ a: 'endless' });
    const sent: string[] = [];
    const run = await rig.run(RUN, {
      watch(child, stderr) {
        const due = !stderr.includes('read_letter[a]  started') ? 0 : !stderr.includes('stopping:') ? 1 : 2;
        while (sent.length < due) {
          sent.push('SIGINT');
          child.kill('SIGINT');
        }
      },
    });
    expect(run.stderr).toContain('cancelling: running nodes are asked to end');
    expect(run.stderr).toMatch(/letters: stopped in .*: 0 run, 0 reused, 1 cancelled, 1 not started\n/);
    expect(run.exitCode).toBe(130);
  });

  test.skipIf(!existsSync('/usr/bin/script'))(
    'a terminal that is closed cancels: the run comes to its end, and no process is left',
    async () => {
      await using rig = await letterRig({ a: 'endless' });
      const command = [process.execPath, PIPELINE, ...RUN].map((word) => `'${word}'`).join(' ');
      // A pseudo-terminal whose other side goes away without a word.
      const terminal = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], {
        cwd: rig.directory,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let shown = '';
      terminal.stdout.on('data', (text: Buffer) => (shown += text.toString()));
      await until('the node runs', () => shown.includes('read_letter[a]'));
      await until('its worker is there', () => processesWith(rig.directory).length > 0);
      terminal.kill('SIGKILL');
      await until('nothing of the run is left', () => processesWith(rig.directory).length === 0);
      const [id] = await rig.list('out/logs');
      const log = rig.path('out/logs', id!, 'events.jsonl');
      await until('the run has ended', () => readFileSync(log, 'utf8').includes('run-finished'));
      expect(readFileSync(log, 'utf8')).toMatch(/"type":"run-finished".*"status":"cancelled"/);
    },
  );

  test('a request to terminate cancels at once: exit 143', async () => {
    await using rig = await letterRig({ a: 'endless' });
    let isSent = false;
    const run = await rig.run(RUN, {
      watch(child, stderr) {
        if (isSent || !stderr.includes('read_letter[a]  started')) return;
        isSent = true;
        child.kill('SIGTERM');
      },
    });
    expect(run.exitCode).toBe(143);
  });
});

test('the log of a run holds its configuration', async () => {
  await using rig = await letterRig({ a: 'alpha' });
  await rig.run([...RUN, '--set', 'letters.suffix=x']);
  const [id] = await rig.list('out/logs');
  const config = JSON.parse(await readFile(rig.path('out/logs', id!, 'config.json'), 'utf8')) as unknown;
  expect(config).toMatchObject({ letters: { suffix: 'x' } });
});
