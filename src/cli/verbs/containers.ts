import { Option, type Command } from 'commander';
import type { ContainerOptions, ContainerRunOptions } from '../commands/containers.js';
import { duration, studyOptions } from '../options.js';
import { verb, type Does } from './verb.js';

const CONFIG_FLAGS = ['-c', '--set'];

/** Verbs of container images. */
export function addContainerVerbs(program: Command, does: Does): void {
  const containers = verb(program, 'containers', 'Fetch, verify, run and remove container images of tools', [
    ['pipeline containers status', 'what is known, and what is here'],
    ['pipeline containers pull hdbet --set containers.images.hdbet.source=/images/hd-bet.sif', ''],
    ['pipeline containers run hdbet sub-01/T1w.nii.gz out/brain.nii.gz', ''],
  ]);
  const configured = (command: Command): Command => {
    for (const option of studyOptions()) {
      if (CONFIG_FLAGS.some((flag) => option.flags.includes(`${flag} `))) command.addOption(option);
    }
    return command.option('--json', 'as JSON');
  };
  const limited = (command: Command): Command =>
    command.addOption(
      new Option('--time-limit <time>', 'end it after this time, such as 90m or 2h').argParser(duration),
    );
  configured(
    verb(containers, 'status', 'Say which images are known and which are here', [
      ['pipeline containers status --json', 'for a program'],
    ]),
  ).action(
    does<ContainerOptions>(
      (options) => async (session) =>
        (await import('../commands/containers.js')).containersStatus(options, session),
    ),
  );
  limited(
    configured(
      verb(containers, 'pull', 'Fetch an image and verify it', [
        ['pipeline containers pull synthseg', 'goes on where an earlier download broke'],
      ]).argument('<image>', 'key of an image'),
    ),
  ).action(
    does<ContainerOptions>(
      (options, args) => async (session) =>
        (await import('../commands/containers.js')).containersPull(args[0]!, options, session),
    ),
  );
  limited(
    configured(
      verb(containers, 'run', 'Run the tool of an image on a file', [
        ['pipeline containers run synthseg T1w.nii.gz out/seg.nii.gz -- --vol /output/volumes.csv', ''],
        ['pipeline containers run hdbet T1w.nii.gz out/brain.nii.gz --dry-run', 'only show the arguments'],
      ])
        .argument('<image>', 'key of an image')
        .argument('<input>', 'file or directory, seen read-only')
        .argument('<output>', 'file or directory to be made')
        .argument('[arguments...]', 'further arguments of the tool, after --'),
    ),
  )
    .option(
      '--bind <source:target>',
      'further directory to be seen, read-only unless :rw is added',
      collect,
      [],
    )
    .option('--gpu', 'use the GPU (default: where the tool wants one and there is one)')
    .option('--no-gpu', 'use no GPU')
    .option('--network', 'let the tool reach the network')
    .option('--dry-run', 'show the arguments as JSON, run nothing')
    .action(
      does<ContainerRunOptions>(
        (options, args) => async (session) =>
          (await import('../commands/containers.js')).containersRun(args, options, session),
      ),
    );
  configured(
    verb(containers, 'clean', 'Remove an image, or with --all every image', [
      ['pipeline containers clean hdbet', 'its recorded digest stays in force'],
    ])
      .argument('[image]', 'key of an image')
      .option('--all', 'every image'),
  ).action(
    does<ContainerOptions & { readonly all?: boolean }>(
      (options, args) => async (session) =>
        (await import('../commands/containers.js')).containersClean(args[0] ?? null, options, session),
    ),
  );
}

function collect(value: string, earlier: readonly string[]): string[] {
  return [...earlier, value];
}
