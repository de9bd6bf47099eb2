/** The bindings of one template node for each of its items; those that all items share are made once. */
import { ConfigError } from '../errors.js';
import type { Binding } from './graph.js';
import { positionsIn, type KeySpace } from './key-space.js';
import { spacesIn, type KnownSpaces } from './node-space.js';
import type { Port } from './port.js';
import type { TemplateInput, TemplateNode } from './template.js';

/** What is known of other nodes and of lists when a node is unfolded. */
export interface Unfolded extends KnownSpaces {
  /** Index of the first instance of a node. */
  first(node: string): number;
  /** Where a list comes from and at which places its elements stand, in key order; no places when it is lost. */
  list(expansion: string): { readonly instance: number; readonly port: string; readonly places: Int32Array };
}

const BUG = { cure: 'report it, with the workflow: this is a bug' } as const;
const ABSENT: TemplateInput = { kind: 'value', value: undefined };
/** For an item that never comes. */
const NOTHING: Binding = { kind: 'value', value: undefined, parsed: undefined };

/** The binding of one input for item i of a node. */
type Binder = (i: number) => Binding;

export class NodeUnfolding {
  readonly #shared = new Map<TemplateInput, Binding>();
  readonly #inputs: readonly (readonly [name: string, bind: Binder])[];
  readonly #conditions: readonly Binder[];

  /** @param space - what the node varies over; null when it runs once */
  constructor(
    private readonly item: TemplateNode,
    private readonly space: KeySpace | null,
    private readonly known: Unfolded,
  ) {
    this.#inputs = Object.entries(item.node.inputs).map(([name, definition]) => [
      name,
      this.#binder(item.inputs[name] ?? ABSENT, definition),
    ]);
    this.#conditions = (item.conditions ?? []).map((input) => this.#binder(input, null));
  }

  inputs(i: number): Record<string, Binding> {
    const bindings: Record<string, Binding> = {};
    for (const [name, bind] of this.#inputs) bindings[name] = bind(i);
    return bindings;
  }

  conditions(i: number): Binding[] {
    return this.#conditions.map((bind) => bind(i));
  }

  #binder(input: TemplateInput, definition: Port | null): Binder {
    const [space] = this.space === null ? [] : spacesIn(input, this.known);
    if (space !== undefined) return this.#itemBinder(input, definition, space);
    // Made when there is an item that needs it.
    return () => {
      let binding = this.#shared.get(input);
      if (binding === undefined) {
        binding = this.#bindShared(input, definition);
        // An absent input is one object for all ports, whose schemas differ.
        if (input !== ABSENT) this.#shared.set(input, binding);
      }
      return binding;
    };
  }

  /** Of an input that varies. */
  #itemBinder(input: TemplateInput, definition: Port | null, space: KeySpace): Binder {
    if (input.kind === 'list') {
      const element = definition === null ? null : elementOf(definition);
      const parts = input.items.map((part) => this.#binder(part, element));
      return (i) => ({ kind: 'list', items: parts.map((bind) => bind(i)) });
    }
    if (this.space?.isLost === true && !space.isLost) return () => NOTHING;
    const positions = positionsIn(this.space as KeySpace, space);
    const place = (i: number): number => (positions === null ? i : (positions[i] as number));
    switch (input.kind) {
      case 'items':
        return (i) => this.#bindShared(input.items[place(i)] as TemplateInput, definition);
      case 'expanded': {
        const { instance, port, places } = this.known.list(input.expansion);
        return (i) => {
          const at = places[place(i)];
          return at === undefined
            ? { kind: 'output', instance, port }
            : { kind: 'element', instance, port, at };
        };
      }
      case 'output': {
        const first = this.known.first(input.node);
        return (i) => outputBinding(input, first + place(i));
      }
      default:
        throw new ConfigError('INTERNAL', `a ${input.kind} does not vary`, BUG);
    }
  }

  #bindShared(input: TemplateInput, definition: Port | null): Binding {
    switch (input.kind) {
      case 'output':
        return outputBinding(input, this.known.first(input.node) + this.#itemOf(input));
      case 'join':
        return { kind: 'join', ...this.#members(input.node), port: input.port, minItems: input.minItems };
      case 'dropped':
        return { kind: 'dropped', ...this.#members(input.node) };
      case 'list': {
        const element = definition === null ? null : elementOf(definition);
        return { kind: 'list', items: input.items.map((part) => this.#bindShared(part, element)) };
      }
      case 'value':
      case 'external':
      case 'items':
      case 'expanded':
        return bindLiteral(input, definition);
    }
  }

  /** The place of the one item that an edge names; 0 where it names none. */
  #itemOf({ node, key }: Extract<TemplateInput, { kind: 'output' }>): number {
    if (key === undefined) return 0;
    const place = this.known.node(node)?.keys?.indexOf(key) ?? -1;
    if (place < 0)
      throw new ConfigError('GRAPH_KEYS', `${node} has no item '${key}'`, {
        where: this.item.id,
        cure: 'give both maps items of the same keys, or join the first one',
      });
    return place;
  }

  #members(node: string): { members: Int32Array; keys: readonly string[] } {
    const keys = this.known.node(node)?.keys ?? [];
    const first = this.known.first(node);
    return { members: Int32Array.from(keys, (_key, i) => first + i), keys };
  }
}

function outputBinding(
  { port, orNull }: Extract<TemplateInput, { kind: 'output' }>,
  instance: number,
): Binding {
  return orNull === true ? { kind: 'output', instance, port, orNull } : { kind: 'output', instance, port };
}

/** The port of one element: a value port that takes a list accepts the elements one by one, unparsed. */
function elementOf(definition: Port): Port {
  const required = definition.kind === 'optional' ? definition.of : definition;
  return required.kind === 'list' ? required.of : required;
}

function bindLiteral(input: TemplateInput, definition: Port | null): Binding {
  switch (input.kind) {
    case 'external':
      return { kind: 'external', path: input.path };
    case 'list': {
      const element = definition === null ? null : elementOf(definition);
      return { kind: 'list', items: input.items.map((part) => bindLiteral(part, element)) };
    }
    case 'value': {
      const parsed = definition === null ? input.value : parseLiteral(input.value, definition);
      return { kind: 'value', value: input.value, parsed };
    }
    default:
      throw new ConfigError('INTERNAL', `an item cannot come from a ${input.kind}`, BUG);
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
      throw new ConfigError('INTERNAL', 'a literal reached a file port', BUG);
  }
}
