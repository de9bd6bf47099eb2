import { Command } from 'commander';
import { clusterOptions } from './cluster-options.js';
import {
  cacheOptions,
  globalOptions,
  runOptions,
  seedOption,
  studyOptions,
  type CacheOptions,
  type GlobalOptions,
  type RunOptions,
  type StudyOptions,
} from './options.js';
import { addBidsApp } from './verbs/bids-app.js';
import { addClusterVerbs } from './verbs/cluster.js';
import { addCacheVerbs } from './verbs/cache.js';
import { addContainerVerbs } from './verbs/containers.js';
import { addCompletion } from './verbs/completion.js';
import { addConfigVerbs } from './verbs/config.js';
import { addLookVerbs } from './verbs/look.js';
import { addRecommend } from './verbs/recommend.js';
import { addRerun } from './verbs/rerun.js';
import { examples, verb, type Does, type Implementation } from './verbs/verb.js';

export interface JsonOption {
  readonly json?: boolean;
}

/**
 * The verbs and their options. Every implementation is imported only when its verb was chosen: help stays fast and
 * loads no engine.
 *
 * @param perform - runs the chosen verb and keeps its exit code
 */
export function buildProgram(
  version: string,
  perform: (options: GlobalOptions, implementation: Implementation) => Promise<void>,
): Command {
  const program = new Command('pipeline')
    .description('Runs neuroimaging workflows; what is already computed is not computed again.')
    .version(version, '--version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError(false)
    .exitOverride();
  for (const option of globalOptions()) program.addOption(option);
  program.addHelpText(
    'before',
    examples([
      ['pipeline list', 'the workflows there are'],
      ['pipeline run -w learned_atlas -i cohort -o results', 'run one'],
      ['pipeline run -w learned_atlas', 'the same, settings and directories from neuroloom.yaml'],
      ['pipeline plan -w learned_atlas -i cohort -o results', 'what would run, and why'],
    ]),
  );

  /** What a verb does: options of the verb and of the program together. */
  const does: Does =
    <O extends GlobalOptions>(implement: (options: O, args: string[]) => Implementation) =>
    async (...given: unknown[]): Promise<void> => {
      const command = given.at(-1) as Command;
      const options = command.optsWithGlobals<O>();
      await perform(options, implement(options, command.args));
    };

  const run = verb(program, 'run', 'Run a workflow, or go on with a run that was interrupted', [
    ['pipeline run -w learned_atlas -i cohort -o results', 'everything in cohort'],
    ['pipeline run -w learned_atlas -c study.yaml --set learned_atlas.min_subjects=4', 'with settings'],
    ['pipeline run -w atlas --participants 101,102,105', 'a part of the cohort'],
    ['pipeline run -w atlas --dry-run --explain', 'only say what would run, and why'],
  ]);
  for (const option of [...studyOptions(), ...runOptions(), ...cacheOptions(), ...clusterOptions()])
    run.addOption(option);
  run.action(
    does<RunOptions>(
      (options) => async (session) => (await import('./commands/run.js')).runCommand(options, session),
    ),
  );

  verb(program, 'list', 'List the workflows', [
    ['pipeline list', ''],
    ['pipeline --load ./my-workflows.js list --json', 'with your own, for a program'],
  ])
    .option('--json', 'as JSON')
    .action(
      does<GlobalOptions & JsonOption>(
        (options) => async (session) => (await import('./commands/list.js')).listCommand(options, session),
      ),
    );

  verb(program, 'show', 'Show what a workflow needs, makes and can be told', [
    ['pipeline show learned_atlas', ''],
    ['pipeline show learned_atlas --json', 'for a program'],
  ])
    .argument('<workflow>', 'name of a workflow')
    .option('--json', 'as JSON')
    .action(
      does<GlobalOptions & JsonOption>(
        (options, args) => async (session) =>
          (await import('./commands/show.js')).showCommand(args[0]!, options, session),
      ),
    );

  const check = verb(
    program,
    'check',
    'Check the configuration and the requirements of a workflow; run nothing',
    [['pipeline check -w learned_atlas -i cohort -o results', '']],
  );
  for (const option of studyOptions()) check.addOption(option);
  check
    .option('--json', 'as JSON')
    .action(
      does<StudyOptions & JsonOption>(
        (options) => async (session) => (await import('./commands/check.js')).checkCommand(options, session),
      ),
    );

  const plan = verb(program, 'plan', 'Say what a run would do, node by node; run nothing', [
    ['pipeline plan -w learned_atlas -i cohort -o results', ''],
    ['pipeline plan -w learned_atlas --json', 'for a program'],
    ['pipeline plan -w learned_atlas --exit-code', 'ends with 0 when there is nothing to do, else with 10'],
  ]);
  for (const option of [...studyOptions(), ...cacheOptions(), ...clusterOptions()]) plan.addOption(option);
  plan
    .option('--json', 'as JSON')
    .option('--exit-code', 'end with 0 when there is nothing to do, with 10 when there is')
    .action(
      does<StudyOptions & CacheOptions & JsonOption & { readonly exitCode?: boolean }>(
        (options) => async (session) => (await import('./commands/plan.js')).planCommand(options, session),
      ),
    );

  const describe = verb(
    program,
    'describe',
    'Say the shapes, types and bytes of what a run would write, item by item; compute and write nothing',
    [
      [
        'pipeline describe -w fooof -i recordings',
        'what each recording would give, or why it would be skipped',
      ],
      ['pipeline describe -w fooof -i recordings --json', 'for a program'],
    ],
  );
  for (const option of studyOptions()) describe.addOption(option);
  describe
    .option('--json', 'as JSON')
    .action(
      does<StudyOptions & JsonOption>(
        (options) => async (session) =>
          (await import('./commands/describe.js')).describeCommand(options, session),
      ),
    );

  const config = verb(program, 'config', 'Show the configuration or what may stand in it', [
    ['pipeline config show -c study.yaml', 'every value, and where it comes from'],
    ['pipeline config init -w fooof', 'writes neuroloom.yaml with every key of fooof'],
    ['pipeline config explain fooof.max_n_peaks', 'what a key means'],
    ['pipeline config schema', 'JSON Schema of all keys'],
  ]);
  const configShow = verb(config, 'show', 'Show every value of the configuration and where it comes from', [
    ['pipeline config show -w learned_atlas', 'from neuroloom.yaml here'],
    ['pipeline config show -c study.yaml --set atlas.min_subjects=3 --json', 'for a program'],
  ]);
  for (const option of studyOptions()) configShow.addOption(option);
  configShow
    .option('--json', 'as JSON')
    .action(
      does<StudyOptions & JsonOption>(
        (options) => async (session) =>
          (await import('./commands/config-show.js')).configShowCommand(options, session),
      ),
    );
  verb(config, 'schema', 'Print the JSON Schema of a configuration file', [
    ['pipeline config schema > neuroloom.schema.json', 'for editors that complete and check YAML'],
  ]).action(
    does<GlobalOptions>(
      (options) => async (session) =>
        (await import('./commands/config-schema.js')).configSchemaCommand(options, session),
    ),
  );

  addConfigVerbs(config, does);
  addBidsApp(program, does);
  addCompletion(program, does);
  addCacheVerbs(program, does);
  addLookVerbs(program, does);
  addClusterVerbs(program, does);
  addContainerVerbs(program, does);
  addRerun(program, does);
  addRecommend(program, does);

  verb(program, 'sample', 'Write a small synthetic data set for a workflow', [
    ['pipeline sample learned_atlas demo', 'then: cd demo && pipeline run -w learned_atlas'],
  ])
    .argument('<workflow>', 'name of a workflow')
    .argument('<dir>', 'new or empty directory')
    .addOption(seedOption())
    .action(
      does<GlobalOptions & { readonly seed: number }>(
        (options, args) => async (session) =>
          (await import('./commands/sample.js')).sampleCommand(args[0]!, args[1]!, options, session),
      ),
    );

  verb(program, 'init', 'Write a small project with a workflow of your own, in TypeScript', [
    ['pipeline init my-study', 'then: cd my-study && npm install && npm test && npm start'],
  ])
    .argument('<dir>', 'new or empty directory')
    .action(
      does<GlobalOptions>(
        (_options, args) => async (session) =>
          (await import('./commands/init.js')).initCommand(args[0]!, session),
      ),
    );

  verb(program, 'doctor', 'Say what this machine and this installation can do', [
    ['pipeline doctor', ''],
    ['pipeline doctor --json', 'for a bug report'],
  ])
    .option('-o, --output <dir>', 'directory that a run would write to')
    .option('--json', 'as JSON')
    .action(
      does<GlobalOptions & JsonOption & { output?: string }>(
        (options) => async (session) =>
          (await import('./commands/doctor.js')).doctorCommand(options, session),
      ),
    );
  return program;
}
