import type { Plan, PlanEntry } from '../engine/plan.js';
import { ConfigError } from '../errors.js';
import type { Range } from '../engine/estimate.js';
import { nearest } from '../nearest.js';
import { bytesText } from './bytes-text.js';
import { durationText } from '../engine/duration-text.js';
import { reasonText } from '../engine/reason-text.js';

/** One line per instance: what happens to it and why. */
export function planLines(entries: readonly PlanEntry[]): string[] {
  const width = Math.max(0, ...entries.map((entry) => entry.id.length));
  return entries.map((entry) => {
    const why = entry.reason === null ? (entry.because ?? '') : reasonText(entry.reason);
    return `${entry.action.padEnd(7)}  ${entry.id.padEnd(width)}  ${why}`.trimEnd();
  });
}

/** `3 to run, 10 to reuse, 2 may run`. */
export function planSummary(plan: Plan): string {
  const { counts } = plan;
  const parts = [`${counts.run} to run`, `${counts.reuse} to reuse`];
  if (counts['may-run'] > 0)
    parts.push(`${counts['may-run']} may run, which depends on what comes out above`);
  if (counts['not-run'] > 0) parts.push(`${counts['not-run']} will not run`);
  return `${plan.workflow}: ${parts.join(', ')}`;
}

/** What the run may take, from earlier runs; null when nothing is known. */
export function estimateText({ estimate }: Plan): string | null {
  if (estimate === null) return null;
  const { ms, bytes, unknown, freeBytes } = estimate;
  if (ms.most === 0) return null;
  const range = ({ least, most }: Range, text: (value: number) => string): string =>
    text(least) === text(most) ? text(most) : `${text(least)} to ${text(most)}`;
  const lines = [
    `by earlier runs: about ${range(ms, durationText)} and ${range(bytes, bytesText)} of results`,
  ];
  if (unknown.length > 0) {
    const named = unknown.slice(0, 5).join(', ') + (unknown.length > 5 ? ', ...' : '');
    lines.push(`  without ${named}, of which no earlier result is known`);
  }
  if (freeBytes !== null && bytes.most > freeBytes) {
    lines.push(
      `  only ${bytesText(freeBytes)} are free: choose another place with --cache-dir, or see cache gc`,
    );
  }
  return lines.join('\n');
}

export function planJson(plan: Plan, entries: readonly PlanEntry[]): string {
  const nodes = entries.map((entry) => ({
    id: entry.id,
    node: entry.nodeId,
    action: entry.action,
    reason: entry.reason,
    text: entry.reason === null ? entry.because : reasonText(entry.reason),
    key: entry.key,
  }));
  const { workflow, counts, estimate } = plan;
  const taken = estimate && {
    ms: estimate.ms,
    bytes: estimate.bytes,
    unknown: estimate.unknown,
    free_bytes: estimate.freeBytes,
  };
  return JSON.stringify({ workflow, counts, estimate: taken, nodes }, null, 2);
}

/**
 * The instances that a name means: one instance, or all of a node.
 *
 * @throws ConfigError USAGE with the nearest name when there is none
 */
export function entriesOf(plan: Plan, name: string): PlanEntry[] {
  const entries = plan.entries.filter((entry) => entry.id === name || entry.nodeId === name);
  if (entries.length > 0) return entries;
  const nodes = [...new Set(plan.entries.map((entry) => entry.nodeId))];
  const near = nearest(name, [...nodes, ...plan.entries.slice(0, 1000).map((entry) => entry.id)]);
  throw new ConfigError(
    'USAGE',
    `there is no node ${name}${near === null ? '' : `; did you mean ${near}?`}`,
    {
      cure:
        nodes.length > 0 ? `use one of ${nodes.slice(0, 20).join(', ')}` : `${plan.workflow} has no nodes`,
    },
  );
}
