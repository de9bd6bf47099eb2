/** The wiring of a workflow as a graph to look at: template nodes only, never instances. The only user of graphlib. */
import { Graph } from '@dagrejs/graphlib';
import { checkTemplate } from './graph-check.js';
import {
  sourcesOf,
  type TemplateGraph,
  type TemplateInput,
  type TemplateNode,
  type TemplatePublication,
} from './template.js';

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

/** `gather`: one node takes all items of another. `element`: each item takes one element of a list. */
export type DrawnEdgeKind = 'one' | 'each' | 'gather' | 'element';

export interface DrawnEdge {
  readonly from: string;
  readonly to: string;
  /** The input port that it leads to; `when` for a condition. */
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
  const { order, spaces, expansions } = checkTemplate(template);
  const graph = new Graph({ directed: true, multigraph: true });
  const publications = new Map<string, TemplatePublication[]>();
  for (const publication of template.publications) {
    const known = publications.get(publication.node);
    if (known === undefined) publications.set(publication.node, [publication]);
    else known.push(publication);
  }
  for (const item of order) {
    const known = spaces.get(item.id)?.keys ?? null;
    const published = publications.get(item.id) ?? [];
    graph.setNode(item.id, drawnNode(item, known, namesOf(published, known?.[0] ?? null)));
  }
  for (const item of order) {
    for (const [port, input] of drawnInputs(item)) {
      for (const from of new Set(sourcesOf(input, expansions))) {
        const { mapped } = graph.node(from) as DrawnNode;
        graph.setEdge({ v: from, w: item.id, name: port }, edgeKind(item, input, mapped));
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

function drawnInputs(item: TemplateNode): [port: string, input: TemplateInput][] {
  const conditions = (item.conditions ?? []).map((input, i): [string, TemplateInput] => [
    i === 0 ? 'when' : `when ${i + 1}`,
    input,
  ]);
  return [...Object.entries(item.inputs), ...conditions];
}

function edgeKind(item: TemplateNode, input: TemplateInput, isFromMap: boolean): DrawnEdgeKind {
  if (input.kind === 'expanded') return 'element';
  if (!isFromMap) return 'one';
  return item.mapped && input.kind === 'output' ? 'each' : 'gather';
}

function drawnNode(
  item: TemplateNode,
  keys: readonly string[] | null,
  publishes: readonly string[],
): DrawnNode {
  const { id, node, mapped } = item;
  return { id, name: node.name, version: node.version, mapped, items: keys?.length ?? null, publishes };
}

function namesOf(publications: readonly TemplatePublication[], firstKey: string | null): string[] {
  return publications.map(({ name }) => {
    if (typeof name === 'string') return name;
    return firstKey === null ? '*' : name(firstKey).replaceAll(firstKey, '*');
  });
}
