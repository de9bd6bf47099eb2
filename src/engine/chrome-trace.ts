import type { TimedAttempt } from './timeline.js';

/**
 * A run in the Trace Event Format, which chrome://tracing, Perfetto and speedscope show: one bar per attempt, one row
 * per place among those that ran at the same time. Times in microseconds since the run began.
 *
 * @see https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 */
export function* chromeTrace(workflow: string, attempts: readonly TimedAttempt[]): Generator<string> {
  const name = { name: 'process_name', ph: 'M', pid: 1, args: { name: workflow } };
  yield `{"displayTimeUnit":"ms","traceEvents":[\n${JSON.stringify(name)}`;
  for (const { id, n, key, reason, startMs, endMs, lane, state } of attempts) {
    const bar = {
      name: id,
      cat: 'node',
      ph: 'X',
      pid: 1,
      tid: lane + 1,
      ts: Math.round(startMs * 1000),
      dur: Math.round((endMs - startMs) * 1000),
      args: { state, reason, attempt: n, key },
    };
    yield `,\n${JSON.stringify(bar)}`;
  }
  yield '\n]}\n';
}
