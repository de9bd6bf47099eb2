import { relative } from 'node:path';
import { drawnGraph, type DrawnGraph } from '../../engine/template-graph.js';
import { EXIT } from '../exit-codes.js';
import { graphDot } from '../graph/dot.js';
import { graphMermaid } from '../graph/mermaid.js';
import { graphText } from '../graph/text.js';
import type { StudyOptions } from '../options.js';
import { prepareStudy } from '../prepare.js';
import type { Session } from '../session.js';

export type GraphFormat = 'text' | 'mermaid' | 'dot' | 'json';

const WRITERS: Readonly<Record<GraphFormat, (graph: DrawnGraph) => string>> = {
  text: graphText,
  mermaid: graphMermaid,
  dot: graphDot,
  json: (graph) => JSON.stringify(graph, null, 2),
};

/** `pipeline graph`: the nodes of a workflow and how they hang together; runs and writes nothing. */
export async function graphCommand(
  options: StudyOptions & { readonly format: GraphFormat },
  session: Session,
): Promise<number> {
  const prepared = await prepareStudy(options, session);
  if (prepared.kind === 'refused') return prepared.exitCode;
  const { outputDir } = prepared.study;
  const graph = drawnGraph(prepared.workflow.template());
  // Workflows publish to absolute places; what a reader knows is the name below the output directory.
  const shown: DrawnGraph = {
    ...graph,
    nodes: graph.nodes.map((node) => ({
      ...node,
      publishes: node.publishes.map((name) => (name.startsWith('/') ? relative(outputDir, name) : name)),
    })),
  };
  session.terminal.result(WRITERS[options.format](shown));
  return EXIT.done;
}
