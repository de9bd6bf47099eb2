import type { RunResult } from '../engine/run.js';
import { count } from './progress/event-text.js';
import { durationText } from '../engine/duration-text.js';
import { shownPlace } from './shown-place.js';

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
  if (counts.notStarted > 0) parts.push(`${counts.notStarted} not started`);
  const place = shownPlace(outputDir, cwd);
  const how = status === 'cancelled' && result.exitCode === 6 ? 'stopped by its time limit' : states[status];
  const lines = [`${workflow}: ${how} in ${durationText(ms)}: ${parts.join(', ')}`];
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

/** Directories of published files with their number, at most ten. */
function directoriesOf(published: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const path of published) {
    const directory = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.';
    counts.set(directory, (counts.get(directory) ?? 0) + 1);
  }
  const lines = [...counts].map(([directory, files]) => `${directory}/  ${count(files, 'file')}`);
  return lines.length > 10 ? [...lines.slice(0, 9), `... and ${lines.length - 9} more directories`] : lines;
}
