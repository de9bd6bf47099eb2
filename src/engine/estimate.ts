/** How long a planned run may take and how much it may leave on disk, from what earlier runs took. */
import type { CacheStore } from './cache-store.js';
import { freeBytes } from './file-system.js';
import type { CompiledGraph } from './graph.js';
import type { ResourceLimits } from './resource-pool.js';

/** What results of one node took: medians of the newest. */
export interface NodeHistory {
  readonly ms: number;
  readonly bytes: number;
}

/** `least`: what runs in any case. `most`: with everything that may run below it. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

export interface PlanEstimate {
  /** Until the run ends, ms. */
  readonly ms: Range;
  /** Results that it leaves in the cache; published copies come on top. */
  readonly bytes: Range;
  /** Nodes to run that no earlier run of the cache tells about: they count for nothing here. */
  readonly unknown: readonly string[];
  /** What is free where the cache is, bytes; null when the system does not tell. */
  readonly freeBytes: number | null;
}

/** Per instance of the graph, in order. */
export type Likelihood = 'runs' | 'may-run' | 'rests';

/**
 * @param actions - of the instances of the graph; more entries stand for nodes whose items are not known
 * @param deferred - names of the nodes whose items are not known
 * @returns null when nothing is to run
 */
export function estimateRun(given: {
  readonly graph: CompiledGraph;
  readonly store: Pick<CacheStore, 'nodeHistory' | 'directory'>;
  readonly limits: ResourceLimits;
  readonly actions: readonly Likelihood[];
  readonly deferred: readonly string[];
}): PlanEstimate | null {
  const { graph, store, limits, actions, deferred } = given;
  if (deferred.length === 0 && actions.every((action) => action === 'rests')) return null;
  const history = store.nodeHistory();
  const unknown = new Set(deferred);
  const least = new Load(graph, limits);
  const most = new Load(graph, limits);
  actions.forEach((action, index) => {
    const { node } = graph.instances[index] as CompiledGraph['instances'][number];
    const known = history.get(node.name);
    if (action !== 'rests' && known === undefined) unknown.add(node.name);
    least.add(index, action === 'runs' ? known : undefined);
    most.add(index, action === 'rests' ? undefined : known);
  });
  return {
    ms: { least: least.ms(), most: most.ms() },
    bytes: { least: least.bytes, most: most.bytes },
    unknown: [...unknown].sort(),
    freeBytes: freeBytes(store.directory),
  };
}

/**
 * How long instances take together, ms.
 *
 * @param msOf - what an instance takes, by its place in the graph; 0 when it does not run
 */
export function estimateLoad(
  graph: CompiledGraph,
  limits: ResourceLimits,
  msOf: (index: number) => number,
): number {
  const load = new Load(graph, limits);
  for (let index = 0; index < graph.instances.length; index++) {
    const ms = msOf(index);
    load.add(index, ms === 0 ? undefined : { ms, bytes: 0 });
  }
  return load.ms();
}

/** The work of instances that run side by side as far as they wait for each other and resources allow. */
class Load {
  bytes = 0;
  #work = 0;
  #cpuWork = 0;
  #longest = 0;
  /** When each instance ends if nothing but its inputs holds it up, ms. */
  readonly #ends: Float64Array;

  constructor(
    private readonly graph: CompiledGraph,
    private readonly limits: ResourceLimits,
  ) {
    this.#ends = new Float64Array(graph.instances.length);
  }

  /** In the order of the graph; undefined: it takes no time. */
  add(index: number, taken: NodeHistory | undefined): void {
    const { offsets, targets } = this.graph.dependencies;
    let end = taken?.ms ?? 0;
    let last = 0;
    for (let edge = offsets[index] as number; edge < (offsets[index + 1] as number); edge++) {
      last = Math.max(last, this.#ends[targets[edge] as number] as number);
    }
    end += last;
    this.#ends[index] = end;
    this.#longest = Math.max(this.#longest, end);
    if (taken === undefined) return;
    this.bytes += taken.bytes;
    this.#work += taken.ms;
    this.#cpuWork += taken.ms * (this.graph.instances[index]?.resources.cpus ?? 1);
  }

  ms(): number {
    const { jobs, cpus } = this.limits;
    return Math.max(this.#longest, this.#work / jobs, this.#cpuWork / cpus);
  }
}
