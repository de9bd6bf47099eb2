import { readdirSync, readFileSync, statSync, type Dirent } from 'node:fs';
import { join } from 'node:path';

import { ProcessingError } from '../errors.js';
import { readError, systemCode } from './storage-error.js';

/** Which sub-directories of a cohort are subjects: `101`, `sub-01`, or whichever of the two there is. */
export type SubjectPattern = 'auto' | 'digits' | 'bids';

/** A subject of a cohort: a directory with a name. */
export interface Subject {
  /** Name of the directory: `101` or `sub-01`. */
  readonly id: string;
  /** Absolute or relative as the root was given. */
  readonly directory: string;
}

const DIGITS = /^[0-9]+$/;
const BIDS = /^sub-[A-Za-z0-9]+$/;

/**
 * Subjects of a cohort: direct sub-directories, and links to directories, whose name is all ASCII digits (or
 * `sub-<label>`), ordered by number, ties (`7`, `007`) by text. A link that leads nowhere still names a subject, so
 * that the reader of its volume can say what is missing.
 *
 * @throws ProcessingError FILE_MISSING when the root is not a directory
 * @throws ProcessingError INVALID_ARGUMENT when `auto` finds both kinds, naming one of each
 * @see spec/learned_atlas.md 1.1
 */
export function discoverSubjects(root: string, options: { pattern?: SubjectPattern } = {}): Subject[] {
  const { pattern = 'auto' } = options;
  let entries: Dirent[];
  try {
    entries = readdirSync(root, { withFileTypes: true });
  } catch (error) {
    throw readError(error, root);
  }
  const names = entries.filter((entry) => isSubjectEntry(root, entry)).map((entry) => entry.name);
  const digits = names.filter((name) => DIGITS.test(name));
  const bids = names.filter((name) => BIDS.test(name));
  if (pattern === 'auto' && digits.length > 0 && bids.length > 0) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `${root} holds both numbered and BIDS subjects: ${digits.sort(compareIds)[0]} and ${bids.sort(compareIds)[0]}`,
      { where: root, cure: 'set atlas.subject_pattern to digits or bids' },
    );
  }
  const chosen = pattern === 'bids' || (pattern === 'auto' && digits.length === 0) ? bids : digits;
  return chosen.sort(compareIds).map((id) => ({ id, directory: join(root, id) }));
}

function isSubjectEntry(root: string, entry: Dirent): boolean {
  if (entry.isDirectory()) return true;
  if (!entry.isSymbolicLink()) return false;
  try {
    return statSync(join(root, entry.name)).isDirectory();
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'EACCES') return true;
    throw readError(error, join(root, entry.name));
  }
}

/** Text order in which every run of digits counts as one number; ties by code unit. */
export function compareIds(a: string, b: string): number {
  const left = a.match(/[0-9]+|[^0-9]+/g) ?? [];
  const right = b.match(/[0-9]+|[^0-9]+/g) ?? [];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = compareParts(left[i] ?? '', right[i] ?? '');
    if (order !== 0) return order;
  }
  return left.length - right.length || compareText(a, b);
}

function compareParts(a: string, b: string): number {
  if (!DIGITS.test(a) || !DIGITS.test(b)) return compareText(a, b);
  // By length after leading zeros, then as text: exact for any number of digits.
  const [x, y] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  return x.length - y.length || compareText(x, y);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Number of accepted streamline samples of a tracking run: the sum of all numbers in its `waytotal` file.
 *
 * @returns a positive number
 * @throws ProcessingError WAYTOTAL when the file is missing, holds something else, or its sum is not above 0
 */
export function readWaytotal(path: string): number {
  const cure = 'restore the file, or set atlas.normalization_method to max or sum';
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ELOOP') throw readError(error, path);
    throw new ProcessingError('WAYTOTAL', `waytotal file is missing: ${path}`, {
      where: path,
      cure,
      cause: error,
    });
  }
  const words = text.split(/\s+/).filter((word) => word !== '');
  const numbers = words.map(Number);
  const total = numbers.reduce((sum, value) => sum + value, 0);
  if (words.length > 0 && Number.isFinite(total) && total > 0) return total;
  const shown = JSON.stringify(text.trim().slice(0, 40));
  throw new ProcessingError('WAYTOTAL', `waytotal file holds no positive number: ${path} (${shown})`, {
    where: path,
    cure,
  });
}
