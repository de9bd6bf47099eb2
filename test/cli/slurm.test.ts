/** What `pipeline run --executor slurm` asks of a cluster; on a real one: test/engine/slurm.test.ts. */
import { expect, test } from 'vitest';
import { FakeSlurm } from '../support/fake-slurm.js';
import { letterRig, RUN } from './letters.js';

const MACHINES = ['4|8000|(null)|short*|1:00:00', '16|64000|gpu:2|long|7-00:00:00'];
const QUICK = ['--set', 'slurm.poll_seconds=0.1', '--set', 'slurm.status_seconds=0.2'];
const ON_SLURM = [...RUN, '--executor', 'slurm', ...QUICK];

test('partition, account, qos, constraint, time, further options and limits of the command line reach sbatch', async () => {
  await using rig = await letterRig({ a: 'alpha', b: 'beta' });
  const slurm = new FakeSlurm(rig.path('slurm'), MACHINES);
  const wishes = [
    ...['--slurm-partition', 'long', '--slurm-account', 'lab', '--slurm-qos', 'high', '--slurm-time', '30'],
    ...['--slurm-constraint', 'avx512&ib', '--slurm-arg=--exclude=node07', '--slurm-arg', '--mail-type=FAIL'],
    ...['--slurm-max-queued', '2', '--set', 'slurm.pack_seconds=0', '--jobs', '1'],
  ];
  const outcome = await rig.run([...ON_SLURM, ...wishes], { env: slurm.env });

  expect(outcome.exitCode, outcome.stderr).toBe(0);
  expect(await rig.read('out/letters/all.txt')).toBe('alpha beta\n');
  const submitted = slurm.submitted();
  for (const call of submitted) {
    expect(call).toEqual(
      expect.arrayContaining([
        ...['--partition=long', '--account=lab', '--qos=high', '--constraint=avx512&ib', '--time=30'],
        ...['--exclude=node07', '--mail-type=FAIL'],
      ]),
    );
  }
  const arrays = submitted.map((call) => call.find((argument) => argument.startsWith('--array=')));
  // One at a time over all arrays; no array is larger than what may be queued.
  expect(arrays.every((array) => /^--array=0-[01]%1$/.test(array ?? ''))).toBe(true);
});

test('a partition that is not there: exit 3, and the names of those that are', async () => {
  await using rig = await letterRig({ a: 'alpha' });
  const slurm = new FakeSlurm(rig.path('slurm'), MACHINES);
  const { exitCode, stderr } = await rig.command([...ON_SLURM, '--slurm-partition', 'lang'], {
    env: slurm.env,
  });
  expect(exitCode, stderr).toBe(3);
  expect(stderr).toContain('SLURM has no partition lang with machines');
  expect(stderr).toContain('use one of short, long');
  expect(slurm.submitted()).toEqual([]);
});
