/**
 * Test only: ends this process with SIGKILL at a named moment, as a power cut or `kill -9` would. Active when
 * NEUROLOOM_TEST_KILL is `<point>` or `<point>:<n>` (at the n-th passage); otherwise it costs one comparison.
 */
export const KILL_POINTS = [
  'run-recorded',
  'attempt-recorded',
  'task-written',
  'node-started',
  'result-received',
  'before-object-rename',
  'after-object-rename',
  'before-commit',
  'after-commit',
  'before-publish',
  'publish-part-written',
  'publish-renamed',
  'before-run-finished',
] as const;

/** Passed only where jobs are submitted to a cluster. */
export const BATCH_KILL_POINTS = ['batch-recorded', 'batch-accepted', 'batch-known'] as const;

export type KillPoint = (typeof KILL_POINTS)[number] | (typeof BATCH_KILL_POINTS)[number];

const [wanted = '', nth = '1'] = (process.env['NEUROLOOM_TEST_KILL'] ?? '').split(':');
let left = Number(nth);

/** Ends the process here when a test asked for it. */
export function killPoint(point: KillPoint): void {
  if (wanted !== point || --left > 0) return;
  process.kill(process.pid, 'SIGKILL');
  // The signal may be delivered a moment later; nothing must happen until then.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10_000);
}
