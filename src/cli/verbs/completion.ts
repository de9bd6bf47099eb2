import { Argument, type Command } from 'commander';
import { SHELLS } from '../completion.js';
import type { GlobalOptions } from '../options.js';
import { verb, type Does } from './verb.js';

/** The script of a shell, and the hidden verb that the script asks at every tab. */
export function addCompletion(program: Command, does: Does): void {
  verb(
    program,
    'completion',
    'Print what makes a shell complete verbs, options, workflows, keys and labels',
    [
      ['source <(pipeline completion bash)', 'in ~/.bashrc'],
      ['source <(pipeline completion zsh)', 'in ~/.zshrc, after compinit'],
      ['pipeline completion fish | source', 'in ~/.config/fish/config.fish'],
    ],
  )
    .addArgument(new Argument('<shell>', 'your shell').choices(SHELLS))
    .action(
      does<GlobalOptions>(
        (_, args) => async (session) =>
          (await import('../commands/completion.js')).completionCommand(args[0]!, session),
      ),
    );
  program
    .command('complete-words', { hidden: true })
    .argument('[words...]', 'words of the line so far, the last one unfinished')
    .action(
      does<GlobalOptions>(
        (_, words) => async (session) =>
          (await import('../commands/completion.js')).completeWordsCommand(program, words, session),
      ),
    );
}
