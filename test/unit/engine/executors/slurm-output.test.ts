import { expect, test } from 'vitest';
import {
  elementsOf,
  judgeSbatch,
  parseConfig,
  parseSacct,
  parseScontrolJobs,
  parseSinfo,
  parseSqueue,
  phaseOf,
  tokenIn,
} from '../../../../src/engine/executors/slurm-output.js';

const TOKEN = 'nl0123456789ab';

test('every state of SLURM 22 to 25 is known, and a word of the future is told apart', () => {
  const words = [
    ...[
      'BOOT_FAIL',
      'CANCELLED',
      'COMPLETED',
      'CONFIGURING',
      'COMPLETING',
      'DEADLINE',
      'FAILED',
      'NODE_FAIL',
    ],
    ...['OUT_OF_MEMORY', 'PENDING', 'PREEMPTED', 'RUNNING', 'RESV_DEL_HOLD', 'REQUEUE_FED', 'REQUEUE_HOLD'],
    ...['REQUEUED', 'RESIZING', 'REVOKED', 'SIGNALING', 'SPECIAL_EXIT', 'STAGE_OUT', 'STOPPED', 'SUSPENDED'],
    'TIMEOUT',
  ];
  expect(words.filter((word) => phaseOf(word) === 'unknown')).toEqual([]);
  expect(phaseOf('CANCELLED by 1000')).toBe('cancelled');
  expect(phaseOf('CANCELLED+')).toBe('cancelled');
  expect(phaseOf('TELEPORTING')).toBe('unknown');
});

test('squeue: the token is read from the comment, else from the name; other lines are left out', () => {
  const text = [
    `12|0|RUNNING|None|fit.other|neuroloom token=${TOKEN}`,
    `12|1|PENDING|Resources|fit.${TOKEN}|(null)`,
    '77|N/A|RUNNING|None|interactive|a|b',
    'slurm_load_jobs error: something',
    '',
  ].join('\n');
  const common = { release: null, exit: null, signal: null };
  expect(parseSqueue(text)).toEqual([
    { ...common, jobId: '12', element: 0, token: TOKEN, phase: 'running', word: 'RUNNING', reason: 'None' },
    {
      ...common,
      jobId: '12',
      element: 1,
      token: TOKEN,
      phase: 'waiting',
      word: 'PENDING',
      reason: 'Resources',
    },
    { ...common, jobId: '77', element: null, token: null, phase: 'running', word: 'RUNNING', reason: 'None' },
  ]);
});

test.each([
  ['12|3|PENDING|JobHeldAdmin|fit|x', 'scontrol release 12_3'],
  ['12|3|REQUEUE_HOLD|None|fit|x', 'scontrol release 12_3'],
  ['12|N/A|PENDING|launch failed requeued held|fit|x', 'scontrol release 12'],
  ['12|3|PENDING|Priority|fit|x', null],
  ['12|3|RUNNING|JobHeldUser|fit|x', null],
])('a job that waits for its release: %s', (line, release) => {
  expect(parseSqueue(line)[0]?.release).toBe(release);
});

test('scontrol: exit codes, and one line for several elements that wait', () => {
  const text = [
    `JobId=3 ArrayJobId=1 ArrayTaskId=0 JobName=fit.${TOKEN} JobState=FAILED Reason=JobLaunchFailure Requeue=1 ExitCode=0:53 RunTime=00:00:00`,
    `JobId=1 ArrayJobId=1 ArrayTaskId=2,4-5%7 ArrayTaskThrottle=7 JobName=fit.${TOKEN} JobState=PENDING Reason=Resources ExitCode=0:0`,
  ].join('\n');
  const states = parseScontrolJobs(text);
  expect(states.map(({ jobId, element, phase }) => [jobId, element, phase])).toEqual([
    ['1', 0, 'failed'],
    ['1', 2, 'waiting'],
    ['1', 4, 'waiting'],
    ['1', 5, 'waiting'],
  ]);
  expect(states[0]).toMatchObject({ exit: 0, signal: 53, token: TOKEN, reason: 'JobLaunchFailure' });
});

test('sacct: elements, steps left out', () => {
  const text = `12_0|COMPLETED|0:0|fit.${TOKEN}\n12_0.batch|COMPLETED|0:0|batch\n12_[3-4%2]|CANCELLED by 0|0:0|fit.${TOKEN}\n13|TIMEOUT|0:15|x\n`;
  expect(parseSacct(text).map(({ jobId, element, phase }) => [jobId, element, phase])).toEqual([
    ['12', 0, 'completed'],
    ['12', 3, 'cancelled'],
    ['12', 4, 'cancelled'],
    ['13', null, 'timeout'],
  ]);
});

test.each([
  ['0-3', [0, 1, 2, 3]],
  ['5', [5]],
  ['1,3-7:2%4', [1, 3, 5, 7]],
  ['', []],
  ['x', []],
])('the elements %j', (text, elements) => {
  expect(elementsOf(text)).toEqual(elements);
});

test('a token is only taken where it stands alone', () => {
  expect(tokenIn('no token', `fit.${TOKEN}`)).toBe(TOKEN);
  expect(tokenIn(`x${TOKEN}`, `${TOKEN}0`, '')).toBeNull();
});

test('limits of the cluster: configuration and machines', () => {
  const config = parseConfig(
    'Configuration data as of 2026\nMaxArraySize            = 1001\nAccountingStorageType   = accounting_storage/none\n',
  );
  expect(config.get('MaxArraySize')).toBe('1001');
  expect(config.get('AccountingStorageType')).toBe('accounting_storage/none');
  expect(
    parseSinfo(
      '2|4096|gpu:1|test*|1:00:00|10:00\n64|515000+|gpu:a100:4(S:0-1),gpu:t4:2|gpu|2-12:00:00|n/a\n' +
        '8|1000|(null)|low|5:00|1:00:00\n8|1000|(null)|open|infinite|infinite\n',
    ),
  ).toEqual([
    { cpus: 2, memoryMb: 4096, gpus: 1, partition: 'test*', minutes: 60, usualMinutes: 10 },
    { cpus: 64, memoryMb: 515000, gpus: 6, partition: 'gpu', minutes: 3600, usualMinutes: 3600 },
    { cpus: 8, memoryMb: 1000, gpus: 0, partition: 'low', minutes: 5, usualMinutes: 5 },
    { cpus: 8, memoryMb: 1000, gpus: 0, partition: 'open', minutes: Infinity, usualMinutes: Infinity },
  ]);
});

const end = (exit: number | null, stdout: string, stderr: string, isTimedOut = false) =>
  judgeSbatch({ exit, stdout, stderr, isTimedOut });

test.each([
  ['a number', end(0, '4711\n', ''), { kind: 'accepted', jobId: '4711' }],
  ['a number with its cluster', end(0, '4711;alpha\n', 'sbatch: note'), { kind: 'accepted', jobId: '4711' }],
  ['no number', end(0, '', ''), { kind: 'unsure' }],
  ['ended by us', end(null, '', '', true), { kind: 'unsure' }],
  ['ended from outside', end(null, '', 'Terminated'), { kind: 'unsure' }],
  [
    'an answer that did not come',
    end(1, '', 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation'),
    { kind: 'unsure', text: 'Batch job submission failed: Socket timed out on send/recv operation' },
  ],
  [
    'a controller that is away',
    end(
      1,
      '',
      'sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)',
    ),
    { kind: 'unsure' },
  ],
  [
    'a full queue',
    end(
      1,
      '',
      "sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
    ),
    { kind: 'later' },
  ],
  [
    'the controller is full',
    end(1, '', 'sbatch: error: Batch job submission failed: Resource temporarily unavailable'),
    { kind: 'later' },
  ],
  [
    'an array that is too large',
    end(1, '', 'sbatch: error: Batch job submission failed: Invalid job array specification'),
    { kind: 'refused', because: 'array-size' },
  ],
  [
    'a wrong partition',
    end(1, '', 'sbatch: error: Batch job submission failed: Invalid partition name specified'),
    { kind: 'refused', because: 'request' },
  ],
  [
    'a policy that is not about the number of jobs',
    end(
      1,
      '',
      "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
    ),
    { kind: 'refused', because: 'request' },
  ],
])('sbatch: %s', (_, outcome, expected) => {
  expect(outcome).toMatchObject(expected);
});
