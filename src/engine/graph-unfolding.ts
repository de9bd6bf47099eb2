/** Unfolds the maps of a checked wiring into instances: at once where items are known, else when their list is. */
import { posix } from 'node:path';
import { dependenciesOf, NO_EDGES, reversed, type Adjacency } from './adjacency.js';
import { failure, type NodeFailure } from './failure.js';
import type { CheckedTemplate } from './graph-check.js';
import type { Binding, CompiledGraph, Instance, OpenExpansion, Publication } from './graph.js';
import { axisSpace, lostSpace, wrongKeys, type KeySpace } from './key-space.js';
import { compareKeys } from './labels.js';
import { spaceOf } from './node-space.js';
import { NodeUnfolding, type Unfolded } from './node-unfolding.js';
import { whyNotPublishable } from './publication-check.js';
import type { AttemptLimits } from './retry.js';
import {
  edgesOf,
  sourcesOf,
  type TemplateExpansion,
  type TemplateGraph,
  type TemplateInput,
  type TemplateNode,
} from './template.js';

/** What has become of a list. */
interface KnownList {
  readonly space: KeySpace;
  /** Where the elements stand in the list, in key order. */
  readonly places: Int32Array;
  /** Why its elements cannot be items. */
  readonly wrong: NodeFailure | null;
}

const NO_PLACES = new Int32Array(0);
const NO_BINDINGS: readonly Binding[] = [];
const SHOWN_PROBLEMS = 5;

const NO_EXPANSIONS: readonly OpenExpansion[] = [];

export class GraphUnfolding implements CompiledGraph, Unfolded {
  readonly name: string;
  readonly instances: Instance[] = [];
  readonly publications: Publication[] = [];
  readonly refused = new Map<number, NodeFailure>();
  dependencies: Adjacency = NO_EDGES;
  dependents: Adjacency = NO_EDGES;
  deferred: readonly TemplateNode[];
  readonly #template: TemplateGraph;
  readonly #checked: CheckedTemplate;
  readonly #firstIndex = new Map<string, number>();
  readonly #spaces = new Map<string, KeySpace | null>();
  readonly #lists = new Map<string, KnownList>();
  readonly #openSpaces = new Map<string, KeySpace>();
  readonly #targets = new Map<string, string>();

  constructor(template: TemplateGraph, checked: CheckedTemplate) {
    this.name = template.name;
    this.#template = template;
    this.#checked = checked;
    this.deferred = checked.order;
    this.#unfold();
  }

  get expansions(): readonly OpenExpansion[] {
    // Asked for at the end of every instance.
    if (this.#checked.expansions.size === 0) return NO_EXPANSIONS;
    return [...this.#checked.expansions.values()]
      .filter(({ id, node }) => !this.#lists.has(id) && this.#firstIndex.has(node))
      .map(({ id, node, port }) => ({ id, instance: this.first(node), port }));
  }

  expand(expansion: string, items: readonly unknown[] | null): number {
    const definition = this.#checked.expansions.get(expansion);
    if (definition === undefined || this.#lists.has(expansion)) return 0;
    this.#lists.set(expansion, knownList(definition, items));
    const before = this.instances.length;
    this.#unfold();
    return this.instances.length - before;
  }

  raise(index: number, limits: AttemptLimits): void {
    this.instances[index] = { ...(this.instances[index] as Instance), ...limits };
  }

  node(id: string): KeySpace | null {
    return this.#spaces.get(id) ?? null;
  }

  expansion(id: string): KeySpace {
    const known = this.#lists.get(id)?.space ?? this.#openSpaces.get(id);
    if (known !== undefined) return known;
    const space = axisSpace(id, null);
    this.#openSpaces.set(id, space);
    return space;
  }

  first(node: string): number {
    return this.#firstIndex.get(node) as number;
  }

  list(expansion: string): { instance: number; port: string; places: Int32Array } {
    const { node, port } = this.#checked.expansions.get(expansion) as TemplateExpansion;
    return { instance: this.first(node), port, places: this.#lists.get(expansion)?.places ?? NO_PLACES };
  }

  /** Every node that waits for no list that is still to come. */
  #unfold(): void {
    const unfolded = new Set<string>();
    const deferred: TemplateNode[] = [];
    for (const item of this.deferred) {
      if (this.#isReady(item)) {
        this.#unfoldNode(item);
        unfolded.add(item.id);
      } else deferred.push(item);
    }
    this.deferred = deferred;
    this.#unfoldPublications(unfolded);
    this.dependencies = dependenciesOf(this.instances, this.dependencies);
    this.dependents = reversed(this.dependencies);
  }

  #isReady(item: TemplateNode): boolean {
    const { expansions } = this.#checked;
    // Where no list of the run decides, everything stands in its order.
    if (expansions.size === 0) return true;
    return edgesOf(item).every((input) => {
      for (const expansion of expansionsIn(input)) if (!this.#lists.has(expansion)) return false;
      for (const source of sourcesOf(input, expansions)) {
        if (!this.#firstIndex.has(source)) return false;
      }
      return true;
    });
  }

  #unfoldNode(item: TemplateNode): void {
    const first = this.instances.length;
    this.#firstIndex.set(item.id, first);
    const { space, wrong } = item.mapped ? this.#spaceOf(item) : { space: null, wrong: null };
    this.#spaces.set(item.id, space);
    const unfolding = new NodeUnfolding(item, space, this);
    const hasConditions = item.conditions !== undefined && item.conditions.length > 0;
    const keys: readonly (string | null)[] = space === null ? [null] : (space.keys ?? []);
    const { id, node, resources } = item;
    const timeoutMs = item.timeoutMs ?? node.timeoutMs;
    const retry = item.retry ?? node.retry;
    for (let i = 0; i < keys.length; i++) {
      const itemKey = keys[i] as string | null;
      this.instances.push({
        index: first + i,
        id: itemKey === null ? id : `${id}[${itemKey}]`,
        nodeId: id,
        node,
        itemKey,
        inputs: unfolding.inputs(i),
        conditions: hasConditions ? unfolding.conditions(i) : NO_BINDINGS,
        resources,
        timeoutMs,
        retry,
      });
    }
    if (wrong !== null) this.refused.set(first, wrong);
  }

  #spaceOf(item: TemplateNode): { space: KeySpace; wrong: NodeFailure | null } {
    const known = this.#checked.spaces.get(item.id);
    if (known?.keys != null) return { space: known, wrong: null };
    const combined = spaceOf(item, this);
    const axes = combined?.space.axes ?? [];
    if (combined?.ok === false) {
      const message = `the items of ${item.id} do not go together: ${combined.message}`;
      return { space: lostSpace(axes), wrong: keyFailure(message) };
    }
    const lists = Object.values(item.inputs).flatMap((input) => [...expansionsIn(input)]);
    const wrong = lists.map((id) => this.#lists.get(id)?.wrong ?? null).find((found) => found !== null);
    return { space: combined?.space ?? lostSpace(axes), wrong: wrong ?? null };
  }

  #unfoldPublications(nodes: ReadonlySet<string>): void {
    for (const { node, port, name, group } of this.#template.publications) {
      if (!nodes.has(node)) continue;
      const first = this.first(node);
      const space = this.node(node);
      if (space === null) this.#publish({ instance: first, port, target: name as string, group });
      else if (space.isLost) this.publications.push({ instance: first, port, target: node, group });
      else {
        const nameOf = name as (key: string) => string;
        (space.keys ?? []).forEach((key, i) => {
          this.#publish({ instance: first + i, port, target: nameOf(key), group });
        });
      }
    }
  }

  /** Names of items that the run made known could not be checked before. */
  #publish(publication: Publication): void {
    const { target, instance } = publication;
    this.publications.push(publication);
    if (this.#checked.expansions.size === 0) return;
    const place = posix.normalize(target);
    const other = this.#targets.get(place);
    const { id } = this.instances[instance] as Instance;
    this.#targets.set(place, id);
    const wrong = other === undefined ? whyNotPublishable(target) : `is also that of ${other}`;
    if (wrong === null || this.refused.has(instance)) return;
    this.refused.set(
      instance,
      failure('usage', 'GRAPH_PUBLISH', {
        message: `output name ${JSON.stringify(target)} of ${id} ${wrong}`,
        where: id,
        cure: 'name a file inside the output directory, another one for each item',
      }),
    );
  }
}

function* expansionsIn(input: TemplateInput): Generator<string> {
  if (input.kind === 'expanded') yield input.expansion;
  else if (input.kind === 'list' || input.kind === 'items') {
    for (const item of input.items) yield* expansionsIn(item);
  }
}

function knownList(definition: TemplateExpansion, items: readonly unknown[] | null): KnownList {
  const lost = { space: lostSpace([definition.id]), places: NO_PLACES };
  if (items === null) return { ...lost, wrong: null };
  const from = `${definition.node}.${definition.port}`;
  let keys: string[];
  try {
    keys = items.map((item) => definition.key(item));
  } catch (error) {
    return {
      ...lost,
      wrong: keyFailure(`the key of an element of ${from} could not be made: ${String(error)}`),
    };
  }
  const problems = wrongKeys(keys);
  if (problems.length > 0) {
    const shown = problems.slice(0, SHOWN_PROBLEMS).join('; ');
    return { ...lost, wrong: keyFailure(`elements of ${from} cannot be told apart: ${shown}`) };
  }
  const places = Int32Array.from(keys.keys()).sort((a, b) =>
    compareKeys(keys[a] as string, keys[b] as string),
  );
  const sorted = Array.from(places, (place) => keys[place] as string);
  return { space: axisSpace(definition.id, sorted), places, wrong: null };
}

function keyFailure(message: string): NodeFailure {
  return failure('usage', 'GRAPH_KEYS', {
    message,
    cure: 'give every element its own key in wf.expand, made of visible characters without / and \\',
  });
}
