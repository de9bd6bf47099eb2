import type { NodeDefinition, Resources } from './node.js';

/** Where the input of a template node comes from. Plain data: also what a plugin or a file may bring. */
export type TemplateInput =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'external'; readonly path: string }
  /** An output of another node; of a mapped node the output of the same key. */
  | { readonly kind: 'output'; readonly node: string; readonly port: string }
  /** One literal per item: `items[i]` belongs to `keys[i]`. */
  | { readonly kind: 'items'; readonly keys: readonly string[]; readonly items: readonly TemplateInput[] }
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
  readonly inputs: Readonly<Record<string, TemplateInput>>;
  readonly resources: Resources;
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
}

/** Every node that an input names, in order of appearance. */
export function* sourcesOf(input: TemplateInput): Generator<string> {
  switch (input.kind) {
    case 'output':
    case 'join':
    case 'dropped':
      yield input.node;
      break;
    case 'list':
    case 'items':
      for (const item of input.items) yield* sourcesOf(item);
      break;
    case 'value':
    case 'external':
      break;
  }
}
