/** The question that plan and run ask of every instance: is there a result for its key, and if not, why not. */
import { ConfigError } from '../errors.js';
import type { CacheStore, FileFacts, LastAttempt, StoredResult } from './cache-store.js';
import { codeDigests } from './closure-digest.js';
import type { RunReason } from './events.js';
import {
  elementDigest,
  KeyMaker,
  outputDigest,
  type Fingerprint,
  type InputDigest,
  type KeySources,
} from './fingerprint.js';
import type { Binding, CompiledGraph, Instance } from './graph.js';
import { graphSignature } from './graph-signature.js';
import { externalPaths, type ExternalFacts } from './inputs.js';
import type { InstanceTable } from './instance-table.js';
import { OutputDigests } from './output-digests.js';
import { runReason, type Demand } from './run-reason.js';
import { probeTools } from './tool-probe.js';

export interface PlannerOptions {
  readonly graph: CompiledGraph;
  readonly table: InstanceTable;
  readonly store: CacheStore;
  readonly seed: number;
  /** Ids of nodes or instances that run whatever the cache holds. */
  readonly forceNodes: readonly string[];
  /** Every node runs whatever the cache holds. */
  readonly refresh: boolean;
  /** The run neither takes results from the cache nor leaves any there. */
  readonly noCache: boolean;
}

export type Assessment =
  | {
      readonly kind: 'reuse';
      readonly result: StoredResult;
      readonly adopted: boolean;
      readonly fingerprint: Fingerprint;
    }
  | { readonly kind: 'run'; readonly reason: RunReason; readonly fingerprint: Fingerprint };

/** A digest whose short text is made when somebody reads it. */
class KnownDigest implements InputDigest {
  constructor(
    readonly digest: string,
    readonly makeBrief: () => string,
  ) {}

  get brief(): string {
    return this.makeBrief();
  }
}

const NO_FACTS: ExternalFacts = new Map();
const NOT_CACHEABLE: Demand = { kind: 'not-cacheable' };

export class Planner {
  readonly #table: InstanceTable;
  readonly #store: CacheStore;
  readonly #keys: KeyMaker;
  readonly #forced: ReadonlySet<string>;
  readonly #refresh: boolean;
  readonly #noCache: boolean;
  /** Keys that were ordered anew, by instance: others with the same key take the result. */
  readonly #ordered = new Map<string, number>();
  readonly #outputDigests: OutputDigests;
  readonly #workflow: string;
  #lastAttempts: ReadonlyMap<string, LastAttempt> | null = null;
  /** Digests of files outside the graph, as keys were made of them. */
  readonly #usedFiles = new Map<string, string>();
  #hasFilesChanged = false;

  private constructor(options: PlannerOptions, keys: KeyMaker) {
    this.#table = options.table;
    this.#outputDigests = new OutputDigests(options.graph.instances.length);
    this.#store = options.store;
    this.#keys = keys;
    this.#forced = new Set(options.forceNodes);
    this.#refresh = options.refresh;
    this.#noCache = options.noCache;
    this.#workflow = options.graph.name;
  }

  /**
   * Digests the code of the nodes and asks the tools for their versions.
   *
   * @throws ConfigError USAGE when a forced node does not exist; RequirementError TOOL_MISSING
   */
  static async create(options: PlannerOptions): Promise<Planner> {
    const { instances, deferred } = options.graph;
    checkForced(options.forceNodes, options.graph);
    const nodes = new Set([...instances, ...deferred].map(({ node }) => node));
    const [code, tools] = await Promise.all([codeDigests(nodes), probeTools(nodes)]);
    const keys = new KeyMaker({
      seed: options.seed,
      code: (node) => code.get(node.module) ?? null,
      env: (name) => process.env[name] ?? null,
      tool: (name) => tools.get(name) ?? '',
    });
    return new Planner(options, keys);
  }

  /** Of the graph, with the files outside it as they are found to be; see {@link graphSignature}. */
  signature(): string | null {
    return graphSignature(this.#table.graph, this.#keys, (file) => {
      const known = this.#usedFiles.get(file) ?? this.#store.knownFile(file)?.digest ?? null;
      if (known !== null) this.#use(file, known);
      return known;
    });
  }

  /** The same with the files as they were used; null when one of them changed meanwhile. */
  signatureAsUsed(): string | null {
    if (this.#hasFilesChanged) return null;
    return graphSignature(this.#table.graph, this.#keys, (file) => this.#usedFiles.get(file) ?? null);
  }

  #use(file: string, digest: string): void {
    const before = this.#usedFiles.get(file);
    if (before === undefined) this.#usedFiles.set(file, digest);
    else if (before !== digest) this.#hasFilesChanged = true;
  }

  /** What is known of the files outside the graph; a promise only when one must be read. */
  facts(instance: Instance): ExternalFacts | Promise<ExternalFacts> {
    const paths = externalPaths(instance);
    if (paths.length === 0) return NO_FACTS;
    const facts = new Map<string, FileFacts>();
    const unread: string[] = [];
    for (const path of paths) {
      const known = this.#store.knownFile(path);
      if (known === null) unread.push(path);
      else {
        facts.set(path, known);
        this.#use(path, known.digest);
      }
    }
    if (unread.length === 0) return facts;
    return this.#readAll(unread, facts);
  }

  async #readAll(paths: readonly string[], facts: Map<string, FileFacts>): Promise<ExternalFacts> {
    for (const path of paths) {
      const known = await this.#store.hashFile(path);
      facts.set(path, known);
      this.#use(path, known.digest);
    }
    return facts;
  }

  /** Looks an instance up whose dependencies have all ended, so that it could run. */
  assess(index: number, facts: ExternalFacts): Assessment {
    const instance = this.#table.instance(index);
    const fingerprint = this.#keys.fingerprint(instance, this.#sources(facts));
    const demand = this.#demand(instance, fingerprint.key);
    const lookup = demand === null ? this.#store.lookup(fingerprint.key) : null;
    if (lookup?.outcome === 'hit') {
      this.#digestOutputs(index, instance, lookup.result);
      return { kind: 'reuse', result: lookup.result, adopted: lookup.adopted, fingerprint };
    }
    const why = this.#noCache ? NOT_CACHEABLE : (demand ?? lookup);
    if (why === null) throw new Error(`${instance.id} was neither asked for nor looked up`);
    const reason = runReason(this.#store, fingerprint, why, this.lastAttempt(instance.id));
    return { kind: 'run', reason: this.#withSource(reason, instance), fingerprint };
  }

  /** Whether a person asked for this instance to run: by its name, or all of them. */
  #demand({ id, nodeId, index }: Instance, key: string): Demand | null {
    const isNamed = this.#forced.has(id) || this.#forced.has(nodeId);
    if (!this.#refresh && !isNamed) return null;
    const first = this.#ordered.get(key);
    if (first === undefined) this.#ordered.set(key, index);
    if (first !== undefined && first !== index) return null;
    return { kind: 'forced', by: isNamed ? 'force-node' : 'refresh' };
  }

  /** An input of a join is known by its place; people know it by the instance that made it. */
  #withSource(reason: RunReason, instance: Instance): RunReason {
    if (reason.kind !== 'input') return reason;
    const [, port = '', place = '0'] = /^(.*?)(?:\[(\d+)\])?$/s.exec(reason.port) ?? [];
    const source = this.#sourceOf(instance.inputs[port], Number(place));
    return source === undefined ? reason : { ...reason, instance: this.#table.instance(source).id };
  }

  #sourceOf(binding: Binding | undefined, place: number): number | undefined {
    switch (binding?.kind) {
      case 'output':
      case 'element':
        return binding.instance;
      case 'join':
        return [...binding.members].filter((member) => this.#table.missing(member) === null)[place];
      case 'list':
        return this.#sourceOf(binding.items[place], 0);
      default:
        return undefined;
    }
  }

  /** The newest attempt of an instance in earlier runs of this workflow. */
  lastAttempt(id: string): LastAttempt | undefined {
    this.#lastAttempts ??= this.#store.lastAttempts(this.#workflow);
    return this.#lastAttempts.get(id);
  }

  #sources(facts: ExternalFacts): KeySources {
    return {
      output: (index, port) => this.#outputDigest(index, port),
      element: (index, port, at) =>
        elementDigest(this.#result(index), port, at, this.#table.instance(index).node),
      file: (path) => facts.get(path) as FileFacts,
      missing: (index) => this.#table.missing(index),
    };
  }

  #outputDigest(index: number, port: string): InputDigest {
    const known = this.#outputDigests.get(index, port);
    const brief = (): string => this.#makeOutputDigest(index, port).brief;
    if (known !== null) return new KnownDigest(known, brief);
    const { digest } = this.#makeOutputDigest(index, port);
    this.#outputDigests.set(index, port, digest);
    return new KnownDigest(digest, brief);
  }

  /** While the result is at hand; those that no other instance takes are left alone. */
  #digestOutputs(index: number, { node }: Instance, result: StoredResult): void {
    const { offsets } = this.#table.graph.dependents;
    if (offsets[index] === offsets[index + 1]) return;
    for (const port in result.outputs) {
      if (this.#outputDigests.get(index, port) !== null) continue;
      this.#outputDigests.set(index, port, outputDigest(result, port, node).digest);
    }
  }

  #makeOutputDigest(index: number, port: string): InputDigest {
    return outputDigest(this.#result(index), port, this.#table.instance(index).node);
  }

  #result(index: number): StoredResult {
    const result = this.#table.result(index);
    if (result === undefined) throw new Error(`${this.#table.instance(index).id} is done and has no result`);
    return result;
  }
}

function checkForced(forced: readonly string[], { instances, deferred }: CompiledGraph): void {
  if (forced.length === 0) return;
  const known = new Set<string>();
  for (const { id, nodeId } of instances) known.add(id).add(nodeId);
  for (const { id } of deferred) known.add(id);
  for (const name of forced) {
    // Items that the run makes known can be named before they are.
    if (known.has(name) || deferred.some(({ id, mapped }) => mapped && name.startsWith(`${id}[`))) continue;
    const nodes = [...new Set([...instances.map(({ nodeId }) => nodeId), ...deferred.map(({ id }) => id)])];
    throw new ConfigError('USAGE', `there is no node ${name} to force`, {
      cure: `use one of: ${nodes.slice(0, 20).join(', ')}${nodes.length > 20 ? ', ...' : ''}`,
    });
  }
}
