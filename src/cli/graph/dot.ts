import type { DrawnGraph } from '../../engine/template-graph.js';
import { itemsText } from './text.js';

/** The graph for Graphviz: `pipeline graph -w NAME --format dot | dot -Tsvg > graph.svg`. */
export function graphDot(graph: DrawnGraph): string {
  const lines = [`digraph ${quoted(graph.workflow)} {`, '  rankdir=TB;', '  node [shape=box];'];
  for (const node of graph.nodes) {
    const shape = node.mapped ? ', peripheries=2' : '';
    lines.push(`  ${quoted(node.id)} [label=${quoted(`${node.id}${itemsText(node)}`)}${shape}];`);
    for (const name of node.publishes) {
      lines.push(`  ${quoted(`file ${name}`)} [label=${quoted(name)}, shape=note];`);
      lines.push(`  ${quoted(node.id)} -> ${quoted(`file ${name}`)};`);
    }
  }
  for (const { from, to, port, kind } of graph.edges) {
    const style = kind === 'gather' ? ', style=bold' : '';
    lines.push(`  ${quoted(from)} -> ${quoted(to)} [label=${quoted(port)}${style}];`);
  }
  return [...lines, '}'].join('\n');
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
