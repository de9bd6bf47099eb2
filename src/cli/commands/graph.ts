import { drawnGraph, type DrawnGraph } from '../../engine/template-graph.js';
import { graphSvg } from '../../report/graph-picture.js';
import { EXIT } from '../exit-codes.js';
import { graphDot } from '../graph/dot.js';
import { graphMermaid } from '../graph/mermaid.js';
import { graphText } from '../graph/text.js';
import { belowOutput } from '../graph/below-output.js';
import type { StudyOptions } from '../options.js';
import { prepareStudy } from '../prepare.js';
import type { Session } from '../session.js';

export type GraphFormat = 'text' | 'mermaid' | 'dot' | 'svg' | 'json';

const WRITERS: Readonly<Record<GraphFormat, (graph: DrawnGraph) => string>> = {
  text: graphText,
  mermaid: graphMermaid,
  dot: graphDot,
  svg: graphSvg,
  json: (graph) => JSON.stringify(graph, null, 2),
};

/** `pipeline graph`: the nodes of a workflow and how they hang together; runs and writes nothing. */
export async function graphCommand(
  options: StudyOptions & { readonly format: GraphFormat },
  session: Session,
): Promise<number> {
  const prepared = await prepareStudy(options, session);
  if (prepared.kind === 'refused') return prepared.exitCode;
  const shown = belowOutput(drawnGraph(prepared.workflow.template()), prepared.study.outputDir);
  session.terminal.result(WRITERS[options.format](shown));
  return EXIT.done;
}
