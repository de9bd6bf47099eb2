import type { Command } from 'commander';
import type { GlobalOptions } from '../options.js';
import { verb, type Does } from './verb.js';

/** What runs inside the jobs of a cluster. */
export function addClusterVerbs(program: Command, does: Does): void {
  verb(
    program,
    'exec-task',
    'Run the nodes of one array element; the jobs of --executor slurm call it, nobody else needs to',
    [['pipeline exec-task results/.neuroloom/cache/batch/RUN.TOKEN/0', 'what the script of a job does']],
  )
    .argument('<dir>', 'folder of the array element')
    .action(
      does<GlobalOptions>(
        (_options, args) => async (session) =>
          (await import('../commands/exec-task.js')).execTaskCommand(args[0]!, session),
      ),
    );
}
