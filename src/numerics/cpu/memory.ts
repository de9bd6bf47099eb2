/** How much memory there is, and guards against taking more. */
import { existsSync, readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';

import { ProcessingError } from '../../errors.js';

const GIB = 2 ** 30;

const ITEM_BYTES = {
  float64: 8,
  float32: 4,
  float16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint64: 8,
  uint32: 4,
  uint16: 2,
  uint8: 1,
  bool: 1,
  complex128: 16,
  complex64: 8,
} as const;

/** A type of number by its name in NumPy. */
export type ArrayDtype = keyof typeof ITEM_BYTES;

/**
 * Memory that an array of a shape needs.
 *
 * @throws ProcessingError INVALID_ARGUMENT for a shape or a type of numbers that cannot be
 */
export function estimateArrayMemory(
  shape: readonly number[],
  dtype: ArrayDtype = 'float64',
): { readonly bytes: number; readonly gib: number } {
  if (!Object.hasOwn(ITEM_BYTES, dtype)) {
    throw new ProcessingError('INVALID_ARGUMENT', `there is no type of numbers '${dtype}'`, {
      cure: `use one of ${Object.keys(ITEM_BYTES).join(', ')}`,
    });
  }
  const wrong = shape.find((n) => !Number.isSafeInteger(n) || n < 0);
  if (wrong !== undefined) {
    throw new ProcessingError('INVALID_ARGUMENT', `an axis of ${wrong} is not possible`, {
      cure: 'give whole numbers from 0',
    });
  }
  const bytes = shape.reduce((product, n) => product * n, ITEM_BYTES[dtype]);
  return { bytes, gib: bytes / GIB };
}

/** Memory of the machine, or of the group of processes that this one belongs to, whichever is smaller. */
export interface MemoryInfo {
  readonly totalGib: number;
  readonly availableGib: number;
  /** total - available */
  readonly usedGib: number;
  readonly percentUsed: number;
  /** What sets the limit: the machine, a control group, or a limit of this process (`ulimit`, `prlimit`). */
  readonly limitedBy: 'machine' | 'cgroup' | 'process';
}

/** Where the kernel tells about memory; tests give another root. */
const ROOT = '/';

/**
 * Memory that is there and that is left, with the limits of control groups (version 1 and 2, the nearest one that has a limit)
 * and of the process (address space, data) taken into account.
 */
export function ramStatus(root: string = ROOT): MemoryInfo {
  const candidates = [machineMemory(root), ...groupMemory(root), ...processMemory(root)];
  const least = candidates.reduce((a, b) => (b.available < a.available ? b : a));
  const total = Math.min(...candidates.map((one) => one.total));
  const used = total - least.available;
  return {
    totalGib: total / GIB,
    availableGib: least.available / GIB,
    usedGib: used / GIB,
    percentUsed: total === 0 ? 100 : (100 * used) / total,
    limitedBy: least.by,
  };
}

interface Candidate {
  readonly total: number;
  readonly available: number;
  readonly by: MemoryInfo['limitedBy'];
}

function machineMemory(root: string): Candidate {
  const info = textOf(join(root, 'proc/meminfo'));
  const kb = (name: string): number | null => {
    const found = new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(info ?? '')?.[1];
    return found === undefined ? null : Number(found) * 1024;
  };
  const total = kb('MemTotal') ?? totalmem();
  return { total, available: Math.min(total, kb('MemAvailable') ?? freemem()), by: 'machine' };
}

/** Every control group from the one of this process up to the root: each may have a limit. */
function groupMemory(root: string): Candidate[] {
  const found: Candidate[] = [];
  for (const line of (textOf(join(root, 'proc/self/cgroup')) ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const isSecond = controllers === '';
    if (!isSecond && !controllers!.split(',').includes('memory')) continue;
    const base = join(root, isSecond ? 'sys/fs/cgroup' : 'sys/fs/cgroup/memory');
    for (let at = path; ; at = join(at, '..')) {
      const group = readGroup(join(base, at), isSecond);
      if (group !== null) found.push(group);
      if (at === '/' || at === '.') break;
    }
  }
  return found;
}

function readGroup(directory: string, isSecond: boolean): Candidate | null {
  const number = (name: string): number | null => {
    const text = textOf(join(directory, name))?.trim();
    return text === undefined || text === 'max' ? null : Number(text);
  };
  const limit = number(isSecond ? 'memory.max' : 'memory.limit_in_bytes');
  const used = number(isSecond ? 'memory.current' : 'memory.usage_in_bytes');
  // Version 1 says "no limit" by a number near 2^63.
  if (limit === null || used === null || limit > 2 ** 60) return null;
  const statistics = textOf(join(directory, 'memory.stat')) ?? '';
  const word = isSecond ? 'inactive_file' : 'total_inactive_file';
  // The kernel takes back cached files before it ends a process.
  const cached = Number(new RegExp(`^${word} (\\d+)$`, 'm').exec(statistics)?.[1] ?? 0);
  return { total: limit, available: Math.max(0, limit - Math.max(0, used - cached)), by: 'cgroup' };
}

/** Limits of this process: of its address space and of its data. */
function processMemory(root: string): Candidate[] {
  const limits = textOf(join(root, 'proc/self/limits')) ?? '';
  const status = textOf(join(root, 'proc/self/status')) ?? '';
  const pairs = [
    ['Max address space', 'VmSize'],
    ['Max data size', 'VmData'],
  ] as const;
  return pairs.flatMap(([limitName, usedName]) => {
    const limit = new RegExp(`^${limitName}\\s+(\\d+)`, 'm').exec(limits)?.[1];
    const used = new RegExp(`^${usedName}:\\s*(\\d+) kB`, 'm').exec(status)?.[1];
    if (limit === undefined || used === undefined) return [];
    return [
      {
        total: Number(limit),
        available: Math.max(0, Number(limit) - Number(used) * 1024),
        by: 'process' as const,
      },
    ];
  });
}

function textOf(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}

/** How much memory must be free, and who is told. */
export interface MemoryGuardOptions {
  readonly minAvailableGib?: number;
  /** Throw when less is there; otherwise only `onWarning` is told. */
  readonly errorOnLow?: boolean;
  readonly onWarning?: (message: string) => void;
  /** Told when the work left 1 GiB less than it found; not when it threw. */
  readonly onInfo?: (message: string) => void;
  readonly status?: () => MemoryInfo;
}

/** A guard that is closed by `using` or by calling `end`. */
export interface MemoryGuard extends Disposable {
  readonly before: MemoryInfo;
  /** The status when the guarded work ended. */
  end(): MemoryInfo;
}

/**
 * Looks whether there is memory enough before work that needs much, and what it took after.
 *
 *     const guard = memoryGuard({ minAvailableGib: 4, errorOnLow: true });
 *     try { ... } finally { guard.end(); }
 *
 * @throws ProcessingError OUT_OF_MEMORY with `errorOnLow` when less is available
 */
export function memoryGuard(options: MemoryGuardOptions = {}): MemoryGuard {
  const { minAvailableGib = 2, errorOnLow = false, status = ramStatus } = options;
  const before = status();
  if (before.availableGib < minAvailableGib) {
    const what = `${before.availableGib.toFixed(2)} GiB of memory are available, ${minAvailableGib} GiB are needed (limited by the ${before.limitedBy})`;
    if (errorOnLow) {
      throw new ProcessingError('OUT_OF_MEMORY', what, {
        cure: 'end other programs, ask for more memory, or work in smaller batches',
      });
    }
    options.onWarning?.(what);
  }
  let after: MemoryInfo | null = null;
  const end = (): MemoryInfo => {
    if (after !== null) return after;
    after = status();
    const taken = before.availableGib - after.availableGib;
    if (taken > 1) options.onInfo?.(`${taken.toFixed(2)} GiB of memory were taken`);
    return after;
  };
  return { before, end, [Symbol.dispose]: () => void end() };
}
