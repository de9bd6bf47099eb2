import type { RunResult } from '../engine/run.js';
import { isUpstreamSkip } from '../engine/skip-reason.js';
import { count } from './progress/event-text.js';
import { durationText } from '../engine/duration-text.js';
import { shownPlace } from './shown-place.js';
import { withoutControlCodes } from './terminal.js';

/** Skipped nodes that the last lines name. */
const NAMED = 5;
/** Rows of the table of nodes. */
const ROWS = 20;
/** Numbers by value: `sub-2` before `sub-10`. */
const IN_ORDER = new Intl.Collator('en', { numeric: true });

/** The last lines of a run: how it ended, what ran and what was reused, where the outputs are. */
export function runSummary(
  workflow: string,
  result: RunResult,
  ms: number,
  outputDir: string,
  cwd: string,
): string {
  const { counts, status, published, runId } = result;
  const states = {
    done: 'done',
    'done-with-failures': 'done, but not everything succeeded',
    failed: 'failed',
    cancelled: 'stopped',
  };
  const parts = [`${counts.executed} run`, `${counts.reused} reused`];
  const retried = result.nodes.filter((node) => node.state === 'executed' && node.attempts > 1).length;
  if (retried > 0) parts[0] += ` (${retried} after a failed attempt)`;
  if (counts.skipped > 0) parts.push(`${counts.skipped} skipped`);
  if (counts.failed > 0) parts.push(`${counts.failed} failed`);
  const cancelled = result.nodes.filter(({ state }) => state === 'cancelled').length;
  if (cancelled > 0) parts.push(`${cancelled} cancelled`);
  if (counts.notStarted > cancelled) parts.push(`${counts.notStarted - cancelled} not started`);
  const place = shownPlace(outputDir, cwd);
  const how = status === 'cancelled' && result.exitCode === 6 ? 'stopped by its time limit' : states[status];
  const lines = [`${workflow}: ${how} in ${durationText(ms)}: ${parts.join(', ')}`];
  lines.push(...nodeTable(result));
  if (counts.skipped > 0) lines.push(...skippedLines(result));
  if (published.length > 0) {
    lines.push(`  outputs: ${count(published.length, 'file')} in ${place}`);
    for (const directory of directoriesOf(published)) lines.push(`    ${directory}`);
  }
  lines.push(`  log: ${place === '.' ? '' : `${place}/`}logs/${runId}`);
  if (status === 'failed' || status === 'cancelled') {
    lines.push('  the same command goes on from here: what is finished will not run again');
  }
  return lines.join('\n');
}

const COLUMNS = [
  ['run', ['executed']],
  ['reused', ['reused']],
  ['skipped', ['skipped']],
  ['failed', ['failed']],
  ['cancelled', ['cancelled']],
  ['not started', ['not-started']],
] as const;

/** A row for each node of the workflow, in the order of the graph; nothing when there is one node or all was reused. */
function nodeTable({ counts, nodes }: RunResult): string[] {
  if (counts.reused === counts.total) return [];
  const byNode = new Map<string, Map<string, number>>();
  for (const { nodeId, state } of nodes) {
    const row = byNode.get(nodeId) ?? new Map<string, number>();
    row.set(state, (row.get(state) ?? 0) + 1);
    byNode.set(nodeId, row);
  }
  if (byNode.size < 2) return [];
  const rows = [...byNode].map(([id, row]) => ({
    id,
    cells: COLUMNS.map(([, states]) => states.reduce((sum, state) => sum + (row.get(state) ?? 0), 0)),
  }));
  const used = COLUMNS.map(([title], at) => ({ title, at })).filter(({ at }) =>
    rows.some(({ cells }) => (cells[at] as number) > 0),
  );
  const shown = rows.length > ROWS ? rows.slice(0, ROWS - 1) : rows;
  const width = Math.max('node'.length, ...shown.map(({ id }) => id.length));
  const line = (id: string, cells: readonly string[]): string =>
    `  ${id.padEnd(width)}${cells.map((cell, i) => `  ${cell.padStart((used[i] as { title: string }).title.length)}`).join('')}`;
  const lines = shown.map(({ id, cells }) =>
    line(
      id,
      used.map(({ at }) => (cells[at] === 0 ? '' : String(cells[at]))),
    ).trimEnd(),
  );
  if (rows.length > shown.length) lines.push(`  ... and ${rows.length - shown.length} more nodes`);
  return [
    line(
      'node',
      used.map(({ title }) => title),
    ),
    ...lines,
  ];
}

/** What was skipped for a reason of its own, at most five: a participant that is missing is not lost among other lines. */
function skippedLines({ nodes }: RunResult): string[] {
  const own = nodes.filter(({ state, because }) => state === 'skipped' && !isUpstreamSkip(because ?? ''));
  const lines = own
    .slice(0, NAMED)
    .map(({ id, because }) => `  skipped: ${id}: ${withoutControlCodes(because ?? '')}`);
  return own.length > NAMED ? [...lines, `  ... and ${own.length - NAMED} more skipped`] : lines;
}

/** Directories of published files with their number, at most ten. */
function directoriesOf(published: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const path of published) {
    const directory = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.';
    counts.set(directory, (counts.get(directory) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([a], [b]) => IN_ORDER.compare(a, b));
  const lines = sorted.map(([directory, files]) => `${directory}/  ${count(files, 'file')}`);
  return lines.length > 10 ? [...lines.slice(0, 9), `... and ${lines.length - 9} more directories`] : lines;
}
