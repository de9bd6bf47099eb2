/** The part of a workflow that leads to some of its nodes (`--until`). */
import { ConfigError } from '../errors.js';
import { nearest } from '../nearest.js';
import { edgesOf, sourcesOf, type TemplateGraph, type TemplateNode } from './template.js';

/**
 * The same wiring without the nodes that none of the named ones needs, and without what those publish.
 *
 * @param names - ids of nodes, or of nested workflows for all that is in them
 * @throws ConfigError USAGE with the nearest id when there is no such node
 */
export function templateUntil(template: TemplateGraph, names: readonly string[]): TemplateGraph {
  if (names.length === 0) return template;
  const nodes = new Map(template.nodes.map((node) => [node.id, node]));
  const expansions = new Map((template.expansions ?? []).map((expansion) => [expansion.id, expansion]));
  const open = names.flatMap((name) => named(name, template));
  const kept = new Set<string>();
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (kept.has(node.id)) continue;
    kept.add(node.id);
    for (const edge of edgesOf(node)) {
      for (const source of sourcesOf(edge, expansions)) {
        const above = nodes.get(source);
        if (above !== undefined) open.push(above);
      }
    }
  }
  return {
    ...template,
    nodes: template.nodes.filter(({ id }) => kept.has(id)),
    publications: template.publications.filter(({ node }) => kept.has(node)),
    expansions: [...expansions.values()].filter(({ node }) => kept.has(node)),
    contracts: (template.contracts ?? []).filter(({ input }) =>
      [...sourcesOf(input, expansions)].every((source) => kept.has(source)),
    ),
  };
}

function named(name: string, { name: workflow, nodes }: TemplateGraph): TemplateNode[] {
  const found = nodes.filter(({ id }) => id === name || id.startsWith(`${name}.`));
  if (found.length > 0) return found;
  const ids = nodes.map(({ id }) => id);
  const near = nearest(name, ids);
  throw new ConfigError(
    'USAGE',
    `${workflow} has no node ${name}${near === null ? '' : `; did you mean ${near}?`}`,
    { cure: `--until takes one of ${ids.slice(0, 20).join(', ')}${ids.length > 20 ? ', ...' : ''}` },
  );
}
