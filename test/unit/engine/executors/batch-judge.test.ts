import { expect, test } from 'vitest';
import { judgeSilentEnd } from '../../../../src/engine/executors/batch-judge.js';
import type { BatchJobState, BatchPhase } from '../../../../src/engine/executors/batch-scheduler.js';

const state = (phase: BatchPhase, word: string, rest: Partial<BatchJobState> = {}): BatchJobState => ({
  ...{
    jobId: '7',
    element: 0,
    token: null,
    phase,
    word,
    reason: '',
    release: null,
    exit: null,
    signal: null,
  },
  ...rest,
});

const judge = (given: BatchJobState | null, hasBegun: boolean, logTail = '') =>
  judgeSilentEnd({ state: given, title: 'SLURM', job: '7_0', hasBegun, logTail });

test.each([
  ['forgotten', judge(null, true), 'failed', 'node-lost'],
  ['forgotten before it began', judge(null, false), 'again', 'node-lost'],
  ['time limit', judge(state('timeout', 'TIMEOUT'), true), 'failed', 'timeout'],
  [
    'memory, told by the state',
    judge(state('out-of-memory', 'OUT_OF_MEMORY'), true),
    'failed',
    'out-of-memory',
  ],
  [
    'memory, told by the log',
    judge(
      state('failed', 'FAILED', { exit: 0, signal: 9 }),
      true,
      'slurmstepd: error: Exceeded job memory limit',
    ),
    'failed',
    'out-of-memory',
  ],
  ['cancelled by somebody', judge(state('cancelled', 'CANCELLED'), false), 'failed', 'error'],
  ['machine lost', judge(state('lost', 'NODE_FAIL'), true), 'failed', 'node-lost'],
  ['machine lost before it began', judge(state('lost', 'NODE_FAIL'), false), 'again', 'node-lost'],
  ['killed', judge(state('failed', 'FAILED', { exit: 0, signal: 9 }), true), 'failed', 'killed'],
  ['crashed', judge(state('failed', 'FAILED', { exit: 70, signal: 0 }), true), 'failed', 'crashed'],
  ['well, without a result', judge(state('completed', 'COMPLETED'), true), 'failed', 'crashed'],
])('%s', (_, judgement, kind, failureClass) => {
  expect(judgement).toMatchObject({ kind, failure: { failureClass } });
});

test.each([
  ['the log file could not be opened', { exit: 0, signal: 53 }, /did not find the cache/],
  ['the folder is not there', { exit: 81, signal: 0 }, /did not find the cache/],
  ['there is no Node.js', { exit: 82, signal: 0 }, /Node\.js or this package/],
  ['the package is not there', { exit: 83, signal: 0 }, /Node\.js or this package/],
])('where nothing can run: %s', (_, codes, message) => {
  const judgement = judge(state('failed', 'FAILED', codes), false);
  expect(judgement).toMatchObject({ kind: 'setup' });
  if (judgement.kind === 'setup') expect(judgement.message).toMatch(message);
});

test('the last line of the log is part of the message', () => {
  const judgement = judge(state('failed', 'FAILED', { exit: 1, signal: 0 }), true, 'first\nlast words\n');
  expect(judgement).toMatchObject({
    failure: { message: 'job 7_0 ended with exit code 1 and left no result: last words' },
  });
});
