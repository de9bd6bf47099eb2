import { Option, type Command } from 'commander';
import type { BidsAppOptions } from '../commands/bids-app.js';
import { clusterOptions } from '../cluster-options.js';
import { cacheOptions, runOptions, studyOptions } from '../options.js';
import { verb, type Does } from './verb.js';

/** Options of `run` that the arguments of a BIDS app stand for. */
const REPLACED = ['--input', '--output', '--participants', '--until'];

/** `pipeline bids-app BIDS_DIR OUT participant|group`. */
export function addBidsApp(program: Command, does: Does): void {
  const app = verb(program, 'bids-app', 'Run a workflow by the command line of a BIDS app', [
    [
      'pipeline bids-app bids out participant --participant-label 01 02 -w fooof',
      'what belongs to one participant alone',
    ],
    ['pipeline bids-app bids out group -w fooof', 'the rest, with what is there already'],
  ])
    .argument('<bids_dir>', 'data set to read')
    .argument('<output_dir>', 'directory to write')
    .argument('<analysis_level>', 'participant: nodes that need one participant only; group: all')
    .addOption(new Option('--participant-label <label...>', 'only these, with or without sub-'))
    .addOption(new Option('--participant_label <label...>', 'the same').hideHelp());
  const known = new Set(REPLACED);
  for (const option of [...studyOptions(), ...runOptions(), ...cacheOptions(), ...clusterOptions()]) {
    if (!known.has(option.long ?? '')) app.addOption(option);
  }
  app.action(
    does<BidsAppOptions>(
      (options, args) => async (session) =>
        (await import('../commands/bids-app.js')).bidsAppCommand(
          { bidsDir: args[0]!, outputDir: args[1]!, level: args[2]! },
          options,
          session,
        ),
    ),
  );
}
