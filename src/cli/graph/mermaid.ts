import type { DrawnGraph } from '../../engine/template-graph.js';
import { itemsText } from './text.js';

/** A flowchart in Mermaid, which GitHub and many editors draw. Thick arrows gather all items of a map. */
export function graphMermaid(graph: DrawnGraph): string {
  const places = new Map(graph.nodes.map((node, at) => [node.id, `n${at}`]));
  const lines = ['flowchart TD'];
  graph.nodes.forEach((node, at) => {
    const label = quoted(`${node.id}${itemsText(node)}`);
    lines.push(`  n${at}${node.mapped ? `[[${label}]]` : `[${label}]`}`);
    node.publishes.forEach((name, i) => {
      lines.push(`  n${at} --> p${at}_${i}(${quoted(name)})`);
    });
  });
  for (const { from, to, port, kind } of graph.edges) {
    const arrow = kind === 'gather' ? '==>' : '-->';
    lines.push(`  ${places.get(from)} ${arrow}|${quoted(port)}| ${places.get(to)}`);
  }
  return lines.join('\n');
}

/** Mermaid knows no backslash in text; quotes and brackets are written as entities. */
function quoted(text: string): string {
  return `"${text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')}"`;
}
