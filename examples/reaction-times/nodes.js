// Two nodes. Workers import this file and take the exports by the nodes' names, so a module with nodes only declares
// things: what runs a study stands in a module of its own.
import { defineNode, port, z } from 'neuroloom';
import { readTsv, writeTsv } from 'neuroloom/io';

const Summary = z.object({
  participant: z.string(),
  trials: z.number(),
  reaction_time: z.number().nullable(),
});

/** The middle or the mean reaction time of one participant, seconds; trials without a reaction are left out. */
export const summariseTrials = defineNode({
  name: 'summarise_trials',
  version: 1,
  inputs: {
    trials: port.file('tsv'),
    participant: port.value(z.string()),
    statistic: port.value(z.enum(['mean', 'median'])),
  },
  outputs: { summary: port.value(Summary) },
  async run({ trials, participant, statistic }, ctx) {
    const { columns, rows } = await readTsv(trials.path);
    const column = columns.indexOf('reaction_time');
    const times = rows.flatMap((row) => (row[column] == null ? [] : [Number(row[column])]));
    if (times.length === 0) return ctx.skip('no trial has a reaction time');
    times.sort((a, b) => a - b);
    const middle = (times[(times.length - 1) >> 1] + times[times.length >> 1]) / 2;
    const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
    return {
      summary: { participant, trials: times.length, reaction_time: statistic === 'mean' ? mean : middle },
    };
  },
});

/** One table of all participants. */
export const collectTable = defineNode({
  name: 'collect_table',
  version: 1,
  inputs: { summaries: port.list(port.value(Summary)) },
  outputs: { table: port.file('tsv') },
  async run({ summaries }, ctx) {
    const path = ctx.outputFile('reaction_times.tsv');
    const rows = summaries.map((one) => [one.participant, one.trials, one.reaction_time]);
    await writeTsv(path, ['participant', 'trials', 'reaction_time'], rows);
    return { table: path };
  },
});
