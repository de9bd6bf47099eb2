import { expect, test } from 'vitest';

import { runSummary } from '../../../src/cli/summary.js';
import type { RunResult } from '../../../src/engine/run.js';

const node = (id: string, because: string | null) => ({
  id,
  nodeId: id.replace(/[[ ].*/, ''),
  state: because === null ? ('executed' as const) : ('skipped' as const),
  reason: null,
  key: null,
  error: null,
  because,
  attempts: 1,
});

function summaryOf(missing: number): string[] {
  const ids = Array.from({ length: missing }, (_, i) => `read[${i}]`);
  const result: RunResult = {
    runId: 'r1',
    status: 'done',
    counts: {
      total: 2 * missing + 1,
      executed: 1,
      reused: 0,
      skipped: 2 * missing,
      failed: 0,
      notStarted: 0,
    },
    nodes: [
      node('collect', null),
      ...ids.map((id) => node(id, `no\u001b[31m file`)),
      ...ids.map((id) => node(`fit of ${id}`, `upstream skipped: ${id}: no file`)),
    ],
    published: ['sub-10/a.tsv', 'sub-2/a.tsv', 'all.tsv'],
    exitCode: 0,
  };
  return runSummary('study', result, 1000, '/data/out', '/data').split('\n');
}

test('the last lines name what was skipped for a reason of its own, and directories in order', () => {
  expect(summaryOf(1)).toEqual([
    'study: done in 1.0 s: 1 run, 0 reused, 2 skipped',
    '  node     run  skipped',
    '  collect    1',
    '  read                1',
    '  fit                 1',
    '  skipped: read[0]: no file',
    '  outputs: 3 files in out',
    '    ./  1 file',
    '    sub-2/  1 file',
    '    sub-10/  1 file',
    '  log: out/logs/r1',
  ]);
  const many = summaryOf(7).filter((line) => line.includes('skipped'));
  expect(many).toHaveLength(8);
  expect(many.at(-1)).toBe('  ... and 2 more skipped');
});

test('the table of nodes ends where it is no longer read, and a run of one node has none', () => {
  const result = (ids: readonly string[]): RunResult => ({
    runId: 'r1',
    status: 'done',
    counts: { total: 30, executed: 30, reused: 0, skipped: 0, failed: 0, notStarted: 0 },
    nodes: ids.map((id) => node(id, null)),
    published: [],
    exitCode: 0,
  });
  const lines = (ids: readonly string[]): string[] =>
    runSummary('study', result(ids), 1000, '/o', '/').split('\n');
  const many = lines(Array.from({ length: 30 }, (_, i) => `step_${i}`));
  expect(many).toHaveLength(1 + 1 + 19 + 1 + 1);
  expect(many.at(-2)).toBe('  ... and 11 more nodes');
  expect(lines(['read[1]', 'read[2]'])).toHaveLength(2);
});
