import type { MapMode } from './key-space.js';
import type { NodeDefinition, Resources } from './node.js';
import type { Port } from './port.js';
import type { RetryRule } from './retry.js';

/** Where the input of a template node comes from. Plain data: also what a plugin or a file may bring. */
export type TemplateInput =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'external'; readonly path: string }
  /**
   * An output of another node; of a mapped node the output of the same key. `orNull`: nothing (null) instead of being
   * skipped too, when the other node is skipped. `key`: that of this one item of a mapped node, whoever asks.
   */
  | {
      readonly kind: 'output';
      readonly node: string;
      readonly port: string;
      readonly orNull?: boolean;
      readonly key?: string;
    }
  /** One literal per item: `items[i]` belongs to `keys[i]`. Inputs of one `axis` vary together in a product. */
  | {
      readonly kind: 'items';
      readonly keys: readonly string[];
      readonly items: readonly TemplateInput[];
      readonly axis?: string;
    }
  /** One item of a list that the graph makes: id of a {@link TemplateExpansion}. */
  | { readonly kind: 'expanded'; readonly expansion: string }
  /** All items of a mapped node's output, in key order. */
  | { readonly kind: 'join'; readonly node: string; readonly port: string; readonly minItems: number | null }
  /** The members of a mapped node that have no result. */
  | { readonly kind: 'dropped'; readonly node: string }
  | { readonly kind: 'list'; readonly items: readonly TemplateInput[] };

/** A node as it was added: once, or once per key of a map. */
export interface TemplateNode {
  readonly id: string;
  readonly node: NodeDefinition;
  readonly mapped: boolean;
  /** How mapped inputs go together; absent: by key. */
  readonly mode?: MapMode;
  readonly inputs: Readonly<Record<string, TemplateInput>>;
  /** Truth values that must all be true; otherwise the node is skipped. Not part of a key. */
  readonly conditions?: readonly TemplateInput[];
  readonly resources: Resources;
  /** Instead of what the node declares; absent: what it declares. */
  readonly timeoutMs?: number;
  readonly retry?: RetryRule;
}

/** A list that a node makes, each of whose elements is one item of the maps over it. */
export interface TemplateExpansion {
  readonly id: string;
  /** The node that makes the list, added once. */
  readonly node: string;
  readonly port: string;
  /** The key of an element: a value, or a file as {@link ExpandedFile}. */
  readonly key: (item: unknown) => string;
}

/** An edge into a nested workflow, which must fit what the nested workflow declares. */
export interface TemplateContract {
  readonly where: string;
  readonly input: TemplateInput;
  readonly port: Port;
}

export interface TemplatePublication {
  readonly node: string;
  readonly port: string;
  /** For a mapped node the name of each item by its key. */
  readonly name: string | ((key: string) => string);
  readonly group: string | null;
}

/** The workflow as wired: tens of nodes, before maps are unfolded into instances. */
export interface TemplateGraph {
  readonly name: string;
  readonly nodes: readonly TemplateNode[];
  readonly publications: readonly TemplatePublication[];
  readonly expansions?: readonly TemplateExpansion[];
  readonly contracts?: readonly TemplateContract[];
}

/**
 * Every node that an input names, in order of appearance.
 *
 * @param expansions - by id: an item of a list needs the node that makes the list
 */
export function sourcesOf(
  input: TemplateInput,
  expansions: ReadonlyMap<string, TemplateExpansion>,
): readonly string[] {
  switch (input.kind) {
    case 'output':
    case 'join':
    case 'dropped':
      return [input.node];
    case 'expanded': {
      const expansion = expansions.get(input.expansion);
      return expansion === undefined ? NO_SOURCES : [expansion.node];
    }
    case 'list':
    case 'items': {
      const sources: string[] = [];
      for (const item of input.items) {
        // Most items are literals.
        if (item.kind === 'value' || item.kind === 'external') continue;
        for (const source of sourcesOf(item, expansions)) sources.push(source);
      }
      return sources;
    }
    case 'value':
    case 'external':
      return NO_SOURCES;
  }
}

const NO_SOURCES: readonly string[] = [];

/** Inputs and conditions of a node: everything that it waits for. */
export function edgesOf(item: TemplateNode): TemplateInput[] {
  return [...Object.values(item.inputs), ...(item.conditions ?? [])];
}
