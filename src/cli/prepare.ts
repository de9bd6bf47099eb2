import { availableParallelism } from 'node:os';
import type { Workflow } from '../engine/builder.js';
import { createProducts, prepareWorkflow, type PrepareOptions } from '../engine/prepare.js';
import type { WorkflowContext, WorkflowDefinition } from '../engine/registry.js';
import { siteOf } from '../engine/executors/site.js';
import { resourceProblems, type Problem } from '../engine/requirements.js';
import { reportConfigProblems } from './commands/report-config.js';
import { EXIT, isStorageCode } from './exit-codes.js';
import type { StudyOptions } from './options.js';
import { renderRequirements, renderWarning } from './render-error.js';
import { siteRequest } from './requests.js';
import type { Session } from './session.js';
import { openStudy, type Study } from './study.js';
import { openCatalog } from './workflow-catalog.js';

/** A study whose requirements are met, or what the process ends with because they are not. */
export type Prepared =
  | {
      readonly kind: 'ready';
      readonly study: Study;
      readonly workflow: Workflow;
      /** Makes the folders of the workflow's products; a run does, a plan does not. */
      makeFolders(): void;
    }
  | { readonly kind: 'refused'; readonly exitCode: number };

/** Reads the configuration, checks the requirements, wires the graph; tells every problem and warning. */
export async function prepareStudy(
  options: StudyOptions & { readonly memory?: number; readonly gpus?: number },
  session: Session,
): Promise<Prepared> {
  const catalog = await openCatalog(session);
  const opened = await openStudy(catalog, options, session);
  if (!opened.ok) return { kind: 'refused', exitCode: reportConfigProblems(opened.error, session) };
  const study = opened.value;
  const { name } = study.entry;
  const definition = await study.entry.definition();
  const { config } = study.loaded;
  const context = contextOf(study, options);
  const find = (other: string): Promise<WorkflowDefinition> => catalog.find(other).definition();
  const prepared = await prepareWorkflow({ definition, config, context, find, ...checkOptions(options) });
  if (!prepared.ok) {
    return { kind: 'refused', exitCode: reportRequirements(name, prepared.error, session) };
  }
  const { workflow, warnings } = prepared.value;
  const { cpus, memory: memoryGb, gpus } = options;
  const site = await siteOf({ ...siteRequest(study), cpus, memoryGb, gpus });
  const tooLarge = resourceProblems(workflow.compile(), site.largest);
  if (tooLarge.length > 0) {
    return { kind: 'refused', exitCode: reportRequirements(name, [...warnings, ...tooLarge], session) };
  }
  reportWarnings(name, warnings, session);
  const makeFolders = (): void => createProducts(definition, config, context);
  return { kind: 'ready', study, workflow, makeFolders };
}

/** How requirements are checked. */
export function checkOptions(options: StudyOptions): Pick<PrepareOptions, 'followLinks' | 'checkLimitMs'> {
  return {
    followLinks: options.followLinks === true,
    ...(options.checkLimit !== undefined && { checkLimitMs: options.checkLimit }),
  };
}

export function contextOf(study: Study, options: StudyOptions): WorkflowContext {
  const { inputDir, outputDir, participants } = study;
  return { inputDir, outputDir, participants, seed: 0, cpus: options.cpus ?? availableParallelism() };
}

/** @returns the exit code: 5 when only the file system stands in the way, 2 when only the configuration, else 3 */
export function reportRequirements(name: string, problems: readonly Problem[], session: Session): number {
  reportWarnings(name, problems, session);
  session.terminal.note(renderRequirements(name, problems));
  const errors = problems.filter((problem) => problem.severity === 'error');
  // A check that did not end still holds the process.
  if (errors.some(({ code }) => code === 'TIMEOUT')) setTimeout(() => process.exit(), 1000).unref();
  if (errors.every(({ code }) => isStorageCode(code))) return EXIT.storage;
  const isUsage = (code: string): boolean => code === 'USAGE' || code.startsWith('CONFIG_');
  return errors.every(({ code }) => isUsage(code)) ? EXIT.usage : EXIT.requirements;
}

export function reportWarnings(name: string, problems: readonly Problem[], session: Session): void {
  for (const problem of problems) {
    if (problem.severity === 'warning') session.terminal.note(renderWarning(name, problem));
  }
}
