import { existsSync } from 'node:fs';
import { err, ok, type Result } from '../result.js';
import type { Workflow } from './builder.js';
import { fileLinkProblems, participantLinkProblems } from './link-check.js';
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
  /** Reads participants and files that are links out of the input directory. Default false: they are refused. */
  readonly followLinks?: boolean;
  /** The checks of the workflow itself may take this long, ms. Default: 10 minutes. */
  readonly checkLimitMs?: number;
}

const DEFAULT_CHECK_LIMIT_MS = 600_000;

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
    ...(options.followLinks === true ? [] : participantLinkProblems(context.inputDir)),
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
    const limitMs = options.checkLimitMs ?? DEFAULT_CHECK_LIMIT_MS;
    const own = await inTime(definition.verifyRequirements(config, context), limitMs);
    problems.push(...(own ?? [tooSlow(definition.name, limitMs)]));
  } catch (error) {
    problems.push(problemOf(error));
  }
  return problems;
}

/** What the promise gives; null when it gives nothing in time. A check that does not wait cannot be interrupted. */
async function inTime<T>(promise: Promise<T>, limitMs: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((settle) => {
    timer = setTimeout(settle, limitMs, null);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function tooSlow(workflow: string, limitMs: number): Problem {
  return {
    severity: 'error',
    code: 'TIMEOUT',
    message: `the checks of workflow ${workflow} did not end within ${limitMs / 1000} s`,
    cure: 'see whether the disk of the input directory answers, or allow more with --check-limit',
  };
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
  const workflow = await definition.buildWorkflow({ ...products, config, context });
  const links = options.followLinks === true ? [] : fileLinkProblems(context.inputDir, workflow.compile());
  return links.length > 0 ? err([...problems, ...links]) : ok({ workflow, warnings: problems });
}
