/** The log of a run that never ran, for reports: as many participants as wanted, one failure, one skip, one warning. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunEvent } from '../../src/engine/events.js';

export const RUN_ID = '20260301-140509-abcdef';

export function writeLoggedRun(outputDir: string, participants: number, runId = RUN_ID): void {
  const directory = join(outputDir, 'logs', runId);
  mkdirSync(directory, { recursive: true });
  const write = (name: string, content: unknown): void =>
    writeFileSync(join(directory, name), `${JSON.stringify(content)}\n`);
  const began = Date.parse('2026-03-01T14:05:09.000Z');
  const labels = Array.from({ length: participants }, (_, i) => `sub-${String(i + 1).padStart(3, '0')}`);
  const events: [seconds: number, event: RunEvent][] = [
    [0, { type: 'run-started', runId, workflow: 'letters', nodes: participants + 1, jobs: 2 }],
    [0.1, { type: 'warning', code: 'LINK', message: 'a <link> & more', cure: 'look at it' }],
  ];
  labels.forEach((label, i) => {
    const id = `count[${label}]`;
    const reason = { kind: 'input', port: 'text', before: 'ab12', after: 'cd34' } as const;
    if (i % 5 === 4) {
      events.push([i, { type: 'nodes-reused', ids: [id] }]);
      return;
    }
    events.push([i, { type: 'node-started', id, key: 'k', reason, attempt: 1 }]);
    if (i === 1) events.push([i + 0.5, failure(id)]);
    else if (i === 2) events.push([i + 0.5, { type: 'node-skipped', id, reason: 'no file', reused: false }]);
    else events.push([i + 1, { type: 'node-done', id, key: 'k', ms: 900 + i, peakMb: 80 + i, attempts: 1 }]);
  });
  events.push([participants + 1, { type: 'published', path: 'letters.tsv', id: 'collect', fresh: true }]);
  const counts = { total: participants + 1, executed: 3, reused: 1, skipped: 1, failed: 1, notStarted: 0 };
  events.push([
    participants + 2,
    { type: 'run-finished', runId, status: 'done-with-failures', counts, ms: (participants + 2) * 1000 },
  ]);
  const lines = events.map(([at, event]) =>
    JSON.stringify({ time: new Date(began + at * 1000).toISOString(), ...event }),
  );
  writeFileSync(join(directory, 'events.jsonl'), `${lines.join('\n')}\n{"time":"2026`);
  write('run.json', {
    run_id: runId,
    workflow: 'letters',
    version: '0.1.0',
    argv: ['run', '-w', 'letters', '--set', 'letters.word=two words'],
    cwd: '/data',
    host: 'here',
    pid: 1,
    pid_start: '1',
    started: new Date(began).toISOString(),
    ended: new Date(began + 9000).toISOString(),
    status: 'done-with-failures',
    exit_code: 4,
    counts: null,
    cache: '/cache',
  });
  write('parameters.json', [
    { key: 'letters.word', value: 'two words', isDefault: false, origin: '--set letters.word' },
    { key: 'letters.min', value: 2, isDefault: true, origin: 'default' },
  ]);
  write('graph.json', {
    workflow: 'letters',
    nodes: [
      { id: 'count', name: 'count', version: 1, mapped: true, items: participants, publishes: [] },
      { id: 'collect', name: 'collect', version: 1, mapped: false, items: null, publishes: ['letters.tsv'] },
    ],
    edges: [{ from: 'count', to: 'collect', port: 'tables', kind: 'gather' }],
  });
  writeFileSync(join(outputDir, 'letters.tsv'), 'participant\tletters\nsub-001\t3\nsub-002\tn/a\n');
}

function failure(id: string): RunEvent {
  return {
    type: 'node-failed',
    id,
    failureClass: 'error',
    code: 'FILE_CORRUPT',
    message: 'the file <b>ends</b> early',
    where: 'in/text.txt',
    cure: 'copy it again',
    stack: null,
    ms: 500,
    logTail: 'last words \u001b[31mred\u001b[0m',
    logPath: null,
    crashPath: null,
    rerun: "pipeline rerun 'count[sub-002]' -o out",
    attempts: 2,
    allowed: true,
  };
}
