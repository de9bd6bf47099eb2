import { Option, type Command } from 'commander';
import type { LogOptions } from '../commands/log.js';
import { studyOptions, type GlobalOptions, type StudyOptions } from '../options.js';
import { verb, type Does } from './verb.js';

/** Verbs that look at a workflow or at earlier runs and change nothing. */
export function addLookVerbs(program: Command, does: Does): void {
  addGraph(program, does);
  addRuns(program, does);
  addLog(program, does);
  addProv(program, does);
  addReport(program, does);
}

function addPlaces(command: Command): Command {
  return command
    .option('-i, --input <dir>', 'directory that the run read')
    .option('-o, --output <dir>', 'directory that the run wrote');
}

function addRuns(program: Command, does: Does): void {
  const runs = verb(program, 'runs', 'List the runs that wrote to an output directory', [
    ['pipeline runs -o results', ''],
  ]);
  addPlaces(runs)
    .option('--json', 'as JSON')
    .action(
      does<GlobalOptions & { readonly json?: boolean }>(
        (options) => async (session) => (await import('../commands/runs.js')).runsCommand(options, session),
      ),
    );
}

function addLog(program: Command, does: Does): void {
  const log = verb(program, 'log', 'Show what the nodes of a run said, also while it goes on', [
    ['pipeline log -o results', 'of the last run'],
    ['pipeline log train_template -o results --follow', 'of one node, until the run ends'],
    ["pipeline log 20260301-140509 'read_subject[101]' -o results", 'of one participant in an earlier run'],
  ])
    .argument('[run]', 'id of a run or its beginning (default: the last run)')
    .argument('[node]', 'node, or node[key] for one item');
  addPlaces(log)
    .option('-f, --follow', 'go on until the run has ended')
    .addOption(
      new Option('--level <level>', 'the least that is shown')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('debug'),
    )
    .option('--json', 'one JSON object per line')
    .action(
      does<GlobalOptions & LogOptions>(
        (options, args) => async (session) =>
          (await import('../commands/log.js')).logCommand(args, options, session),
      ),
    );
}

function addProv(program: Command, does: Does): void {
  const prov = verb(program, 'prov', 'Say where a file comes from, back to the files that were read', [
    ['pipeline prov --of results/atlas/atlas_mean.nii.gz -o results', ''],
    ['pipeline prov --of /elsewhere/renamed.nii.gz -o results', 'found by its content'],
    ['pipeline prov --of results/atlas/atlas_mean.nii.gz -o results --json', 'as W3C PROV'],
  ]);
  addPlaces(prov)
    .requiredOption('--of <file>', 'the file')
    .option('--json', 'as W3C PROV in JSON')
    .action(
      does<GlobalOptions & { readonly of: string; readonly json?: boolean }>(
        (options) => async (session) => (await import('../commands/prov.js')).provCommand(options, session),
      ),
    );
}

function addReport(program: Command, does: Does): void {
  const report = verb(program, 'report', 'Write the report of a run again, and say where it is', [
    ['pipeline report -o results', 'of the last run'],
    ['pipeline report 20260301-140509 -o results', 'of an earlier run'],
  ]).argument('[run]', 'id of a run or its beginning (default: the last run)');
  addPlaces(report).action(
    does<GlobalOptions & { readonly input?: string; readonly output?: string }>(
      (options, args) => async (session) =>
        (await import('../commands/report.js')).reportCommand(args[0], options, session),
    ),
  );
}

function addGraph(program: Command, does: Does): void {
  const graph = verb(program, 'graph', 'Show the nodes of a workflow and how they hang together', [
    ['pipeline graph -w learned_atlas -i cohort', ''],
    ['pipeline graph -w atlas -i cohort --format mermaid', 'for a README'],
    ['pipeline graph -w atlas -i cohort --format svg > atlas.svg', 'a picture'],
    ['pipeline graph -w atlas -i cohort --format dot | dot -Tpng > atlas.png', 'with Graphviz'],
  ]);
  for (const option of studyOptions()) graph.addOption(option);
  graph
    .addOption(
      new Option('--format <format>', 'how it is written')
        .choices(['text', 'mermaid', 'dot', 'svg', 'json'])
        .default('text'),
    )
    .action(
      does<StudyOptions & { readonly format: 'text' | 'mermaid' | 'dot' | 'svg' | 'json' }>(
        (options) => async (session) => (await import('../commands/graph.js')).graphCommand(options, session),
      ),
    );
}
