/**
 * Every error that a user can meet. The list is closed: a message is found by its code, and each code has a
 * test of its whole text.
 */
export const ERROR_CODES = [
  // command line and configuration (exit 2)
  'USAGE',
  'UNKNOWN_WORKFLOW',
  'CONFIG_SYNTAX',
  'CONFIG_UNKNOWN_KEY',
  'CONFIG_VALUE',
  'CONFIG_FILE',
  'NOT_AVAILABLE_YET',
  'LOAD_MODULE',
  // requirements (exit 3)
  'INPUT_MISSING',
  'OUTPUT_UNWRITABLE',
  'MIN_SUBJECTS',
  'COHORT_MISMATCH',
  'WAYTOTAL',
  'DEVICE',
  'DTYPE',
  'MEMORY_LIMIT',
  'RESOURCES',
  'TOOL_MISSING',
  'REQUIREMENT',
  'DISABLED',
  'NOT_TEMPLATE_SPACE',
  // graph construction (exit 2: the workflow is wrong)
  'GRAPH_CYCLE',
  'GRAPH_DUPLICATE_ID',
  'GRAPH_EDGE',
  'GRAPH_KEYS',
  'GRAPH_PUBLISH',
  'NODE_DEFINITION',
  'WORKFLOW_DEFINITION',
  'CANONICAL',
  // a node failed (exit 1, or 4 where allowed)
  'NODE_FAILED',
  'INPUT_CHANGED',
  'OUTPUT_MISSING',
  'OUTPUT_INVALID',
  'OUT_OF_MEMORY',
  'TIMEOUT',
  'KILLED',
  'CRASHED',
  'NODE_LOST',
  'CANCELLED',
  'UPSTREAM',
  // files and numbers (ProcessingError)
  'FILE_FORMAT',
  'FILE_TRUNCATED',
  'FILE_CORRUPT',
  'FILE_MISSING',
  'SHAPE_MISMATCH',
  'AFFINE_MISMATCH',
  'AFFINE_SINGULAR',
  'NON_FINITE',
  'TRAINING_DIVERGED',
  'FOLDS',
  'CHECKPOINT',
  'INVALID_ARGUMENT',
  'NOT_CONVERGED',
  'ILL_CONDITIONED',
  // cache and file system (exit 5)
  'IO_FULL',
  'IO_DENIED',
  'IO',
  'CACHE_FORMAT',
  'CACHE_CORRUPT',
  // something is not installed (DependencyError)
  'ADDON_MISSING',
  'BACKEND_MISSING',
  'DEVICE_LOST',
  'DEVICE_REFUSED',
  'INTERNAL',
] as const;

/** The code of an error: what happened, as one word of a closed list. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** Where an error happened, how to mend it, and what caused it. */
export interface ErrorDetail {
  /** Where it happened: a path, a key, a node, a line. */
  readonly where?: string;
  /** How to mend it, as an instruction. */
  readonly cure?: string;
  readonly cause?: unknown;
}

/** Base of all errors with a code: `message` says what happened, `where` the place, `cure` how to mend. */
export class PipelineError extends Error {
  readonly code: ErrorCode;
  readonly where: string | undefined;
  readonly cure: string | undefined;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = new.target.name;
    this.code = code;
    this.where = detail.where;
    this.cure = detail.cure;
  }
}

/** The configuration, the command line or the wiring of a workflow is wrong. */
export class ConfigError extends PipelineError {}

/** Something that must hold before a run does not hold. */
export class RequirementError extends PipelineError {}

/** A node failed while it ran. */
export class NodeError extends PipelineError {}

/** Data cannot be processed: a broken file, a wrong shape, numbers that are not finite. */
export class ProcessingError extends PipelineError {}

/** A backend, the native addon or a program is not installed. */
export class DependencyError extends PipelineError {}

/** The cache or the file system failed. */
export class StorageError extends PipelineError {}
