import { accessSync, constants, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { PipelineError, type ErrorCode } from '../errors.js';
import { requestsOf, type CompiledGraph } from './graph.js';
import { checkRequests, type ResourceLimits } from './resource-pool.js';

/** Something that must or should hold before a run. A workflow is ready when none has severity `error`. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  readonly code: ErrorCode;
  readonly message: string;
  /** How to mend it, as an instruction. */
  readonly cure: string;
  /** The file or folder concerned. */
  readonly path?: string;
}

export function isReady(problems: readonly Problem[]): boolean {
  return problems.every((problem) => problem.severity !== 'error');
}

/** Nodes of a built workflow that could never start with these limits, as a problem. */
export function resourceProblems(graph: CompiledGraph, limits: ResourceLimits): Problem[] {
  try {
    checkRequests(requestsOf(graph), limits);
    return [];
  } catch (error) {
    return [problemOf(error)];
  }
}

/**
 * Whether a directory is there or could be made, and takes new files. Looks at its nearest existing parent and
 * writes nothing.
 *
 * @param what - for the message: `output directory`, `cache directory`
 * @param cure - how to choose another place
 */
export function writableProblems(directory: string, what: string, cure: string): Problem[] {
  const problem = (message: string): Problem[] => [
    { severity: 'error', code: 'OUTPUT_UNWRITABLE', message, cure, path: directory },
  ];
  let existing = path.resolve(directory);
  while (!existsSync(existing)) existing = path.dirname(existing);
  if (!statSync(existing).isDirectory()) {
    const below =
      existing === path.resolve(directory) ? 'is a file' : `lies below ${existing}, which is a file`;
    return problem(`the ${what} ${directory} ${below}`);
  }
  const denied = whyNoAccess(existing, constants.W_OK | constants.X_OK);
  return denied === null
    ? []
    : problem(`the ${what} ${directory} cannot be written: ${denied} in ${existing}`);
}

/** Whether the input directory is there and can be listed. */
export function inputProblems(directory: string): Problem[] {
  const cure = 'name an existing directory with -i, or set input_dir in the configuration';
  const problem = (message: string): Problem[] => [
    { severity: 'error', code: 'INPUT_MISSING', message, cure, path: directory },
  ];
  if (!existsSync(directory)) return problem(`there is no input directory ${directory}`);
  if (!statSync(directory).isDirectory()) return problem(`the input ${directory} is not a directory`);
  const denied = whyNoAccess(directory, constants.R_OK | constants.X_OK);
  return denied === null ? [] : problem(`the input directory ${directory} cannot be read: ${denied}`);
}

/** Programs that are not on the search path. */
export function toolProblems(tools: readonly string[], searchPath = process.env['PATH'] ?? ''): Problem[] {
  return [...new Set(tools)]
    .filter((tool) => !isOnPath(tool, searchPath))
    .map((tool) => ({
      severity: 'error',
      code: 'TOOL_MISSING',
      message: `the program ${tool} is not installed, or not on the search path`,
      cure: `install it, or add its folder to PATH`,
    }));
}

function isOnPath(tool: string, searchPath: string): boolean {
  const candidates = tool.includes('/')
    ? [tool]
    : searchPath
        .split(path.delimiter)
        .filter((folder) => folder !== '')
        .map((folder) => path.join(folder, tool));
  // Asked first for access: a folder on the path that may not be looked into would make stat throw.
  return candidates.some((file) => whyNoAccess(file, constants.X_OK) === null && statSync(file).isFile());
}

function whyNoAccess(target: string, mode: number): string | null {
  try {
    accessSync(target, mode);
    return null;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'EROFS') return 'read-only file system';
    return code === 'EACCES' || code === 'EPERM' ? 'no permission' : message;
  }
}

/** A problem that an error with a code stands for; other errors are bugs and are thrown on. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof PipelineError)) throw error;
  return {
    severity: 'error',
    code: error.code,
    message: error.message,
    cure: error.cure ?? 'see the message',
    ...(error.where === undefined ? {} : { path: error.where }),
  };
}
