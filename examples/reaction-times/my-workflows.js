// The same study as a workflow of the command line:
//   pipeline --load ./my-workflows.js list
//   pipeline --load ./my-workflows.js run -w reaction_times -i recordings -o out --set reaction_times.statistic=mean
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineWorkflow, inputFile, Workflow, z } from 'neuroloom';
import { collectTable, summariseTrials } from './nodes.js';

const ReactionTimesConfig = z.strictObject({
  statistic: z
    .enum(['mean', 'median'])
    .default('median')
    .describe('How the trials of a participant are summarised'),
  min_participants: z.int().min(1).default(1).describe('Fewer participants are refused'),
});

/** Directories below the input that hold trials, restricted to the labels asked for. */
function findParticipants({ inputDir, participants }) {
  return readdirSync(inputDir)
    .filter((name) => existsSync(join(inputDir, name, 'trials.tsv')))
    .filter((name) => participants === null || participants.includes(name));
}

defineWorkflow({
  name: 'reaction_times',
  summary: 'Reaction time of every participant, in one table',
  scope: 'cohort',
  configNamespace: 'reaction_times',
  configSchema: ReactionTimesConfig,

  verifyRequirements({ reaction_times: settings }, context) {
    if (!existsSync(context.inputDir)) {
      return [
        {
          severity: 'error',
          code: 'INPUT_MISSING',
          message: `input directory not found: ${context.inputDir}`,
          cure: 'check the path after -i',
        },
      ];
    }
    const found = findParticipants(context);
    if (found.length >= settings.min_participants) return [];
    return [
      {
        severity: 'error',
        code: 'MIN_SUBJECTS',
        message: `found ${found.length} participant(s) with a trials.tsv, need at least ${settings.min_participants}`,
        cure: 'add participants, or lower reaction_times.min_participants',
      },
    ];
  },

  buildWorkflow({ config, context }) {
    const study = new Workflow('reaction_times');
    const people = study.items(findParticipants(context), { key: (participant) => participant });
    const summaries = study.map(summariseTrials, {
      trials: people.select((participant) => inputFile(join(context.inputDir, participant, 'trials.tsv'))),
      participant: people,
      statistic: config.reaction_times.statistic,
    });
    const { min_participants: minItems } = config.reaction_times;
    const table = study.add(collectTable, { summaries: study.join(summaries.out.summary, { minItems }) });
    study.publish(table.out.table, 'reaction_times.tsv');
    return study;
  },

  async describeResults(results) {
    const table = results.named('reaction_times.tsv');
    if (table === null) return null;
    return {
      title: 'Reaction times',
      blocks: [{ kind: 'text', paragraphs: ['Medians are in reaction_times.tsv.'] }],
      methods: ['Median reaction times were computed per participant.'],
      citations: [],
    };
  },
});
