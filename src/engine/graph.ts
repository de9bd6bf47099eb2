import { ConfigError } from '../errors.js';
import { checkTemplate } from './graph-check.js';
import type { NodeDefinition, Resources } from './node.js';
import type { Port } from './port.js';
import type { TemplateGraph, TemplateInput, TemplateNode, TemplatePublication } from './template.js';

/** Where the value of an input of one instance comes from. */
export type Binding =
  /** A literal: `value` as written travels to the node, `parsed` by the port's schema enters the key. */
  | { readonly kind: 'value'; readonly value: unknown; readonly parsed: unknown }
  /** A file outside the graph. */
  | { readonly kind: 'external'; readonly path: string }
  /** An output port of another instance. */
  | { readonly kind: 'output'; readonly instance: number; readonly port: string }
  /**
   * The same output port of many instances, in key order. `minItems` null: every member must be there.
   * Otherwise failed and skipped members are dropped while at least `minItems` remain.
   */
  | {
      readonly kind: 'join';
      readonly members: Int32Array;
      readonly keys: readonly string[];
      readonly port: string;
      readonly minItems: number | null;
    }
  /** `{ key, reason }[]` of the members without a result (skipped or failed), in key order; never fails itself. */
  | { readonly kind: 'dropped'; readonly members: Int32Array; readonly keys: readonly string[] }
  /** A list put together from single bindings. */
  | { readonly kind: 'list'; readonly items: readonly Binding[] };

/** One execution of a node: the node itself, or one item of a map. */
export interface Instance {
  /** Place in `CompiledGraph.instances`; never an identity across runs. */
  readonly index: number;
  /** Stable across runs: the node's id, with `[key]` for an item. */
  readonly id: string;
  /** Id of the node in the template graph. */
  readonly nodeId: string;
  readonly node: NodeDefinition;
  readonly itemKey: string | null;
  /** Every input port of the node has a binding. Bindings that instances share are one object. */
  readonly inputs: Readonly<Record<string, Binding>>;
  readonly resources: Resources;
}

/** Neighbours of instance i: `targets[offsets[i]] .. targets[offsets[i + 1] - 1]`, each once. */
export interface Adjacency {
  readonly offsets: Int32Array;
  readonly targets: Int32Array;
}

/** An output that is copied to a place in the output directory. */
export interface Publication {
  readonly instance: number;
  readonly port: string;
  /**
   * Relative to the output directory with `/`, or absolute inside it. For a list port it is the directory that
   * receives the files under their own names.
   */
  readonly target: string;
  /** Members of one group are published together after all of them completed. */
  readonly group: string | null;
}

/** The instances of a workflow and how they depend on each other; what planner and scheduler work on. */
export interface CompiledGraph {
  readonly name: string;
  /** In topological order: an instance depends only on those before it. */
  readonly instances: readonly Instance[];
  readonly dependencies: Adjacency;
  readonly dependents: Adjacency;
  readonly publications: readonly Publication[];
}

/**
 * Checks the wiring and unfolds the maps.
 *
 * @throws ConfigError with a GRAPH_ code; the message lists every problem of the stage that failed
 */
export function compileGraph(template: TemplateGraph): CompiledGraph {
  const checked = checkTemplate(template);
  const instances: Instance[] = [];
  const firstIndex = new Map<string, number>();
  for (const item of checked.order) {
    const keys = checked.keys.get(item.id) ?? null;
    firstIndex.set(item.id, instances.length);
    const unfold = new Unfolder(item, checked.keys, firstIndex);
    for (let i = 0; i < (keys?.length ?? 1); i += 1) {
      const itemKey = keys === null ? null : (keys[i] as string);
      instances.push({
        index: instances.length,
        id: itemKey === null ? item.id : `${item.id}[${itemKey}]`,
        nodeId: item.id,
        node: item.node,
        itemKey,
        inputs: unfold.inputs(i),
        resources: item.resources,
      });
    }
  }
  const dependencies = dependenciesOf(instances);
  return {
    name: template.name,
    instances,
    dependencies,
    dependents: reversed(dependencies),
    publications: unfoldPublications(template.publications, checked.keys, firstIndex),
  };
}

/** Bindings of one template node; those that all its instances share are made once. */
class Unfolder {
  readonly #shared = new Map<TemplateInput, Binding>();

  constructor(
    private readonly item: TemplateNode,
    private readonly keys: ReadonlyMap<string, readonly string[] | null>,
    private readonly firstIndex: ReadonlyMap<string, number>,
  ) {}

  inputs(i: number): Record<string, Binding> {
    const bindings: Record<string, Binding> = {};
    for (const [name, definition] of Object.entries(this.item.node.inputs)) {
      bindings[name] = this.#bind(this.item.inputs[name] ?? ABSENT, definition, i);
    }
    return bindings;
  }

  #bind(input: TemplateInput, definition: Port, i: number): Binding {
    if (input.kind === 'items') return bindLiteral(input.items[i] as TemplateInput, definition);
    if (input.kind === 'output' && this.keys.get(input.node) != null) {
      return { kind: 'output', instance: this.#first(input.node) + i, port: input.port };
    }
    let binding = this.#shared.get(input);
    if (binding === undefined) {
      binding = this.#bindShared(input, definition);
      // An absent input is one object for all ports, whose schemas differ.
      if (input !== ABSENT) this.#shared.set(input, binding);
    }
    return binding;
  }

  #bindShared(input: TemplateInput, definition: Port): Binding {
    switch (input.kind) {
      case 'output':
        return { kind: 'output', instance: this.#first(input.node), port: input.port };
      case 'join':
        return { kind: 'join', ...this.#members(input.node), port: input.port, minItems: input.minItems };
      case 'dropped':
        return { kind: 'dropped', ...this.#members(input.node) };
      case 'list': {
        const element = elementOf(definition);
        return { kind: 'list', items: input.items.map((part) => this.#bindShared(part, element)) };
      }
      case 'value':
      case 'external':
      case 'items':
        return bindLiteral(input, definition);
    }
  }

  #members(node: string): { members: Int32Array; keys: readonly string[] } {
    const keys = this.keys.get(node) ?? [];
    const first = this.#first(node);
    return { members: Int32Array.from(keys, (_key, i) => first + i), keys };
  }

  #first(node: string): number {
    return this.firstIndex.get(node) as number;
  }
}

const ABSENT: TemplateInput = { kind: 'value', value: undefined };

/** The port of one element: a value port that takes a list accepts the elements one by one, unparsed. */
function elementOf(definition: Port): Port {
  const required = definition.kind === 'optional' ? definition.of : definition;
  return required.kind === 'list' ? required.of : required;
}

function bindLiteral(input: TemplateInput, definition: Port): Binding {
  switch (input.kind) {
    case 'external':
      return { kind: 'external', path: input.path };
    case 'list':
      return { kind: 'list', items: input.items.map((part) => bindLiteral(part, elementOf(definition))) };
    case 'value':
      return { kind: 'value', value: input.value, parsed: parseLiteral(input.value, definition) };
    default:
      throw new ConfigError('INTERNAL', `an item cannot come from a ${input.kind}`);
  }
}

/** The value that the node will see; `checkTemplate` has parsed it before, so it is known to fit. */
function parseLiteral(value: unknown, definition: Port): unknown {
  switch (definition.kind) {
    case 'optional':
      return value === null || value === undefined ? null : parseLiteral(value, definition.of);
    case 'list':
      return (value as unknown[]).map((item) => parseLiteral(item, definition.of));
    case 'value':
      return definition.schema.parse(value);
    case 'file':
      throw new ConfigError('INTERNAL', 'a literal reached a file port');
  }
}

function unfoldPublications(
  publications: readonly TemplatePublication[],
  keys: ReadonlyMap<string, readonly string[] | null>,
  firstIndex: ReadonlyMap<string, number>,
): Publication[] {
  const unfolded: Publication[] = [];
  for (const { node, port, name, group } of publications) {
    const first = firstIndex.get(node) as number;
    const itemKeys = keys.get(node) ?? null;
    if (itemKeys === null) {
      unfolded.push({ instance: first, port, target: name as string, group });
    } else {
      const nameOf = name as (key: string) => string;
      itemKeys.forEach((key, i) => {
        unfolded.push({ instance: first + i, port, target: nameOf(key), group });
      });
    }
  }
  return unfolded;
}

function dependenciesOf(instances: readonly Instance[]): Adjacency {
  const offsets = new Int32Array(instances.length + 1);
  let targets = new Int32Array(Math.max(16, instances.length * 2));
  let length = 0;
  // `seen[j] === i + 1` says that edge i -> j is there already.
  const seen = new Int32Array(instances.length);
  const add = (from: number, to: number): void => {
    if (seen[to] === from + 1) return;
    seen[to] = from + 1;
    if (length === targets.length) {
      const larger = new Int32Array(targets.length * 2);
      larger.set(targets);
      targets = larger;
    }
    targets[length] = to;
    length += 1;
  };
  const visit = (from: number, binding: Binding): void => {
    if (binding.kind === 'output') add(from, binding.instance);
    else if (binding.kind === 'join' || binding.kind === 'dropped') {
      for (const member of binding.members) add(from, member);
    } else if (binding.kind === 'list') {
      for (const item of binding.items) visit(from, item);
    }
  };
  for (const instance of instances) {
    for (const name in instance.inputs) visit(instance.index, instance.inputs[name] as Binding);
    offsets[instance.index + 1] = length;
  }
  return { offsets, targets: targets.slice(0, length) };
}

function reversed({ offsets, targets }: Adjacency): Adjacency {
  const count = offsets.length - 1;
  const back = new Int32Array(count + 1);
  for (const to of targets) back[to + 1] = (back[to + 1] as number) + 1;
  for (let i = 0; i < count; i += 1) back[i + 1] = (back[i + 1] as number) + (back[i] as number);
  const next = back.slice(0, count);
  const sources = new Int32Array(targets.length);
  for (let from = 0; from < count; from += 1) {
    for (let e = offsets[from] as number; e < (offsets[from + 1] as number); e += 1) {
      const to = targets[e] as number;
      sources[next[to] as number] = from;
      next[to] = (next[to] as number) + 1;
    }
  }
  return { offsets: back, targets: sources };
}
