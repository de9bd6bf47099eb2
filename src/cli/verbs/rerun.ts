import type { Command } from 'commander';
import type { RerunOptions } from '../commands/rerun.js';
import { verb, type Does } from './verb.js';

/** `pipeline rerun NODE`. */
export function addRerun(program: Command, does: Does): void {
  verb(program, 'rerun', 'Run a node alone, in the foreground; nothing is stored', [
    [
      "pipeline rerun 'read_subject[101]' -o results",
      'with the inputs of its failed attempt, else of the cache',
    ],
    ["pipeline rerun 'read_subject[101]' -o results --inspect", 'and wait for a debugger'],
  ])
    .argument('<node>', 'node, or node[key] for one item')
    .option('-o, --output <dir>', 'directory that the run wrote (default: here)')
    .option('--run <id>', 'run that it was part of (default: the newest)')
    .option('--work-dir <dir>', 'where it works (default: OUT/.neuroloom/work)')
    .option('--inspect', 'stop at the first line until a debugger is attached')
    .action(
      does<RerunOptions>(
        (options, args) => async (session) =>
          (await import('../commands/rerun.js')).rerunCommand(args[0]!, options, session),
      ),
    );
}
