/** What a node would be given, from the results of the cache: for running it alone although it did not fail. */
import { ConfigError } from '../errors.js';
import type { CacheStore } from './cache-store.js';
import type { RerunRecord } from './crash-record.js';
import { expandLists } from './expand-lists.js';
import type { CompiledGraph, Instance } from './graph.js';
import { taskInputs } from './inputs.js';
import { InstanceTable, judge } from './instance-table.js';
import { Planner } from './planner.js';

/**
 * The task of one instance. Everything that it takes must be in the cache.
 *
 * @param id - of the instance: `fit[sub-03]`
 * @throws ConfigError USAGE when there is no such instance, it is skipped, or something above it has no result
 */
export async function rerunTask(
  graph: CompiledGraph,
  store: CacheStore,
  options: { readonly id: string; readonly run: string; readonly seed: number },
): Promise<RerunRecord> {
  const { id, run, seed } = options;
  const table = new InstanceTable(graph, store);
  const planner = await Planner.create({
    ...{ graph, table, store, seed },
    ...{ forceNodes: [], refresh: false, noCache: false },
  });
  let blocked: string | null = null;
  // Lists in the results add instances on the way.
  for (let index = 0; index < graph.instances.length; index += 1) {
    const instance = graph.instances[index] as Instance;
    const verdict = judge(table, instance);
    if (verdict.kind !== 'go') {
      const because = verdict.kind === 'fail' ? verdict.failure.message : whyNot(verdict);
      if (instance.id === id) throw notPossible(id, blocked ?? because);
      table.end(index, verdict.kind === 'skip' ? 'skipped' : 'not-started', because);
      continue;
    }
    const facts = await planner.facts(instance);
    const found = planner.assess(index, facts);
    if (instance.id === id) {
      const { node, resources } = instance;
      return {
        ...{ format: 1, run, id, node: node.name, version: node.version, key: found.fingerprint.key },
        task: {
          module: node.module,
          inputs: taskInputs(table, instance, facts),
          cpus: resources.cpus,
          seed,
        },
      };
    }
    if (found.kind === 'reuse') {
      table.finish(index, found.result);
      expandLists(table, index);
    } else {
      blocked ??= `${instance.id} has no result`;
      table.end(index, 'not-started', `${instance.id} has no result`);
    }
  }
  const nodeId = id.replace(/\[.*$/s, '');
  const items = graph.instances
    .filter((instance) => instance.nodeId === nodeId)
    .map((instance) => instance.id);
  throw new ConfigError('USAGE', `the workflow ${graph.name} has no node ${id}`, {
    cure:
      items.length > 0
        ? `name one item: ${items.slice(0, 5).join(', ')}${items.length > 5 ? ', ...' : ''}`
        : 'name node or node[key], as in `pipeline log`',
  });
}

function whyNot(verdict: Extract<ReturnType<typeof judge>, { kind: 'skip' | 'not-started' }>): string {
  return verdict.kind === 'skip' ? verdict.reason : verdict.because;
}

function notPossible(id: string, because: string): ConfigError {
  return new ConfigError('USAGE', `${id} cannot run alone: ${because}`, {
    cure: 'run the workflow first: what a node takes must be in the cache',
  });
}
