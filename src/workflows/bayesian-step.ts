/** The optional step `bayesian` of workflows with a cohort table: its settings, what stands in its way, and its wiring. */
import type { Workflow } from '../engine/builder.js';
import type { Handle } from '../engine/handle.js';
import { inputFile, type FileOf } from '../engine/port.js';
import type { Problem } from '../engine/requirements.js';
import { nearest } from '../nearest.js';
import { bayesianGroup } from '../nodes/bayes/bayesian-group.js';
import type { BayesianGroupSettings } from '../numerics/bayes/settings.js';

/** The table of participants that the step reads. */
interface PeopleTable {
  readonly path: string;
  readonly columns: readonly string[];
}

/**
 * What the settings ask for that is not there.
 *
 * @param place - the block of the configuration, such as `fooof.bayesian`
 */
export function bayesianProblems(
  settings: BayesianGroupSettings,
  people: PeopleTable | null,
  place: string,
): Problem[] {
  if (people === null) {
    return [
      {
        severity: 'error',
        code: 'INPUT_MISSING',
        message: `${place} is set, but there is no table of participants`,
        cure: 'put participants.tsv into the input, or set it to null',
      },
    ];
  }
  const refuse = (message: string, cure: string): Problem => {
    return { severity: 'error', code: 'CONFIG_VALUE', message: `${place}: ${message}`, cure };
  };
  const { model, group, site, predictors, outcome } = settings;
  const problems: Problem[] = [];
  if (model === 'group_difference' && group === null)
    problems.push(refuse(`${model} needs a column with two groups`, `set ${place}.group`));
  if (model === 'hierarchical_regression' && site === null)
    problems.push(refuse(`${model} needs a column with the sites`, `set ${place}.site`));
  if (model === 'horseshoe' && predictors.length < 2)
    problems.push(refuse(`${model} needs at least 2 predictors`, `set ${place}.predictors`));
  const numbers = model === 'horseshoe' ? [outcome] : predictors;
  for (const column of [...numbers, group, site]) {
    if (column === null || people.columns.includes(column)) continue;
    const near = nearest(column, people.columns);
    const hint = near === null ? '' : `; did you mean ${near}?`;
    problems.push(
      refuse(`${people.path} has no column ${column}${hint}`, `choose from ${people.columns.join(', ')}`),
    );
  }
  return problems;
}

/** Fits the model to a cohort table and publishes its files. */
export function addBayesianGroup(
  wf: Workflow,
  table: Handle<FileOf<'tsv'>>,
  people: PeopleTable,
  settings: BayesianGroupSettings,
  cpus: number,
): void {
  const fitted = wf.add(
    bayesianGroup,
    { table, participants: inputFile(people.path), settings },
    { resources: { cpus: Math.min(settings.chains, cpus) } },
  );
  wf.publish(fitted.out.summary, 'bayesian_summary.tsv');
  wf.publish(fitted.out.trace, 'bayesian_trace.h5');
  wf.publish(fitted.out.trace_json, 'bayesian_trace.json');
  wf.publish(fitted.out.report, 'bayesian_report.json');
}
