import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readTable, writeAtomic, writeTsv, type TsvCell } from '../../io/index.js';
import type { ModelSource } from '../../numerics/bayes/model.js';
import { groupDifferenceModel } from '../../numerics/bayes/models/group-difference.js';
import { hierarchicalRegressionModel } from '../../numerics/bayes/models/hierarchical-regression.js';
import { horseshoeModel } from '../../numerics/bayes/models/horseshoe.js';
import type { PosteriorRow } from '../../numerics/bayes/posterior.js';
import { getBayesianSampler } from '../../numerics/bayes/sampler.js';
import { BayesianGroupSettings } from '../../numerics/bayes/settings.js';
import { VERSION } from '../../version.js';
import { cohortRows, groupPair, numbersOf, type CohortRow } from './cohort-rows.js';
import { writeTraceHdf5, writeTraceJson } from './trace-files.js';

/**
 * A Bayesian model over a cohort table of spectra or fits (a row per recording or surface) and the table of participants. Several
 * rows of a participant are averaged.
 */
export const bayesianGroup = defineNode({
  name: 'bayesian_group',
  version: 3,
  inputs: {
    /** fits.tsv, descriptors.tsv or the like: `participant`, or the first column alone or as part of a path, names who it is. */
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
