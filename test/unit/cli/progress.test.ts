import { beforeEach, describe, expect, test } from 'vitest';
import { JsonLines } from '../../../src/cli/progress/jsonl.js';
import { PlainLines } from '../../../src/cli/progress/lines.js';
import { PrettyLines } from '../../../src/cli/progress/tty.js';
import type { Terminal } from '../../../src/cli/terminal.js';
import type { RunEvent } from '../../../src/engine/events.js';
import { fakeTerminal } from '../../support/terminal.js';

const QUIET = { verbose: false, debug: false };
const EVENTS: RunEvent[] = [
  { type: 'run-started', runId: 'r1', workflow: 'study', nodes: 12, jobs: 1 },
  { type: 'nodes-reused', ids: ['read[101]', 'read[100]'] },
  {
    type: 'node-started',
    id: 'fit',
    key: 'k',
    reason: { kind: 'input', port: 'volume', before: 'ab', after: 'cd' },
    attempt: 1,
  },
  { type: 'node-progress', id: 'fit', done: 1, total: 100, text: 'epoch' },
  { type: 'node-progress', id: 'fit', done: 2, total: 100, text: 'epoch' },
  { type: 'node-log', id: 'fit', level: 'info', message: 'quiet' },
  { type: 'node-log', id: 'fit', level: 'warn', message: 'odd \u001b[31mvalue\u001b[0m' },
  { type: 'node-progress', id: 'fit', done: 100, total: 100, text: null },
  { type: 'node-done', id: 'fit', key: 'k', ms: 1500, peakMb: 250, attempts: 1 },
  { type: 'node-waiting', id: 'read[102]', key: 'k' },
  { type: 'node-adopted', id: 'read[102]', key: 'k' },
  { type: 'node-cancelled', id: 'read[103]' },
  { type: 'node-skipped', id: 'read[104]', reason: 'missing file', reused: false },
  {
    type: 'node-skipped',
    id: 'fit[104]',
    reason: 'upstream skipped: read[104]: missing file',
    reused: false,
  },
  { type: 'warning', code: 'CACHE_CORRUPT', message: 'the index was rebuilt', cure: 'nothing to do' },
  {
    type: 'run-finished',
    runId: 'r1',
    status: 'done',
    counts: { total: 3, executed: 1, reused: 1, skipped: 1, failed: 0, notStarted: 0 },
    ms: 2000,
  },
];

let lines: string[] = [];
function terminal(hasColor = false): Terminal {
  return fakeTerminal({
    result: () => expect.unreachable('progress is no result'),
    note: (text) => void lines.push(text),
    hasColor,
  });
}
beforeEach(() => {
  lines = [];
});

describe('plain lines', () => {
  const at = new Date(2026, 2, 1, 14, 5, 9);

  test('what the end of a run left is one line, however many nodes it is; what a failure stands before is told', () => {
    const plain = new PlainLines(terminal(), QUIET, () => at);
    const left = (id: string): RunEvent => ({
      type: 'node-not-started',
      id,
      because: 'the run was cancelled',
      stopped: true,
    });
    plain.show({ type: 'node-not-started', id: 'join', because: 'fit failed', stopped: false });
    for (const id of ['read[105]', 'read[106]', 'read[107]']) plain.show(left(id));
    plain.show(EVENTS.at(-1)!);
    expect(lines).toEqual([
      '2026-03-01 14:05:09  warning  join  not started: fit failed',
      '2026-03-01 14:05:09  warning  3 nodes not started: the run was cancelled',
    ]);
  });

  test('are dated, one per change, at a steady pace, without control codes', () => {
    const renderer = new PlainLines(terminal(), QUIET, () => at);
    for (const event of EVENTS) renderer.show(event);
    const date = '2026-03-01 14:05:09  ';
    expect(lines).toEqual([
      `${date}study: 12 nodes, up to 1 worker`,
      `${date}fit  started: input volume changed: ab -> cd`,
      `${date}fit  1 of 100  epoch`,
      `${date}warning  fit  odd value`,
      `${date}fit  100 of 100`,
      `${date}fit  done in 1.5 s, peak 250 MB`,
      `${date}read[102]  waits: another run is working on it`,
      `${date}read[102]  finished by another run, taken over`,
      `${date}warning  read[103]  cancelled while it ran`,
      `${date}warning  read[104]  skipped: missing file`,
      `${date}warning  CACHE_CORRUPT  the index was rebuilt\n  mend: nothing to do`,
    ]);
  });

  test('show a progress line again after ten seconds', () => {
    let now = at;
    const renderer = new PlainLines(terminal(), QUIET, () => now);
    const progress = (done: number): RunEvent => ({
      type: 'node-progress',
      id: 'fit',
      done,
      total: 0,
      text: null,
    });
    renderer.show(progress(1));
    now = new Date(at.getTime() + 9_999);
    renderer.show(progress(2));
    now = new Date(at.getTime() + 10_000);
    renderer.show(progress(3));
    expect(lines.map((line) => line.slice(21))).toEqual(['fit  1', 'fit  3']);
  });

  test('with --verbose also say what is reused and what nodes say', () => {
    const renderer = new PlainLines(terminal(), { verbose: true, debug: false }, () => at);
    for (const event of EVENTS) renderer.show(event);
    expect(lines.map((line) => line.slice(21))).toEqual(
      expect.arrayContaining(['read[101]  reused\n  read[100]  reused', 'fit  quiet']),
    );
  });
});

describe('JSON lines', () => {
  test('hold every event with its time, and parse back to it', () => {
    const renderer = new JsonLines(terminal(), () => new Date(0));
    for (const event of EVENTS) renderer.show(event);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
      EVENTS.map((event) => ({ time: '1970-01-01T00:00:00.000Z', ...event })),
    );
  });
});

describe('pretty lines', () => {
  test('have a mark, the time since the start and how many nodes have ended', () => {
    let now = 1_000;
    const renderer = new PrettyLines(terminal(), QUIET, () => now);
    renderer.show(EVENTS[0]!);
    now += 67_000;
    renderer.show(EVENTS[1]!);
    renderer.show(EVENTS[8]!);
    renderer.show(EVENTS[12]!);
    expect(lines).toEqual([
      '· 0:00 study: 12 nodes, up to 1 worker',
      '✓ 1:07 [ 3/12] fit  done in 1.5 s, peak 250 MB',
      '! 1:07 [ 4/12] read[104]  skipped: missing file',
    ]);
  });

  test('colour the mark only where the terminal has colours', () => {
    const renderer = new PrettyLines(terminal(true), QUIET, () => 0);
    renderer.show(EVENTS[8]!);
    expect(lines[0]).toBe('\u001b[32m✓\u001b[0m 0:00 [1/0] fit  done in 1.5 s, peak 250 MB');
  });
});
