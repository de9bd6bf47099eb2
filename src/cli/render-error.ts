import { durationText } from '../engine/duration-text.js';
import { originText, type ConfigProblem, type Excerpt } from '../config/index.js';
import { PipelineError } from '../errors.js';
import type { RunEvent } from '../engine/events.js';
import { withoutControlCodes } from './terminal.js';

/** One problem of the configuration: place, code, key, what is wrong; the line with a mark; how to mend it. */
export function renderConfigProblem(problem: ConfigProblem): string {
  const { origin, severity, code, path, message, excerpt, cure } = problem;
  const place = origin === null ? '' : `${originText(origin)}  `;
  const lines = [`${place}${severity} ${code}  ${path === '' ? '' : `${path}: `}${message}`];
  if (excerpt !== null) lines.push(...renderExcerpt(excerpt));
  if (cure !== null) lines.push(`  mend: ${cure}`);
  return lines.map(withoutControlCodes).join('\n');
}

function renderExcerpt(excerpt: Excerpt): string[] {
  const number = String(excerpt.line);
  return [
    `  ${number} | ${excerpt.text}`,
    `  ${' '.repeat(number.length)} | ${' '.repeat(excerpt.start)}${'~'.repeat(excerpt.length)}`,
  ];
}

/** What the engine's `Problem` has, as far as it is shown. */
export interface ShownProblem {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly message: string;
  readonly cure?: string | null | undefined;
}

/** Everything that must hold before a run and does not, under one head line. */
export function renderRequirements(workflow: string, problems: readonly ShownProblem[]): string {
  const errors = problems.filter((problem) => problem.severity === 'error');
  const count = errors.length === 1 ? '1 requirement' : `${errors.length} requirements`;
  const verb = errors.length === 1 ? 'is' : 'are';
  const head = `${count} of ${workflow} ${verb} not met; nothing was run`;
  const width = Math.max(0, ...errors.map((problem) => problem.code.length));
  return [head, ...errors.map((problem) => renderProblem(workflow, problem, width))].join('\n');
}

/** A warning of the checks: the run goes on. */
export function renderWarning(workflow: string, problem: ShownProblem): string {
  return `warning of ${workflow}\n${renderProblem(workflow, problem, problem.code.length)}`;
}

/** `  CODE  message`, further lines of the message and the cure below it. */
function renderProblem(workflow: string, problem: ShownProblem, codeWidth: number): string {
  const indent = ' '.repeat(codeWidth + 5);
  // The head line names the workflow; messages that begin with it (their text is fixed) need not repeat it.
  const message = problem.message.startsWith(`${workflow}: `)
    ? problem.message.slice(workflow.length + 2)
    : problem.message;
  const lines = [`  ${problem.code.padEnd(codeWidth)}   ${message.replaceAll('\n', `\n${indent}`)}`];
  if (problem.cure) lines.push(`${indent}mend: ${problem.cure.replaceAll('\n', `\n${indent}      `)}`);
  return withoutControlCodes(lines.join('\n'));
}

/** A node that failed: class, where its log is, the last lines of it, how to mend. */
export function renderNodeFailure(
  event: Extract<RunEvent, { type: 'node-failed' }>,
  options: { readonly showStack: boolean },
): string {
  const tries = event.attempts > 1 ? ` in attempt ${event.attempts}` : '';
  const head = `${event.code}  ${event.id} failed${tries} after ${durationText(event.ms)}: ${event.message}`;
  const lines = [head];
  if (event.where !== null) lines.push(`  where: ${event.where}`);
  const tail = event.logTail.trimEnd();
  if (tail !== '') lines.push('  last lines of its log:', ...tail.split('\n').map((line) => `    | ${line}`));
  if (event.logPath !== null) lines.push(`  log: ${event.logPath}`);
  if (options.showStack && event.stack !== null) {
    lines.push(...event.stack.split('\n').map((line) => `    ${line}`));
  }
  if (event.cure !== null) lines.push(`  mend: ${event.cure}`);
  if (event.rerun !== null) lines.push(`  run it alone: ${event.rerun}`);
  return withoutControlCodes(lines.join('\n'));
}

/** An error that ended a command. Stack traces: with `--debug`, or for a bug. */
export function renderError(error: unknown, options: { readonly debug: boolean }): string {
  if (error instanceof PipelineError && error.code !== 'INTERNAL') {
    const lines = [`${error.code}  ${error.message}`];
    if (error.where !== undefined) lines.push(`  where: ${error.where}`);
    if (error.cure !== undefined) lines.push(`  mend: ${error.cure}`);
    if (options.debug) lines.push(stackOf(error));
    return withoutControlCodes(lines.join('\n'));
  }
  const message = error instanceof Error ? error.message : String(error);
  return withoutControlCodes(
    [
      `INTERNAL  this is a bug of neuroloom: ${message}`,
      stackOf(error),
      '  mend: report it with the lines above; finished nodes stay cached, the same command goes on from there',
    ].join('\n'),
  );
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const cause = error.cause === undefined ? '' : `\n  caused by: ${stackOf(error.cause).trimStart()}`;
  return `${(error.stack ?? error.message).replaceAll(/^/gm, '  ')}${cause}`;
}
