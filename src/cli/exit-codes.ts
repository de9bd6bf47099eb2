import {
  ConfigError,
  DependencyError,
  PipelineError,
  RequirementError,
  StorageError,
  type ErrorCode,
} from '../errors.js';

/** What the process tells its caller (DESIGN section 5). */
export const EXIT = {
  done: 0,
  nodeFailed: 1,
  usage: 2,
  requirements: 3,
  doneWithFailures: 4,
  storage: 5,
  timeLimit: 6,
  /** Of `plan --exit-code` alone: a run would do something. */
  workToDo: 10,
  bug: 70,
  interrupted: 130,
  terminated: 143,
} as const;

const STORAGE_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'IO_FULL',
  'IO_DENIED',
  'IO',
  'CACHE_FORMAT',
  'CACHE_CORRUPT',
  'OUTPUT_UNWRITABLE',
]);

/** Whether a code says that the file system stands in the way. */
export function isStorageCode(code: ErrorCode): boolean {
  return STORAGE_CODES.has(code);
}

/** Graphs and definitions are wrong before anything runs, like a wrong command line. */
const DEFINITION_CODES = /^(GRAPH_|NODE_DEFINITION$|WORKFLOW_DEFINITION$|CANONICAL$)/;

/** The exit code of a command whose process was ended by a signal. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  if (signal === 'SIGINT') return EXIT.interrupted;
  return signal === 'SIGTERM' || signal === 'SIGHUP' ? EXIT.terminated : EXIT.nodeFailed;
}

/** A device fails in the middle of work: then something was run. */
const DURING_WORK: ReadonlySet<ErrorCode> = new Set(['DEVICE_LOST', 'DEVICE_REFUSED']);

/** What is not installed, or was built for another Node, is a requirement that is not met. */
function isRequirement(error: PipelineError): boolean {
  if (error instanceof RequirementError) return true;
  return error instanceof DependencyError && !DURING_WORK.has(error.code);
}

/** The exit code of an error that ended a command. An error without a code of ours is a bug. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof PipelineError)) return EXIT.bug;
  if (error instanceof StorageError || isStorageCode(error.code)) return EXIT.storage;
  if (isRequirement(error)) return EXIT.requirements;
  if (error instanceof ConfigError || DEFINITION_CODES.test(error.code)) return EXIT.usage;
  if (error.code === 'INTERNAL') return EXIT.bug;
  return EXIT.nodeFailed;
}
