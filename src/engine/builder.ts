import { ConfigError } from '../errors.js';
import { compileGraph, type CompiledGraph } from './graph.js';
import {
  Handle,
  Items,
  literalInput,
  Mapped,
  MaybeMapped,
  outputHandles,
  type AddedNode,
  type AddInputs,
  type DroppedItem,
  type ExpandItem,
  type JoinOptions,
  type MapInputs,
  type MappedNode,
  type Maybe,
  type OnlySingle,
  type Publishable,
} from './handle.js';
import { axisSpace, wrongKeys, type KeySpace, type MapMode } from './key-space.js';
import { compareKeys } from './labels.js';
import { wrongResource, wrongTimeout, type NodeDefinition, type Resources } from './node.js';
import { combinedSpace, mappedInputs, spacesIn, type KnownSpaces } from './node-space.js';
import type { Plan } from './plan.js';
import type { Port, Ports } from './port.js';
import { wrongRetry, type RetryRule } from './retry.js';
import type { PlanRequest, RunRequest, RunResult } from './run.js';
import type { MappedOutputs, SubInputs, SubOutputs, Subworkflow } from './subworkflow.js';
import { templateUntil } from './template-until.js';
import type {
  TemplateContract,
  TemplateExpansion,
  TemplateGraph,
  TemplateInput,
  TemplateNode,
  TemplatePublication,
} from './template.js';

/** What a use of a node may set beside its inputs: id, resources, time limit, attempts. */
export interface AddOptions {
  /** Default: the node's name. */
  readonly id?: string;
  /** Replaces single fields of the node's own request. */
  readonly resources?: Partial<Resources>;
  /** Replaces the node's own time limit. */
  readonly timeoutMs?: number;
  /** Replaces the node's own rule. */
  readonly retry?: RetryRule;
}

/** What `wf.map` may set: how several varying inputs go together, and all of `AddOptions`. */
export interface MapOptions extends AddOptions {
  /**
   * `zip` (default): mapped inputs are matched by key. `cross`: every combination; inputs that come from one
   * `wf.items` or `wf.expand` still go together, and the keys of a combination are joined with a comma.
   */
  readonly mode?: MapMode;
}

/** Options of `wf.sub` and `wf.mapSub`. */
export interface SubOptions {
  /** Stands before the ids of the nodes inside, with a dot. Default: the name of the nested workflow. */
  readonly id?: string;
}

/** Options of `wf.publish`. */
export interface PublishOptions {
  /** Members of one group appear together, after all of them completed. */
  readonly group?: string;
}

const WORKFLOW_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const NODE_ID = /^[A-Za-z][A-Za-z0-9_-]{0,99}$/;

/** Where in the wiring calls stand: inside which nested workflow, under which conditions. */
interface Scope {
  readonly prefix: string;
  readonly conditions: readonly TemplateInput[];
  /** Inside a mapped nested workflow: what depends on mapped inputs is mapped too. */
  readonly isMapped: boolean;
}

/**
 * A graph of nodes, built by calls and run as a whole.
 *
 * Edges are checked by the compiler and again when the graph is compiled. Every wiring mistake is a ConfigError
 * whose code starts with GRAPH_.
 */
export class Workflow {
  readonly name: string;
  readonly #nodes: TemplateNode[] = [];
  readonly #spaces = new Map<string, KeySpace | null>();
  readonly #ids = new Set<string>();
  readonly #publications: TemplatePublication[] = [];
  readonly #expansions: TemplateExpansion[] = [];
  readonly #contracts: TemplateContract[] = [];
  readonly #known: KnownSpaces = {
    node: (id) => this.#spaces.get(id) ?? null,
    expansion: (id) => axisSpace(id, null),
  };
  #axes = 0;
  #scope: Scope = { prefix: '', conditions: [], isMapped: false };
  #compiled: CompiledGraph | null = null;

  /** @throws ConfigError WORKFLOW_DEFINITION when the name could not be a folder or a word on a command line */
  constructor(name: string) {
    if (!WORKFLOW_NAME.test(name)) {
      throw new ConfigError('WORKFLOW_DEFINITION', `workflow name '${name}' is not allowed`, {
        cure: 'use letters, digits, _ and -, starting with a letter',
      });
    }
    this.name = name;
  }

  /**
   * Items to map over, each with a stable key (the participant label); kept in key order.
   *
   * @throws ConfigError GRAPH_KEYS when a key is not allowed or appears twice
   */
  items<T>(list: readonly T[], options: { readonly key: (item: T) => string }): Items<T> {
    const entries = list.map((item) => ({ key: options.key(item), item }));
    const problems = wrongKeys(entries.map(({ key }) => key));
    if (problems.length > 0) {
      throw new ConfigError(
        'GRAPH_KEYS',
        `items of workflow ${this.name}: ${problems.slice(0, 5).join('; ')}`,
        {
          cure: 'give every item its own key, made of visible characters without / and \\',
        },
      );
    }
    entries.sort((a, b) => compareKeys(a.key, b.key));
    return new Items(
      this,
      `items ${++this.#axes}`,
      entries.map((entry) => entry.key),
      entries.map((entry) => entry.item),
    );
  }

  /**
   * Items that only the run knows: each element of a list that a node makes becomes an item, for `map` and `join`.
   *
   * @param list - output of a node that was added once: a list, or a value that is an array
   * @param options - `key` gives each element its stable key; a file is shown to it by name, size and digest
   */
  expand<T>(
    list: Handle<readonly T[]>,
    options: { readonly key: (item: ExpandItem<T>) => string },
  ): Mapped<T> {
    this.#own(list, 'expand');
    const { source } = list;
    if (source.kind !== 'output' || source.orNull === true || spacesIn(source, this.#known).length > 0) {
      throw new ConfigError('GRAPH_EDGE', 'expand: only a list that one node makes can be expanded', {
        where: this.name,
        cure: 'pass an output of wf.add; for items that are known now use wf.items, for those of a map the map itself',
      });
    }
    const id = `expansion ${this.#expansions.length + 1}`;
    this.#compiled = null;
    this.#expansions.push({
      id,
      node: source.node,
      port: source.port,
      key: options.key as (item: unknown) => string,
    });
    return new Mapped(this, { kind: 'expanded', expansion: id }, null);
  }

  /**
   * What `build` adds runs only when the flag is true; otherwise it is skipped, which is no failure.
   *
   * @param flag - truth value of a node; a mapped flag decides for each item of the maps inside
   * @returns what `build` returns, its handles marked as ones that may be null
   */
  when<R>(flag: Handle<boolean> | Mapped<boolean>, build: (wf: this) => R): Maybe<R> {
    this.#own(flag, 'when');
    if (flag.source.kind !== 'output') {
      throw new ConfigError('GRAPH_EDGE', 'when: only an output of a node can be a condition', {
        where: this.name,
        cure: 'pass a handle of node.out; what is known while the workflow is built is a matter of `if`',
      });
    }
    const conditions = [...this.#scope.conditions, flag.source];
    return this.#maybe(this.#within({ ...this.#scope, conditions }, () => build(this))) as Maybe<R>;
  }

  /** A nested workflow, once. The ids of its nodes begin with its own id and a dot. */
  sub<I extends Ports, O extends SubOutputs, const A extends AddInputs<I>>(
    part: Subworkflow<I, O>,
    inputs: A & AddInputs<I> & OnlySingle<A, I>,
    options: SubOptions = {},
  ): { readonly id: string; readonly out: O } {
    return this.#nest(part, inputs, options, false);
  }

  /** A nested workflow once per key: mapped inputs vary and are matched by key, all others are shared. */
  mapSub<I extends Ports, O extends SubOutputs>(
    part: Subworkflow<I, O>,
    inputs: MapInputs<I>,
    options: SubOptions = {},
  ): { readonly id: string; readonly out: MappedOutputs<O> } {
    const { id, out } = this.#nest(part, inputs, options, true);
    const mapped = Object.entries(out).map(([name, handle]) => {
      const [space] = spacesIn(handle.source, this.#known);
      if (space === undefined) {
        throw new ConfigError('GRAPH_KEYS', `output ${name} of ${id} does not depend on a mapped input`, {
          where: `${id}.${name}`,
          cure: 'make it outside of the nested workflow, or use wf.sub',
        });
      }
      return [name, new Mapped(this, handle.source, space.keys)] as const;
    });
    return { id, out: Object.fromEntries(mapped) as unknown as MappedOutputs<O> };
  }

  /** One instance of a node. */
  add<I extends Ports, O extends Ports, const A extends AddInputs<I>>(
    node: NodeDefinition<I, O>,
    inputs: A & AddInputs<I> & OnlySingle<A, I>,
    options: AddOptions = {},
  ): AddedNode<O> {
    const id = this.#register(node as unknown as NodeDefinition, inputs, false, options);
    return {
      id,
      out: outputHandles(
        node as unknown as NodeDefinition<Ports, O>,
        (port) => new Handle(this, { kind: 'output', node: id, port }),
      ) as AddedNode<O>['out'],
    };
  }

  /**
   * One instance of a node per key. Mapped inputs vary, matched by key or in every combination (`mode`); all
   * others are shared.
   *
   * @throws ConfigError GRAPH_KEYS when mapped inputs have different keys, or when nothing is mapped
   */
  map<I extends Ports, O extends Ports>(
    node: NodeDefinition<I, O>,
    inputs: MapInputs<I>,
    options: MapOptions = {},
  ): MappedNode<O> {
    if (this.#scope.isMapped) {
      throw new ConfigError(
        'GRAPH_KEYS',
        `map of ${node.name}: a nested workflow that is mapped cannot map itself`,
        {
          where: `${this.name}: ${this.#scope.prefix}${node.name}`,
          cure: 'map outside of it, with mode: cross where every combination is wanted',
        },
      );
    }
    const id = this.#register(node as unknown as NodeDefinition, inputs, true, options);
    const keys = this.#spaces.get(id)?.keys ?? null;
    return {
      id,
      keys,
      out: outputHandles(
        node as unknown as NodeDefinition<Ports, O>,
        (port) => new Mapped(this, { kind: 'output', node: id, port }, keys),
      ) as MappedNode<O>['out'],
    };
  }

  /**
   * The list of all items in key order, for a list port. What comes out of `wf.when` needs `minItems`, because
   * skipped items are left out.
   */
  join<T>(mapped: MaybeMapped<T>, options: JoinOptions & { readonly minItems: number }): Handle<T[]>;
  join<T>(mapped: Mapped<T>, options?: JoinOptions): Handle<T[]>;
  join<T>(mapped: Mapped<T>, options: JoinOptions = {}): Handle<T[]> {
    this.#own(mapped, 'join');
    const { source } = mapped;
    const minItems = options.minItems ?? null;
    if (minItems !== null && (!Number.isInteger(minItems) || minItems < 0)) {
      throw new ConfigError('GRAPH_EDGE', `join: minItems ${minItems} is not a whole number`, {
        cure: 'use 0 or more',
      });
    }
    if (source.kind === 'items') {
      if (minItems !== null && source.keys.length < minItems) {
        throw new ConfigError(
          'GRAPH_KEYS',
          `join: ${source.keys.length} item(s), need at least ${minItems}`,
          {
            cure: 'add items, or lower minItems',
          },
        );
      }
      return new Handle(this, { kind: 'list', items: source.items });
    }
    if (source.kind !== 'output') {
      throw new ConfigError('GRAPH_EDGE', 'join: this handle is not an output of a map', {
        where: this.name,
        cure: 'connect the list that was expanded itself',
      });
    }
    if (source.orNull === true && minItems === null) {
      throw new ConfigError('GRAPH_EDGE', `join: items of ${source.node} may be skipped`, {
        where: this.name,
        cure: 'say how many are enough: wf.join(mapped, { minItems: 0 })',
      });
    }
    return new Handle(this, { kind: 'join', node: source.node, port: source.port, minItems });
  }

  /**
   * One item of a mapped output, for maps over other items: with `items.select(...)` each item of a map can take what
   * belongs to it, and a list of picked handles is a join of some.
   *
   * @throws ConfigError GRAPH_KEYS when there is no such item, or when items are known at run time only
   */
  pick<T>(mapped: Mapped<T>, key: string): Handle<T> {
    this.#own(mapped, 'pick');
    const { source, keys } = mapped;
    if (source.kind !== 'output' || keys?.includes(key) !== true) {
      const shown =
        keys === null ? 'its items are known at run time only' : `it has ${keys.slice(0, 5).join(', ')}`;
      throw new ConfigError('GRAPH_KEYS', `pick: no item '${key}' of an output of a map; ${shown}`, {
        where: this.name,
        cure: 'name an item of a map over wf.items',
      });
    }
    return new Handle(this, { ...source, key });
  }

  /** A mapped output that is nothing (null) where its item was skipped, for an optional port: what takes it runs all the same. */
  orNull<T>(mapped: Mapped<T>): MaybeMapped<T> {
    this.#own(mapped, 'orNull');
    const { source, keys } = mapped;
    if (source.kind !== 'output') {
      throw new ConfigError('GRAPH_EDGE', 'orNull: only an output of a node can be skipped', {
        where: this.name,
        cure: 'pass an output of wf.map; items are always there',
      });
    }
    return new MaybeMapped(this, { ...source, orNull: true }, keys);
  }

  /** Which items of a mapped output have no result, with the reason; for the metadata of a join with `minItems`. */
  dropped(mapped: Mapped<unknown>): Handle<DroppedItem[]> {
    this.#own(mapped, 'dropped');
    if (mapped.source.kind !== 'output') return new Handle(this, { kind: 'value', value: [] });
    return new Handle(this, { kind: 'dropped', node: mapped.source.node });
  }

  /**
   * Copies an output file to a place below the output directory when the run has it.
   *
   * @param name - relative to the output directory, or absolute inside it; a directory for a list of files
   */
  publish(handle: Handle<Publishable>, name: string, options?: PublishOptions): void;
  publish(handle: Mapped<Publishable>, name: (key: string) => string, options?: PublishOptions): void;
  publish(
    handle: Handle<Publishable> | Mapped<Publishable>,
    name: string | ((key: string) => string),
    options: PublishOptions = {},
  ): void {
    this.#own(handle, 'publish');
    const { source } = handle;
    if (source.kind !== 'output') {
      throw new ConfigError('GRAPH_PUBLISH', 'only outputs of nodes can be published', {
        where: typeof name === 'string' ? name : this.name,
        cure: 'publish a handle of node.out',
      });
    }
    this.#compiled = null;
    this.#publications.push({ node: source.node, port: source.port, name, group: options.group ?? null });
  }

  /** The wiring as plain data. */
  template(): TemplateGraph {
    return {
      name: this.name,
      nodes: [...this.#nodes],
      publications: [...this.#publications],
      expansions: [...this.#expansions],
      contracts: [...this.#contracts],
    };
  }

  /**
   * Checks every edge and unfolds the maps. Kept until the next change, unless it grows in a run: then each call
   * gives a new one.
   *
   * @param until - only these nodes and what they need; none: all
   */
  compile(until: readonly string[] = []): CompiledGraph {
    if (until.length > 0) return compileGraph(templateUntil(this.template(), until));
    if (this.#compiled === null || this.#expansions.length > 0)
      this.#compiled = compileGraph(this.template());
    return this.#compiled;
  }

  /**
   * Runs the workflow: what has a result is reused, all else runs in worker processes. A failed node is part of the
   * result.
   *
   * @throws ConfigError GRAPH_ when the wiring is wrong, and what `runGraph` throws
   */
  async run(request: RunRequest): Promise<RunResult> {
    const graph = this.compile(request.until);
    // Loaded here, so that building and describing workflows needs no database and no process code.
    const { runGraph } = await import('./run.js');
    return runGraph(graph, request);
  }

  /** What `run` would do, and why; writes nothing. */
  async plan(request: PlanRequest): Promise<Plan> {
    const graph = this.compile(request.until);
    const { planGraph } = await import('./run.js');
    return planGraph(graph, request);
  }

  #register(
    node: NodeDefinition,
    inputs: Readonly<Record<string, unknown>>,
    mapped: boolean,
    options: AddOptions,
  ): string {
    const id = this.#claimId(options.id ?? node.name);
    const resources = { ...node.resources, ...options.resources };
    const { timeoutMs, retry } = options;
    const wrong = wrongResource(resources) ?? wrongRetry(retry ?? null) ?? wrongTimeout(timeoutMs ?? null);
    if (wrong !== null) {
      throw new ConfigError('RESOURCES', `node ${id}: ${wrong}`, {
        where: id,
        cure: 'correct the options of wf.add or wf.map',
      });
    }
    const sources: Record<string, TemplateInput> = {};
    for (const [port, value] of Object.entries(inputs)) {
      if (value !== undefined) sources[port] = this.#source(value, `input ${port} of ${id}`);
    }
    const { conditions, isMapped } = this.#scope;
    const item: TemplateNode = {
      id,
      node,
      mapped,
      ...('mode' in options && { mode: options.mode as MapMode }),
      inputs: sources,
      conditions,
      resources,
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(retry !== undefined && { retry }),
    };
    // Mapped conditions alone do not make a map: they need items to decide about.
    const varied = mappedInputs(item, this.#known);
    const isVaried = varied.some(({ isCondition }) => !isCondition);
    if (mapped && !isVaried) {
      throw new ConfigError('GRAPH_KEYS', `map of ${id}: no input is mapped`, {
        where: id,
        cure: 'pass wf.items(...) or the output of another map, or use wf.add',
      });
    }
    const placed = isMapped && isVaried ? { ...item, mapped: true } : item;
    this.#compiled = null;
    this.#ids.add(id);
    // What does not go together is told when the graph is compiled.
    this.#spaces.set(id, placed.mapped ? (combinedSpace(placed, varied)?.space ?? null) : null);
    this.#nodes.push(placed);
    return id;
  }

  #source(value: unknown, what: string): TemplateInput {
    const parts: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const part of parts) {
      if (part instanceof Handle || part instanceof Mapped) this.#own(part, what);
    }
    return value instanceof Mapped ? value.source : literalInput(value);
  }

  /** The whole id of a node or nested workflow here; @throws ConfigError GRAPH_DUPLICATE_ID */
  #claimId(own: string): string {
    if (!NODE_ID.test(own)) {
      throw new ConfigError('GRAPH_DUPLICATE_ID', `node id '${own}' is not allowed`, {
        where: this.name,
        cure: 'use letters, digits, _ and -, starting with a letter',
      });
    }
    const id = `${this.#scope.prefix}${own}`;
    if (this.#ids.has(id)) {
      throw new ConfigError('GRAPH_DUPLICATE_ID', `workflow ${this.name} has two nodes with id '${id}'`, {
        where: id,
        cure: 'pass another id: wf.add(node, inputs, { id })',
      });
    }
    return id;
  }

  #nest<I extends Ports, O extends SubOutputs>(
    part: Subworkflow<I, O>,
    inputs: Readonly<Record<string, unknown>>,
    options: SubOptions,
    isMapped: boolean,
  ): { readonly id: string; readonly out: O } {
    const id = this.#claimId(options.id ?? part.name);
    this.#ids.add(id);
    for (const name of Object.keys(inputs)) {
      if (Object.hasOwn(part.inputs, name)) continue;
      const cure = `inputs of ${part.name}: ${Object.keys(part.inputs).join(', ') || 'none'}`;
      throw new ConfigError('GRAPH_EDGE', `${id} has no input '${name}'`, { where: `${id}.${name}`, cure });
    }
    const handles: Record<string, Handle<unknown>> = {};
    for (const [name, port] of Object.entries(part.inputs)) {
      const input = this.#subInput(`${id}.${name}`, port, inputs[name]);
      this.#contracts.push({ where: `${id}.${name}`, input, port });
      handles[name] = new Handle(this, input);
    }
    if (isMapped && !Object.values(handles).some(({ source }) => spacesIn(source, this.#known).length > 0)) {
      throw new ConfigError('GRAPH_KEYS', `mapSub of ${id}: no input is mapped`, {
        where: id,
        cure: 'pass wf.items(...) or the output of a map, or use wf.sub',
      });
    }
    const { conditions } = this.#scope;
    const scope: Scope = { prefix: `${id}.`, conditions, isMapped: isMapped || this.#scope.isMapped };
    return { id, out: this.#within(scope, () => part.build(this, handles as SubInputs<I>)) };
  }

  #subInput(where: string, port: Port, value: unknown): TemplateInput {
    if (value !== undefined) return this.#source(value, `input ${where}`);
    if (port.kind === 'optional') return { kind: 'value', value: null };
    const parsed = port.kind === 'value' ? port.schema.safeParse(undefined) : null;
    if (parsed?.success === true) return { kind: 'value', value: parsed.data };
    throw new ConfigError('GRAPH_EDGE', `input ${where}: nothing is connected`, {
      where,
      cure: 'connect it, or give its port a default',
    });
  }

  #within<R>(scope: Scope, build: () => R): R {
    const outer = this.#scope;
    this.#scope = scope;
    let made: R;
    try {
      made = build();
    } finally {
      this.#scope = outer;
    }
    if (made instanceof Promise) {
      throw new ConfigError(
        'WORKFLOW_DEFINITION',
        'a part of a workflow is built by a function that does not wait',
        {
          where: this.name,
          cure: 'do what takes time before, and pass a function that is not async',
        },
      );
    }
    return made;
  }

  /** The same structure with handles of what may have been skipped. */
  #maybe(made: unknown): unknown {
    if (made instanceof Handle || made instanceof Mapped) {
      const { source } = made;
      if (source.kind !== 'output') {
        throw new ConfigError('GRAPH_EDGE', 'when: only outputs of nodes can leave a condition', {
          where: this.name,
          cure: 'return handles of node.out, and join them outside: wf.join(mapped, { minItems })',
        });
      }
      const maybe: TemplateInput = { ...source, orNull: true };
      return made instanceof Handle ? new Handle(this, maybe) : new MaybeMapped(this, maybe, made.keys);
    }
    if (Array.isArray(made)) return made.map((part) => this.#maybe(part));
    if (typeof made !== 'object' || made === null) return made;
    return Object.fromEntries(Object.entries(made).map(([name, part]) => [name, this.#maybe(part)]));
  }

  #own(handle: Handle<unknown> | Mapped<unknown>, what: string): void {
    if (handle.owner === this) return;
    throw new ConfigError('GRAPH_EDGE', `${what}: the handle belongs to another workflow`, {
      where: this.name,
      cure: 'use handles of the same Workflow object',
    });
  }
}
