import type { Command } from 'commander';
import type { GlobalOptions } from '../options.js';
import { verb, type Does } from './verb.js';

/** Verbs that write and explain configuration files. */
export function addConfigVerbs(config: Command, does: Does): void {
  verb(config, 'init', 'Write a configuration file with every key, its default, meaning, unit and range', [
    ['pipeline config init -w fooof', 'neuroloom.yaml here, with the keys of fooof'],
    ['pipeline config init study.yaml', 'of all workflows'],
    ['pipeline config init -w fooof -', 'to the terminal'],
  ])
    .argument('[file]', 'new file, or - for the terminal', 'neuroloom.yaml')
    .option('-w, --workflow <name>', 'only the keys of this workflow')
    .action(
      does<GlobalOptions & { readonly workflow?: string }>(
        (options, args) => async (session) =>
          (await import('../commands/config-init.js')).configInitCommand(args[0], options, session),
      ),
    );
  verb(config, 'explain', 'Say what a key means, what it takes, and its default', [
    ['pipeline config explain fooof.max_n_peaks', ''],
    ['pipeline config explain learned_atlas.loss', 'every key of a block'],
  ])
    .argument('<key>', 'key or block, such as fooof.max_n_peaks')
    .option('--json', 'as JSON')
    .action(
      does<GlobalOptions & { readonly json?: boolean }>(
        (options, args) => async (session) =>
          (await import('../commands/config-explain.js')).configExplainCommand(args[0]!, options, session),
      ),
    );
}
