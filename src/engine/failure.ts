import { constants } from 'node:os';
import { ERROR_CODES, type ErrorCode } from '../errors.js';
import type { FailureClass } from './events.js';
import { systemCode } from './system-code.js';

/** How a node ended badly: what is told to people, stored as the attempt and used to decide what follows. */
export interface NodeFailure {
  readonly failureClass: FailureClass;
  readonly code: ErrorCode;
  readonly message: string;
  readonly where: string | null;
  readonly cure: string | null;
  readonly stack: string | null;
}

/** How a worker process ended, and why the parent was ending it (null: it was not). */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly endedFor: 'timeout' | 'cancelled' | null;
  readonly timeoutMs: number | null;
  /** Last lines of standard error: the V8 heap message stands there. */
  readonly stderrTail: string;
  readonly peakMb: number;
  /** Limit of the JavaScript heap the process ran with, MB. */
  readonly heapLimitMb: number;
}

const CODES = new Set<string>(ERROR_CODES);

const FULL_ERRNO = new Set(['ENOSPC', 'EDQUOT']);
const DENIED_ERRNO = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR']);

const CLASS_OF_CODE: Partial<Record<ErrorCode, FailureClass>> = {
  USAGE: 'usage',
  INVALID_ARGUMENT: 'usage',
  REQUIREMENT: 'requirement',
  MIN_SUBJECTS: 'requirement',
  COHORT_MISMATCH: 'requirement',
  WAYTOTAL: 'requirement',
  DEVICE: 'requirement',
  TOOL_MISSING: 'requirement',
  RESOURCES: 'requirement',
  INPUT_CHANGED: 'input-changed',
  OUTPUT_MISSING: 'output-missing',
  OUTPUT_INVALID: 'output-invalid',
  OUT_OF_MEMORY: 'out-of-memory',
  TIMEOUT: 'timeout',
  KILLED: 'killed',
  CRASHED: 'crashed',
  NODE_LOST: 'node-lost',
  DEVICE_LOST: 'device-lost',
  CANCELLED: 'cancelled',
  UPSTREAM: 'upstream',
  IO_FULL: 'io-full',
  IO_DENIED: 'io-denied',
};

/** Errors from other copies of the package are recognised by their fields, not by their class. */
function codeOf(error: Error): ErrorCode | null {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && CODES.has(code) ? (code as ErrorCode) : null;
}

function textField(error: Error, name: 'where' | 'cure' | 'path'): string | null {
  const value = (error as unknown as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : null;
}

/** The error number name of a system error (`ENOSPC`), also when it is the cause of another error. */
export function errnoOf(error: unknown): string | null {
  let at: unknown = error;
  for (let depth = 0; at instanceof Error && depth < 8; depth++) {
    const code = systemCode(at as NodeJS.ErrnoException);
    if (typeof (at as NodeJS.ErrnoException).errno === 'number' && typeof code === 'string') return code;
    at = at.cause;
  }
  return null;
}

function causeChain(error: Error): string {
  let text = '';
  let at: unknown = error.cause;
  for (let depth = 0; at instanceof Error && depth < 8; depth++) {
    text += `\ncaused by: ${at.stack ?? at.message}`;
    at = at.cause;
  }
  return text;
}

/** What a value thrown by a node means. */
export function classifyThrown(thrown: unknown): NodeFailure {
  if (!(thrown instanceof Error)) {
    return {
      failureClass: 'error',
      code: 'NODE_FAILED',
      message: `the node threw ${typeof thrown === 'string' ? `'${thrown}'` : typeof thrown}, not an Error`,
      where: null,
      cure: 'throw an Error with a message that says what happened and how to mend it',
      stack: null,
    };
  }
  const stack = (thrown.stack ?? thrown.message) + causeChain(thrown);
  const own = codeOf(thrown);
  if (own !== null) {
    return {
      failureClass: CLASS_OF_CODE[own] ?? 'error',
      code: own,
      message: thrown.message,
      where: textField(thrown, 'where'),
      cure: textField(thrown, 'cure'),
      stack,
    };
  }
  const errno = errnoOf(thrown);
  if (errno !== null && FULL_ERRNO.has(errno)) {
    return { ...ioFull(thrown), stack };
  }
  if (errno !== null && DENIED_ERRNO.has(errno)) {
    return { ...ioDenied(thrown), stack };
  }
  if (
    thrown instanceof RangeError &&
    /array buffer allocation failed|invalid typed array length|could not allocate memory/i.test(
      thrown.message,
    )
  ) {
    return {
      failureClass: 'out-of-memory',
      code: 'OUT_OF_MEMORY',
      message: `no memory for a large array: ${thrown.message}`,
      where: null,
      cure: 'give the run more memory (--memory), or the node a larger resources.memoryGb',
      stack,
    };
  }
  return {
    failureClass: 'error',
    code: 'NODE_FAILED',
    message: thrown.message === '' ? thrown.name : thrown.message,
    where: textField(thrown, 'where') ?? textField(thrown, 'path'),
    cure: textField(thrown, 'cure'),
    stack,
  };
}

function ioFull(error: Error): NodeFailure {
  const path = textField(error, 'path');
  return {
    failureClass: 'io-full',
    code: 'IO_FULL',
    message: `no space left${path === null ? '' : ` while writing ${path}`}: ${error.message}`,
    where: path,
    cure: 'free space there, or move the output (-o), the cache (--cache-dir) or the work directory (--work-dir)',
    stack: null,
  };
}

function ioDenied(error: Error): NodeFailure {
  const path = textField(error, 'path');
  return {
    failureClass: 'io-denied',
    code: 'IO_DENIED',
    message: `not allowed${path === null ? '' : ` at ${path}`}: ${error.message}`,
    where: path,
    cure: 'check owner, mode and that each part of the path is a directory, or choose another place',
    stack: null,
  };
}

/** What the end of a worker process without an answer means. */
export function classifyExit(exit: WorkerExit): NodeFailure {
  if (exit.endedFor !== null) return endedByParent(exit.endedFor, exit.timeoutMs);
  const heap = /heap out of memory|allocation failure.*heap|Reached heap limit/i.test(exit.stderrTail);
  const beyondHeap = /Fatal process out of memory|std::bad_alloc|Array buffer allocation failed/i.test(
    exit.stderrTail,
  );
  const aborted = exit.signal === 'SIGABRT' || exit.code === 134;
  if (heap && (aborted || exit.signal === 'SIGTRAP' || exit.signal === 'SIGILL')) {
    return failure('out-of-memory', 'OUT_OF_MEMORY', {
      message: `the node used up its JavaScript heap of ${exit.heapLimitMb} MB${peakText(exit)}`,
      cure: "raise the node's resources.memoryGb",
    });
  }
  if (beyondHeap && (exit.signal !== null || exit.code !== 0)) {
    return failure('out-of-memory', 'OUT_OF_MEMORY', {
      message: `the node used up its memory; it asked for at most ${exit.heapLimitMb} MB${peakText(exit)}`,
      cure: "raise the node's resources.memoryGb",
    });
  }
  if (
    exit.signal === 'SIGKILL' ||
    exit.signal === 'SIGTERM' ||
    exit.signal === 'SIGHUP' ||
    exit.signal === 'SIGINT'
  ) {
    return failure('killed', 'KILLED', {
      message: `the worker process was ended from outside (${exit.signal})${peakText(exit)}`,
      cure: 'often the system ran out of memory: run with fewer --jobs or on a larger machine; run again to go on',
    });
  }
  if (exit.signal !== null) {
    return failure('crashed', 'CRASHED', {
      message: `the worker process crashed (${exit.signal}, signal ${constants.signals[exit.signal]})`,
      cure: 'native code of the node or of a package it uses failed; the log of the node may say where',
    });
  }
  return failure('crashed', 'CRASHED', {
    message: `the worker process ended with exit code ${String(exit.code)} without a result`,
    cure: 'a node must return its outputs and never call process.exit()',
  });
}

/** A process that lived for less than a second was never looked at. */
function peakText(exit: WorkerExit): string {
  return exit.peakMb === 0 ? '' : `; the process had ${exit.peakMb} MB`;
}

/** The failure of a node that the parent ended: its time was over, or the run was cancelled. */
export function endedByParent(why: 'timeout' | 'cancelled', timeoutMs: number | null): NodeFailure {
  if (why === 'cancelled') {
    return failure('cancelled', 'CANCELLED', {
      message: 'the run was cancelled',
      cure: 'run again to go on',
    });
  }
  return failure('timeout', 'TIMEOUT', {
    message: `the node did not end within its time limit of ${((timeoutMs ?? 0) / 1000).toString()} s`,
    cure: "raise the node's timeoutMs, or give it less work",
  });
}

/** A failure without a stack. */
export function failure(
  failureClass: FailureClass,
  code: ErrorCode,
  text: { message: string; where?: string | null; cure?: string | null },
): NodeFailure {
  return {
    failureClass,
    code,
    message: text.message,
    where: text.where ?? null,
    cure: text.cure ?? null,
    stack: null,
  };
}
