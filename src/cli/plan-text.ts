import type { Plan, PlanEntry } from '../engine/plan.js';
import { ConfigError } from '../errors.js';
import { nearest } from '../nearest.js';
import { reasonText } from './reason-text.js';

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

export function planJson(plan: Plan, entries: readonly PlanEntry[]): string {
  const nodes = entries.map((entry) => ({
    id: entry.id,
    node: entry.nodeId,
    action: entry.action,
    reason: entry.reason,
    text: entry.reason === null ? entry.because : reasonText(entry.reason),
    key: entry.key,
  }));
  return JSON.stringify({ workflow: plan.workflow, counts: plan.counts, nodes }, null, 2);
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
