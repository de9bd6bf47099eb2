import { ConfigError } from '../errors.js';
import { compileGraph, type CompiledGraph } from './graph.js';
import {
  Handle,
  Items,
  literalInput,
  Mapped,
  outputHandles,
  type AddedNode,
  type AddInputs,
  type DroppedItem,
  type JoinOptions,
  type MapInputs,
  type MappedNode,
  type OnlySingle,
  type Publishable,
} from './handle.js';
import { checkItemKey, compareKeys } from './labels.js';
import { wrongResource, type NodeDefinition, type Resources } from './node.js';
import type { Plan } from './plan.js';
import type { Ports } from './port.js';
import type { PlanRequest, RunRequest, RunResult } from './run.js';
import type { TemplateGraph, TemplateInput, TemplateNode, TemplatePublication } from './template.js';

export interface AddOptions {
  /** Default: the node's name. */
  readonly id?: string;
  /** Replaces single fields of the node's own request. */
  readonly resources?: Partial<Resources>;
}

export interface MapOptions extends AddOptions {
  /** Mapped inputs are matched by key. */
  readonly mode?: 'zip';
}

export interface PublishOptions {
  /** Members of one group appear together, after all of them completed. */
  readonly group?: string;
}

const WORKFLOW_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const NODE_ID = /^[A-Za-z][A-Za-z0-9_-]{0,99}$/;

/**
 * A graph of nodes, built by calls and run as a whole.
 *
 * Edges are checked by the compiler and again when the graph is compiled. Every wiring mistake is a ConfigError
 * whose code starts with GRAPH_.
 */
export class Workflow {
  readonly name: string;
  readonly #nodes: TemplateNode[] = [];
  readonly #keysOf = new Map<string, readonly string[]>();
  readonly #ids = new Set<string>();
  readonly #publications: TemplatePublication[] = [];
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
    entries.sort((a, b) => compareKeys(a.key, b.key));
    const problems: string[] = [];
    entries.forEach(({ key }, i) => {
      const wrong = checkItemKey(key);
      if (wrong !== null) problems.push(wrong);
      else if (i > 0 && entries[i - 1]?.key === key) problems.push(`key '${key}' appears more than once`);
    });
    if (problems.length > 0) {
      throw new ConfigError(
        'GRAPH_KEYS',
        `items of workflow ${this.name}: ${problems.slice(0, 5).join('; ')}`,
        {
          cure: 'give every item its own key, made of visible characters without / and \\',
        },
      );
    }
    return new Items(
      this,
      entries.map((entry) => entry.key),
      entries.map((entry) => entry.item),
    );
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
   * One instance of a node per key. Mapped inputs vary and are matched by key; all others are shared.
   *
   * @throws ConfigError GRAPH_KEYS when mapped inputs have different keys, or when nothing is mapped
   */
  map<I extends Ports, O extends Ports>(
    node: NodeDefinition<I, O>,
    inputs: MapInputs<I>,
    options: MapOptions = {},
  ): MappedNode<O> {
    const id = this.#register(node as unknown as NodeDefinition, inputs, true, options);
    const keys = this.#keysOf.get(id) ?? [];
    return {
      id,
      keys,
      out: outputHandles(
        node as unknown as NodeDefinition<Ports, O>,
        (port) => new Mapped(this, { kind: 'output', node: id, port }, keys),
      ) as MappedNode<O>['out'],
    };
  }

  /** The list of all items in key order, for a list port. */
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
    if (source.kind !== 'output') throw new ConfigError('GRAPH_EDGE', 'join: this handle is not mapped');
    return new Handle(this, { kind: 'join', node: source.node, port: source.port, minItems });
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
    return { name: this.name, nodes: [...this.#nodes], publications: [...this.#publications] };
  }

  /** Checks every edge and unfolds the maps. Kept until the next change. */
  compile(): CompiledGraph {
    this.#compiled ??= compileGraph(this.template());
    return this.#compiled;
  }

  /**
   * Runs the workflow: what has a result is reused, all else runs in worker processes. A failed node is part of the
   * result.
   *
   * @throws ConfigError GRAPH_ when the wiring is wrong, and what `runGraph` throws
   */
  async run(request: RunRequest): Promise<RunResult> {
    const graph = this.compile();
    // Loaded here, so that building and describing workflows needs no database and no process code.
    const { runGraph } = await import('./run.js');
    return runGraph(graph, request);
  }

  /** What `run` would do, and why; writes nothing. */
  async plan(request: PlanRequest): Promise<Plan> {
    const graph = this.compile();
    const { planGraph } = await import('./run.js');
    return planGraph(graph, request);
  }

  #register(
    node: NodeDefinition,
    inputs: Readonly<Record<string, unknown>>,
    mapped: boolean,
    options: AddOptions,
  ): string {
    const id = options.id ?? node.name;
    if (!NODE_ID.test(id)) {
      throw new ConfigError('GRAPH_DUPLICATE_ID', `node id '${id}' is not allowed`, {
        where: this.name,
        cure: 'use letters, digits, _ and -, starting with a letter',
      });
    }
    if (this.#ids.has(id)) {
      throw new ConfigError('GRAPH_DUPLICATE_ID', `workflow ${this.name} has two nodes with id '${id}'`, {
        where: id,
        cure: 'pass another id: wf.add(node, inputs, { id })',
      });
    }
    const resources = { ...node.resources, ...options.resources };
    const wrong = wrongResource(resources);
    if (wrong !== null) {
      throw new ConfigError('RESOURCES', `node ${id}: ${wrong}`, { where: id, cure: 'correct resources' });
    }
    const sources: Record<string, TemplateInput> = {};
    let keys: readonly string[] | null = null;
    for (const [port, value] of Object.entries(inputs)) {
      if (value === undefined) continue;
      const parts: readonly unknown[] = Array.isArray(value) ? value : [value];
      for (const part of parts) {
        if (part instanceof Handle || part instanceof Mapped) this.#own(part, `input ${port} of ${id}`);
      }
      if (value instanceof Mapped) keys ??= value.keys;
      sources[port] = value instanceof Mapped ? value.source : literalInput(value);
    }
    if (mapped && keys === null) {
      throw new ConfigError('GRAPH_KEYS', `map of ${id}: no input is mapped`, {
        where: id,
        cure: 'pass wf.items(...) or the output of another map, or use wf.add',
      });
    }
    this.#compiled = null;
    this.#ids.add(id);
    if (keys !== null) this.#keysOf.set(id, keys);
    this.#nodes.push({ id, node, mapped, inputs: sources, resources });
    return id;
  }

  #own(handle: Handle<unknown> | Mapped<unknown>, what: string): void {
    if (handle.owner === this) return;
    throw new ConfigError('GRAPH_EDGE', `${what}: the handle belongs to another workflow`, {
      where: this.name,
      cure: 'use handles of the same Workflow object',
    });
  }
}
