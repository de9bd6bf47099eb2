import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readTable, writeAtomic, writeTsv, type TsvCell } from '../../io/index.js';
import type { ModelSource } from '../../numerics/bayes/model.js';
import { groupDifferenceModel } from '../../numerics/bayes/models/group-difference.js';
import { hierarchicalRegressionModel } from '../../numerics/bayes/models/hierarchical-regression.js';
import { horseshoeModel } from '../../numerics/bayes/models/horseshoe.js';
import type { PosteriorRow } from '../../numerics/bayes/posterior.js';
import { getBayesianSampler, SAMPLER_NAMES } from '../../numerics/bayes/sampler.js';
import { VERSION } from '../../version.js';
import { cohortRows, groupPair, numbersOf, type CohortRow } from './cohort-rows.js';
import { writeTraceHdf5, writeTraceJson } from './trace-files.js';

export type BayesianGroupSettings = z.output<typeof BayesianGroupSettings>;
export const BayesianGroupSettings = z.strictObject({
  model: z
    .enum(['group_difference', 'hierarchical_regression', 'horseshoe'])
    .default('group_difference')
    .describe(
      'What is fitted: two groups, a regression with effects of sites, or many descriptors of which few matter',
    ),
  outcome: z
    .string()
    .min(1)
    .describe('Column that is explained: of the table, for horseshoe of the participants'),
  predictors: z
    .array(z.string().min(1))
    .default([])
    .describe('Columns that explain it: of the participants, for horseshoe of the table'),
  group: z.string().min(1).nullable().default(null).describe('Column of the participants with two groups'),
  groups: z
    .tuple([z.string(), z.string()])
    .nullable()
    .default(null)
    .describe('The two groups, first minus second; null: those there are, in order'),
  site: z.string().min(1).nullable().default(null).describe('Column of the participants with the site'),
  where: z
    .record(z.string(), z.string())
    .default({})
    .describe('Rows of the table that count, by column and value, such as channel: Cz'),
  sampler: z.enum(SAMPLER_NAMES).default('nuts').describe('nuts, or nutpie where variables are correlated'),
  draws: z.int().min(4).default(2000).describe('Draws of each chain that are kept'),
  tune: z.int().min(0).default(1000).describe('Draws of each chain before'),
  chains: z.int().min(1).default(4).describe('Chains'),
  target_accept: z.number().gt(0).lt(1).default(0.95).describe('Mean acceptance that the step size aims at'),
});

/**
 * A Bayesian model over a cohort table of spectra or fits (a row per recording or surface) and the table of participants. Several
 * rows of a participant are averaged.
 */
export const bayesianGroup = defineNode({
  name: 'bayesian_group',
  version: 1,
  inputs: {
    /** fits.tsv, shapedna.tsv or the like: the first column names the participant, alone or as part of a path. */
    table: port.file('tsv'),
    /** BIDS participants.tsv. */
    participants: port.file('tsv'),
    settings: port.value(BayesianGroupSettings),
  },
  outputs: {
    summary: port.file('tsv'),
    trace: port.file('h5'),
    trace_json: port.file('json'),
    report: port.file('json'),
  },
  resources: { cpus: 4, memoryGb: 1 },
  async run({ table, participants, settings }, ctx) {
    const [values, people] = [await readTable(table.path), await readTable(participants.path)];
    const rows = cohortRows(values, people, columnsOf(settings), settings.where);
    for (const { participant, reason } of rows.dropped) ctx.log.warn(`${participant} is left out: ${reason}`);
    const sampler = getBayesianSampler(settings.sampler, {
      draws: settings.draws,
      tune: settings.tune,
      chains: settings.chains,
      cores: ctx.cpus,
      targetAccept: settings.target_accept,
      randomSeed: ctx.seed >>> 0,
    });
    const posterior = await sampler.sample(modelOf(settings, rows.rows), {
      signal: ctx.signal,
      onProgress: (done, total) => ctx.progress(done, total, settings.model),
    });
    const problems = posterior.problems();
    for (const problem of problems) ctx.log.warn(problem);
    const paths = {
      summary: ctx.outputFile('summary.tsv'),
      trace: ctx.outputFile('trace.h5'),
      trace_json: ctx.outputFile('trace.json'),
      report: ctx.outputFile('report.json'),
    };
    await writeTsv(paths.summary, [...SUMMARY_COLUMNS], posterior.summary().map(summaryCells));
    await writeTraceHdf5(paths.trace, posterior);
    await writeTraceJson(paths.trace_json, posterior);
    const report = {
      GeneratedBy: [{ Name: 'neuroloom', Version: VERSION }],
      settings,
      sampling: posterior.record,
      participants: rows.rows.map(({ participant }) => participant),
      dropped: rows.dropped,
      divergences: posterior.divergences,
      problems,
    };
    await writeAtomic(paths.report, `${JSON.stringify(report, null, 2)}\n`);
    return paths;
  },
});

const SUMMARY_COLUMNS = [
  'parameter',
  'mean',
  'sd',
  'median',
  'q2_5',
  'q97_5',
  'hdi_3',
  'hdi_97',
  'mcse_mean',
  'mcse_sd',
  'ess_bulk',
  'ess_tail',
  'r_hat',
  'positive',
] as const satisfies readonly (keyof PosteriorRow)[];

function summaryCells(row: PosteriorRow): TsvCell[] {
  return SUMMARY_COLUMNS.map((column) => row[column]);
}

/** Which columns come from which table. */
function columnsOf({ model, outcome, predictors, group, site }: BayesianGroupSettings): {
  ofTable: string[];
  ofPeople: string[];
  labels: string[];
} {
  const labels = [group, site].filter((column) => column !== null);
  if (model === 'horseshoe') return { ofTable: [...predictors], ofPeople: [outcome], labels };
  return { ofTable: [outcome], ofPeople: [...predictors], labels };
}

function modelOf(settings: BayesianGroupSettings, rows: readonly CohortRow[]): ModelSource {
  const outcome = numbersOf(rows, settings.outcome);
  const predictors = settings.predictors.map((name) => ({ name, values: numbersOf(rows, name) }));
  switch (settings.model) {
    case 'group_difference':
      return groupDifferenceModel(groupPair(rows, outcome, settings.group, settings.groups));
    case 'hierarchical_regression':
      return hierarchicalRegressionModel({
        outcome,
        predictors,
        site: rows.map(({ labels }) => labels[settings.site ?? ''] ?? ''),
      });
    case 'horseshoe':
      return horseshoeModel({ outcome, predictors });
  }
}
