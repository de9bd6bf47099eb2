import { expect, test } from 'vitest';
import type { BatchJob } from '../../../../src/engine/executors/batch-scheduler.js';
import { sbatchArguments } from '../../../../src/engine/executors/slurm.js';
import { SlurmConfig } from '../../../../src/engine/executors/slurm-settings.js';

const job: BatchJob = {
  token: 'nl0123456789ab',
  name: 'fit_spectra',
  folder: '/share/cache/batch/x',
  script: '/share/cache/batch/x/job.sh',
  elements: 63,
  throttle: 4,
  resources: { cpus: 2, memoryGb: 1.5, gpus: 0, tokens: {} },
  timeLimitMs: null,
  timeFactor: 1,
};

test('an array with its throttle, its token twice, what the node asks for, and a signal before the limit', () => {
  expect(sbatchArguments(job, SlurmConfig.parse({}))).toEqual([
    '--parsable',
    '--job-name=fit_spectra.nl0123456789ab',
    '--comment=neuroloom token=nl0123456789ab',
    '--array=0-62%4',
    '--nodes=1',
    '--ntasks=1',
    '--cpus-per-task=2',
    '--mem=1792M',
    '--signal=B:USR1@60',
    '--requeue',
    '--open-mode=append',
    '--output=/share/cache/batch/x/%a.log',
    '--chdir=/',
    '/share/cache/batch/x/job.sh',
  ]);
});

test('partition, account, qos, constraint, gpus, time and further options are passed on', () => {
  const settings = SlurmConfig.parse({
    ...{ partition: 'long', account: 'lab', qos: 'high', constraint: 'avx512&ib', time: 90 },
    args: ['--exclude=node07', '--mail-type=FAIL'],
  });
  const args = sbatchArguments(
    { ...job, throttle: null, resources: { ...job.resources, gpus: 2 } },
    settings,
  );
  for (const wanted of [
    ...['--array=0-62', '--gres=gpu:2', '--time=90', '--partition=long', '--account=lab', '--qos=high'],
    ...['--constraint=avx512&ib', '--exclude=node07', '--mail-type=FAIL'],
  ]) {
    expect(args).toContain(wanted);
  }
  expect(args.at(-1)).toBe(job.script);
});

test("the limits of nodes make the job's limit, with room for SLURM's minutes; a short one is signalled later", () => {
  const settings = SlurmConfig.parse({ time: 90 });
  expect(sbatchArguments({ ...job, timeLimitMs: 10 * 60_000 }, settings)).toContain('--time=12');
  expect(sbatchArguments(job, settings)).toContain('--time=90');
  const short = sbatchArguments(job, SlurmConfig.parse({ time: 1 }));
  expect(short).toContain('--time=1');
  expect(short).toContain('--signal=B:USR1@15');
  // Without a time of its own the job has that of its partition.
  const usual = sbatchArguments(job, SlurmConfig.parse({}), { most: 60, usual: 2 });
  expect(usual).toContain('--signal=B:USR1@30');
});

test.each([
  ['--array=0-3'],
  ['--output=x'],
  ['-J'],
  ['--time=5'],
  ['--wrap=true'],
  ['node07'],
  ['--signal=9'],
  ['-Jname'],
  ['-t5'],
  ['--partition=long'],
  ['-Alab'],
])('the option %s cannot be passed on', (option) => {
  expect(SlurmConfig.safeParse({ args: [option] }).success).toBe(false);
});

test('names that look like options are refused', () => {
  expect(SlurmConfig.safeParse({ partition: '--wrap=x' }).success).toBe(false);
  expect(SlurmConfig.safeParse({ account: 'a b' }).success).toBe(false);
});

test('a job that is submitted again after its limit asks for more, and never for more than its partition allows', () => {
  const settings = SlurmConfig.parse({ time: 90 });
  expect(sbatchArguments({ ...job, timeFactor: 2 }, settings)).toContain('--time=180');
  expect(sbatchArguments({ ...job, timeFactor: 2 }, settings, { most: 120, usual: 60 })).toContain(
    '--time=120',
  );
  expect(sbatchArguments({ ...job, timeLimitMs: 10 * 60_000 }, settings, { most: 5, usual: 5 })).toContain(
    '--time=5',
  );
  expect(sbatchArguments(job, SlurmConfig.parse({}), { most: 5, usual: 5 }).join(' ')).not.toContain(
    '--time',
  );
});
