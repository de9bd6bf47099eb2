/** What a run would do, and why; the same questions as in a run, and nothing is written. */
import type { CacheStore } from './cache-store.js';
import { estimateRun, type Likelihood, type PlanEstimate } from './estimate.js';
import type { RunReason } from './events.js';
import { expandLists } from './expand-lists.js';
import { requestsOf, type Binding, type CompiledGraph, type Instance } from './graph.js';
import type { ExternalFacts } from './inputs.js';
import { InstanceTable, judge } from './instance-table.js';
import { Planner } from './planner.js';
import { checkRequests, type ResourceLimits } from './resource-pool.js';

/**
 * `may-run`: something above runs, and whether this runs depends on what that gives. `not-run`: it is skipped, or a
 * join has too few members.
 */
export type PlanAction = 'run' | 'reuse' | 'may-run' | 'not-run';

/** What a run would do with one instance, and why. */
export interface PlanEntry {
  readonly id: string;
  readonly nodeId: string;
  readonly action: PlanAction;
  /** Set for `run` and `may-run`. */
  readonly reason: RunReason | null;
  /** Set for `not-run`. */
  readonly because: string | null;
  /** Known unless something above runs. */
  readonly key: string | null;
}

/** What a run would do: every instance with its action and reason, counts, an estimate. */
export interface Plan {
  readonly workflow: string;
  readonly entries: readonly PlanEntry[];
  readonly counts: Readonly<Record<PlanAction, number>>;
  /** From earlier runs of the cache; null when nothing is to run. */
  readonly estimate: PlanEstimate | null;
}

export interface PlanOptions {
  readonly graph: CompiledGraph;
  readonly store: CacheStore;
  readonly seed: number;
  readonly forceNodes: readonly string[];
  readonly refresh: boolean;
  readonly noCache: boolean;
  readonly limits: ResourceLimits;
}

const LIKELIHOOD: Readonly<Record<PlanAction, Likelihood>> = {
  run: 'runs',
  'may-run': 'may-run',
  reuse: 'rests',
  'not-run': 'rests',
};

/** @throws RequirementError RESOURCES, TOOL_MISSING; ConfigError USAGE */
export async function makePlan(options: PlanOptions): Promise<Plan> {
  const { graph } = options;
  checkRequests(requestsOf(graph), options.limits);
  const table = new InstanceTable(graph, options.store);
  const planner = await Planner.create({ ...options, table });
  const open = new Set<number>();
  const entries: PlanEntry[] = [];
  const counts: Record<PlanAction, number> = { run: 0, reuse: 0, 'may-run': 0, 'not-run': 0 };
  let next = 0;
  // Instances wait for a promise only where the content of a file is not known.
  while (next < graph.instances.length) {
    const unread = options.store.lookTogether(planSome);
    if (unread !== null) add(await unread);
  }
  for (const { id, mapped } of graph.deferred) {
    counts['may-run']++;
    entries.push(unknownEntry(graph, id, mapped));
  }
  const estimate = estimateRun({
    graph,
    store: options.store,
    limits: options.limits,
    actions: entries.slice(0, graph.instances.length).map(({ action }) => LIKELIHOOD[action]),
    deferred: graph.deferred.map(({ node }) => node.name),
  });
  return { workflow: graph.name, entries, counts, estimate };

  function add(entry: PlanEntry): void {
    const index = entries.length;
    counts[entry.action]++;
    entries.push(entry);
    // Lists that are known already add instances on the way.
    if (!open.has(index)) expandLists(table, index);
  }

  /** Plans until a file must be read. */
  function planSome(): Promise<PlanEntry> | null {
    while (next < graph.instances.length) {
      const entry = planOne(graph.instances[next++] as Instance);
      if (entry instanceof Promise) return entry;
      add(entry);
    }
    return null;
  }

  function planOne(instance: Instance): PlanEntry | Promise<PlanEntry> {
    const { index, id, nodeId } = instance;
    const above = firstOpen(instance, open);
    if (above !== null) {
      open.add(index);
      const reason: RunReason = {
        kind: 'upstream',
        port: above.port,
        instance: table.instance(above.index).id,
      };
      return { id, nodeId, action: 'may-run', reason, because: null, key: null };
    }
    const verdict = judge(table, instance);
    if (verdict.kind !== 'go') {
      const because =
        verdict.kind === 'skip'
          ? verdict.reason
          : verdict.kind === 'fail'
            ? verdict.failure.message
            : verdict.because;
      table.end(index, verdict.kind === 'skip' ? 'skipped' : 'not-started', because);
      return { id, nodeId, action: 'not-run', reason: null, because, key: null };
    }
    const facts = planner.facts(instance);
    if (facts instanceof Promise) return facts.then((known) => assessed(instance, known));
    return assessed(instance, facts);
  }

  function assessed({ index, id, nodeId }: Instance, facts: ExternalFacts): PlanEntry {
    const found = planner.assess(index, facts);
    const { key } = found.fingerprint;
    if (found.kind === 'reuse') {
      table.finish(index, found.result);
      return { id, nodeId, action: 'reuse', reason: null, because: null, key };
    }
    open.add(index);
    return { id, nodeId, action: 'run', reason: found.reason, because: null, key };
  }
}

/** A node whose items are not known: one entry stands for all of them. */
function unknownEntry(graph: CompiledGraph, nodeId: string, mapped: boolean): PlanEntry {
  const [list] = graph.expansions;
  const reason: RunReason | null =
    list === undefined
      ? null
      : { kind: 'upstream', port: list.port, instance: graph.instances[list.instance]?.id ?? '' };
  const id = mapped ? `${nodeId}[*]` : nodeId;
  return { id, nodeId, action: 'may-run', reason, because: null, key: null };
}

function firstOpen(instance: Instance, open: ReadonlySet<number>): { port: string; index: number } | null {
  for (const port in instance.inputs) {
    const index = openIn(instance.inputs[port] as Binding, open);
    if (index >= 0) return { port, index };
  }
  for (const condition of instance.conditions) {
    const index = openIn(condition, open);
    if (index >= 0) return { port: 'of the condition', index };
  }
  return null;
}

function openIn(binding: Binding, open: ReadonlySet<number>): number {
  switch (binding.kind) {
    case 'value':
    case 'external':
      return -1;
    case 'output':
    case 'element':
      return open.has(binding.instance) ? binding.instance : -1;
    case 'join':
    case 'dropped':
      return binding.members.find((member) => open.has(member)) ?? -1;
    case 'list': {
      for (const item of binding.items) {
        const index = openIn(item, open);
        if (index >= 0) return index;
      }
      return -1;
    }
  }
}
