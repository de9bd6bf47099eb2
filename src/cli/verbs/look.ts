import { Option, type Command } from 'commander';
import { studyOptions, type StudyOptions } from '../options.js';
import { verb, type Does } from './verb.js';

/** Verbs that look at a workflow or at earlier runs and change nothing. */
export function addLookVerbs(program: Command, does: Does): void {
  addGraph(program, does);
}

function addGraph(program: Command, does: Does): void {
  const graph = verb(program, 'graph', 'Show the nodes of a workflow and how they hang together', [
    ['pipeline graph -w learned_atlas -i cohort', ''],
    ['pipeline graph -w atlas -i cohort --format mermaid', 'for a README'],
    ['pipeline graph -w atlas -i cohort --format dot | dot -Tsvg > atlas.svg', 'with Graphviz'],
  ]);
  for (const option of studyOptions()) graph.addOption(option);
  graph
    .addOption(
      new Option('--format <format>', 'how it is written')
        .choices(['text', 'mermaid', 'dot', 'json'])
        .default('text'),
    )
    .action(
      does<StudyOptions & { readonly format: 'text' | 'mermaid' | 'dot' | 'json' }>(
        (options) => async (session) => (await import('../commands/graph.js')).graphCommand(options, session),
      ),
    );
}
