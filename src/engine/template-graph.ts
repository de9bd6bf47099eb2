/** The wiring of a workflow as a graph to look at: template nodes only, never instances. The only user of graphlib. */
import { Graph } from '@dagrejs/graphlib';
import { checkTemplate } from './graph-check.js';
import { sourcesOf, type TemplateGraph, type TemplateNode } from './template.js';

/** A node as it is drawn. */
export interface DrawnNode {
  readonly id: string;
  /** Name of the node's definition, which many ids may share. */
  readonly name: string;
  readonly version: number;
  readonly mapped: boolean;
  /** Items of a mapped node as far as they are known before the run; null otherwise. */
  readonly items: number | null;
  /** Names of its published outputs; of a mapped node that of its first item, with `*` for the item. */
  readonly publishes: readonly string[];
}

/** `gather`: one node takes all items of another. */
export type DrawnEdgeKind = 'one' | 'each' | 'gather';

export interface DrawnEdge {
  readonly from: string;
  readonly to: string;
  /** The input port that it leads to. */
  readonly port: string;
  readonly kind: DrawnEdgeKind;
}

/** Nodes in an order in which each stands after all that it takes from, and the edges between them. */
export interface DrawnGraph {
  readonly workflow: string;
  readonly nodes: readonly DrawnNode[];
  readonly edges: readonly DrawnEdge[];
}

/**
 * The template of a workflow, ready to be drawn.
 *
 * @throws ConfigError with a GRAPH_ code when the wiring is wrong
 */
export function drawnGraph(template: TemplateGraph): DrawnGraph {
  const { order, keys } = checkTemplate(template);
  const graph = new Graph({ directed: true, multigraph: true });
  for (const item of order) {
    const known = keys.get(item.id) ?? null;
    graph.setNode(item.id, drawnNode(item, known, publishedBy(template, item.id, known?.[0] ?? null)));
  }
  for (const item of order) {
    for (const [port, input] of Object.entries(item.inputs)) {
      for (const from of new Set(sourcesOf(input))) {
        const source = graph.node(from) as DrawnNode;
        const kind: DrawnEdgeKind = !source.mapped
          ? 'one'
          : item.mapped && input.kind === 'output'
            ? 'each'
            : 'gather';
        graph.setEdge({ v: from, w: item.id, name: port }, kind);
      }
    }
  }
  return {
    workflow: template.name,
    nodes: order.map(({ id }) => graph.node(id) as DrawnNode),
    edges: order.flatMap(({ id }) =>
      (graph.inEdges(id) ?? []).map((edge) => ({
        from: edge.v,
        to: edge.w,
        port: edge.name ?? '',
        kind: graph.edge(edge) as DrawnEdgeKind,
      })),
    ),
  };
}

function drawnNode(
  item: TemplateNode,
  keys: readonly string[] | null,
  publishes: readonly string[],
): DrawnNode {
  const { id, node, mapped } = item;
  return { id, name: node.name, version: node.version, mapped, items: keys?.length ?? null, publishes };
}

function publishedBy(template: TemplateGraph, node: string, firstKey: string | null): string[] {
  return template.publications
    .filter((publication) => publication.node === node)
    .map(({ name }) => {
      if (typeof name === 'string') return name;
      return firstKey === null ? '*' : name(firstKey).replaceAll(firstKey, '*');
    });
}
