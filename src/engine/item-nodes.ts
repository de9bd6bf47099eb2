import { edgesOf, sourcesOf, type TemplateGraph, type TemplateInput, type TemplateNode } from './template.js';

/**
 * Nodes that make their result for one item from what belongs to that item: no join and nothing of the whole cohort stands
 * before them. In the order in which they were added.
 */
export function itemNodes({ nodes, expansions = [] }: TemplateGraph): string[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const listed = new Map(expansions.map((expansion) => [expansion.id, expansion]));
  const known = new Map<string, boolean>();
  const joinsNothing = (node: TemplateNode): boolean => {
    const before = known.get(node.id);
    if (before !== undefined) return before;
    // A cycle ends here; building the graph refuses it with its own error.
    known.set(node.id, false);
    const edges = edgesOf(node);
    const answer =
      !edges.some(joins) &&
      edges.every((edge) =>
        [...sourcesOf(edge, listed)].every((id) => {
          const source = byId.get(id);
          return source === undefined || joinsNothing(source);
        }),
      );
    known.set(node.id, answer);
    return answer;
  };
  return nodes.filter((node) => node.mapped && joinsNothing(node)).map(({ id }) => id);
}

function joins(input: TemplateInput): boolean {
  if (input.kind === 'list' || input.kind === 'items') return input.items.some(joins);
  return input.kind === 'join' || input.kind === 'dropped';
}
