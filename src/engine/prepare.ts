import { existsSync } from 'node:fs';
import { err, ok, type Result } from '../result.js';
import type { Workflow } from './builder.js';
import { getWorkflow, type MergedConfig, type WorkflowContext, type WorkflowDefinition } from './registry.js';
import {
  inputProblems,
  isReady,
  problemOf,
  toolProblems,
  writableProblems,
  type Problem,
} from './requirements.js';

export interface PrepareOptions {
  readonly definition: WorkflowDefinition;
  /** Merged and validated: every namespace. */
  readonly config: MergedConfig;
  readonly context: WorkflowContext;
  /** Definition and parsed configuration of another workflow whose product is required; default: the registry. */
  readonly find?: (name: string) => WorkflowDefinition | Promise<WorkflowDefinition>;
}

/**
 * Every requirement of a workflow that is not met: engine checks, then the workflow's own. Nothing is written.
 *
 * An error with a code that a check throws becomes a problem of the list; any other exception is a bug and thrown.
 */
export async function requirementProblems(options: PrepareOptions): Promise<readonly Problem[]> {
  const { definition, config, context } = options;
  const input = definition.checksInput ? [] : inputProblems(context.inputDir);
  const problems: Problem[] = [
    ...input,
    ...writableProblems(context.outputDir, 'output directory', 'choose another place with -o'),
    ...toolProblems(definition.requires.tools),
  ];
  try {
    resolveProducts(definition, config, context);
  } catch (error) {
    problems.push(problemOf(error));
  }
  for (const product of definition.requires.products)
    problems.push(...(await productProblems(product, options)));
  // Checks that read the input could only repeat that it is not there.
  if (input.length > 0) return problems;
  try {
    problems.push(...(await definition.verifyRequirements(config, context)));
  } catch (error) {
    problems.push(problemOf(error));
  }
  return problems;
}

async function productProblems(product: string, options: PrepareOptions): Promise<Problem[]> {
  const [name = '', dirName = ''] = product.split('.');
  let directory: string;
  try {
    const other = await (options.find ?? getWorkflow)(name);
    const dir = other.produces[dirName];
    if (dir === undefined) {
      const message = `workflow ${name} has no product '${dirName}'`;
      return [{ severity: 'error', code: 'REQUIREMENT', message, cure: 'correct @requires of the workflow' }];
    }
    const block = options.config[other.configNamespace];
    directory = dir.resolve(block, other.configNamespace, options.context.outputDir);
  } catch (error) {
    return [problemOf(error)];
  }
  if (existsSync(directory)) return [];
  const message = `the results of workflow ${name} are not there`;
  return [{ severity: 'error', code: 'REQUIREMENT', message, cure: `run -w ${name} first`, path: directory }];
}

/** Paths of the folders that a workflow produces, by product. Makes nothing. */
export function resolveProducts(
  definition: WorkflowDefinition,
  config: MergedConfig,
  context: WorkflowContext,
): Record<string, string> {
  const { configNamespace } = definition;
  return Object.fromEntries(
    Object.entries(definition.produces).map(([product, dir]) => [
      product,
      dir.resolve(config[configNamespace], configNamespace, context.outputDir),
    ]),
  );
}

/** Makes the folders that a workflow produces; a run calls it, a plan does not. */
export function createProducts(
  definition: WorkflowDefinition,
  config: MergedConfig,
  context: WorkflowContext,
): void {
  const { configNamespace } = definition;
  for (const dir of Object.values(definition.produces)) {
    dir.create(config[configNamespace], configNamespace, context.outputDir);
  }
}

export interface PreparedWorkflow {
  readonly workflow: Workflow;
  readonly warnings: readonly Problem[];
}

/**
 * Checks the requirements and builds the workflow when all errors are absent. Writes nothing.
 *
 * @returns the workflow and the warnings, or every problem
 */
export async function prepareWorkflow(
  options: PrepareOptions,
): Promise<Result<PreparedWorkflow, readonly Problem[]>> {
  const { definition, config, context } = options;
  const problems = await requirementProblems(options);
  if (!isReady(problems)) return err(problems);
  const products = resolveProducts(definition, config, context);
  return ok({
    workflow: await definition.buildWorkflow({ ...products, config, context }),
    warnings: problems,
  });
}
