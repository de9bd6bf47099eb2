// The workflow: its settings, what must be there before a run, and how its nodes hang together.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineWorkflow, inputFile, Workflow, z, type WorkflowContext } from 'neuroloom';
import { collectRates, measureRate } from './nodes.js';

const HeartRateConfig = z.strictObject({
  shortest_beat: z
    .number()
    .positive()
    .default(0.3)
    .describe('Beats closer than this to the one before are taken for noise, s'),
});

/** The part of the configuration that this workflow reads. */
interface Config {
  readonly heart_rate: z.output<typeof HeartRateConfig>;
}

/** Participants whose file is there, restricted to those that were asked for. */
function findParticipants({ inputDir, participants }: WorkflowContext): string[] {
  if (!existsSync(inputDir)) return [];
  return readdirSync(inputDir)
    .filter((name) => name.endsWith('_beats.tsv'))
    .map((name) => name.replace('_beats.tsv', ''))
    .filter((label) => participants === null || participants.includes(label));
}

export const heartRate = defineWorkflow({
  name: 'heart_rate',
  summary: 'Heart rate of every participant, in one table',
  scope: 'cohort',
  configNamespace: 'heart_rate',
  configSchema: HeartRateConfig,

  verifyRequirements(_config: Config, context: WorkflowContext) {
    if (findParticipants(context).length > 0) return [];
    return [
      {
        severity: 'error',
        code: 'INPUT_MISSING',
        message: `no file *_beats.tsv in ${context.inputDir}`,
        cure: 'check the path after -i',
      },
    ];
  },

  buildWorkflow({ config, context }: { config: Config; context: WorkflowContext }) {
    const study = new Workflow('heart_rate');
    const people = study.items(findParticipants(context), { key: (label) => label });
    const rates = study.map(measureRate, {
      beats: people.select((label) => inputFile(join(context.inputDir, `${label}_beats.tsv`))),
      participant: people,
      shortestBeat: config.heart_rate.shortest_beat,
    });
    // Participants that were skipped are left out of the table; one must be left.
    const table = study.add(collectRates, { rates: study.join(rates.out.rate, { minItems: 1 }) });
    study.publish(table.out.table, 'heart_rate.tsv');
    return study;
  },
});
