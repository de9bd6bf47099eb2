import type { DrawnGraph, DrawnNode } from '../../engine/template-graph.js';

/** One block per node, each below all that it takes from: what it takes, and what it publishes. */
export function graphText(graph: DrawnGraph): string {
  const blocks = graph.nodes.map((node) => {
    const lines = [`${node.id}${itemsText(node)}${node.name === node.id ? '' : `  (${node.name})`}`];
    for (const { from, port, kind } of graph.edges.filter((edge) => edge.to === node.id)) {
      const of = kind === 'gather' ? 'all of ' : kind === 'element' ? 'each element of ' : '';
      lines.push(`  ${port} <- ${of}${from}`);
    }
    for (const name of node.publishes) lines.push(`  -> ${name}`);
    return lines.join('\n');
  });
  return [graph.workflow, ...blocks].join('\n\n');
}

/** ` x 12` for a map of twelve items, ` x ?` where the run decides how many. */
export function itemsText(node: DrawnNode): string {
  return node.mapped ? ` x ${node.items ?? '?'}` : '';
}
