import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ProcessingError } from '../errors.js';
import type { LostOutput, ObjectRecord, OutputRecord } from './cache-store.js';
import { COMPONENT_KINDS } from './component-kinds.js';
import { keyOf, outputsDigest } from './fingerprint.js';
import { makeDirectory } from './make-directory.js';
import { storageError } from './storage-error.js';

/** Output files stand in this folder of an attempt and of an object; `rel` of a file record is relative to it. */
export const OUTPUT_FOLDER = 'out';

/** Complete objects have this file; it is written last and by rename. */
export const RESULT_FILE = 'result.json';

const READ_BYTES = 1_048_576;

/** SHA-256 of a file's content, 64 hex digits, read in pieces of 1 MiB. */
export function digestFile(file: string): string {
  const hash = createHash('sha256');
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(1, fstatSync(descriptor).size)));
    for (;;) {
      const count = readSync(descriptor, buffer, 0, buffer.length, null);
      if (count === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, count));
    }
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Record of an output file of a running node.
 *
 * @param directory - the attempt directory
 * @param file - what the node returned: an absolute path inside `directory/out`
 * @throws ProcessingError OUTPUT_MISSING when there is no such file, OUTPUT_INVALID when it is a link, no regular
 *   file, or outside
 */
export function describeOutputFile(
  directory: string,
  file: string,
): OutputRecord & { readonly kind: 'file' } {
  const root = path.join(directory, OUTPUT_FOLDER);
  const rel = path.relative(root, file).split(path.sep).join('/');
  if (!isSafeRelative(rel)) {
    throw new ProcessingError('OUTPUT_INVALID', `output ${file} is not in the node's own directory`, {
      where: file,
      cure: 'write to the path that ctx.outputFile(name) gives, and return it',
    });
  }
  let stat: Stats;
  try {
    stat = lstatSync(file);
  } catch (cause) {
    throw new ProcessingError('OUTPUT_MISSING', `output ${rel} was not written`, {
      where: rel,
      cure: 'write the file before returning its path',
      cause,
    });
  }
  if (!stat.isFile() || !isInside(realpathSync(file), realpathSync(root))) {
    throw new ProcessingError(
      'OUTPUT_INVALID',
      `output ${rel} is not a regular file of the node's own directory`,
      {
        where: rel,
        cure: 'write a file, not a link or a directory',
      },
    );
  }
  return { kind: 'file', rel, digest: digestFile(file), bytes: stat.size };
}

/**
 * Makes an attempt directory complete: output files read-only and on disk, then `result.json` by rename.
 *
 * An object without files is not forced to the disk: its record proves itself by its digests, so after a power cut
 * it is whole or counts as absent. The same holds for the folder entries of files.
 *
 * @param draft - the record without the parts that follow from it
 * @returns the record, and the length of its file in characters
 * @throws StorageError IO_FULL, IO_DENIED or IO
 */
export function sealObject(
  directory: string,
  draft: Omit<ObjectRecord, 'format' | 'outDigest'>,
): { readonly record: ObjectRecord; readonly characters: number } {
  const record: ObjectRecord = { format: 1, ...draft, outDigest: outputsDigest(draft.outputs) };
  const target = path.join(directory, RESULT_FILE);
  const files = [...filesOf(record.outputs)];
  const text = JSON.stringify(record);
  try {
    for (const { rel } of files) {
      const file = path.join(directory, OUTPUT_FOLDER, rel);
      // Nobody may read more of it than of what this user writes elsewhere.
      chmodSync(file, 0o444 & ~process.umask());
      syncPath(file);
    }
    const descriptor = openSync(`${target}.tmp`, 'w', 0o444);
    try {
      writeFileSync(descriptor, text);
      if (files.length > 0) fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(`${target}.tmp`, target);
    if (files.length > 0) syncPath(directory);
  } catch (cause) {
    throw storageError(cause, directory);
  }
  return { record, characters: text.length };
}

/** Every file of a set of outputs, in order. */
export function* filesOf(
  outputs: Readonly<Record<string, OutputRecord>>,
): Generator<OutputRecord & { readonly kind: 'file' }> {
  for (const record of Object.values(outputs)) yield* filesOfRecord(record);
}

function* filesOfRecord(record: OutputRecord): Generator<OutputRecord & { readonly kind: 'file' }> {
  if (record.kind === 'file') yield record;
  else if (record.kind === 'list') for (const item of record.items) yield* filesOfRecord(item);
}

/** Whether `rel` names something below a folder: relative, with `/`, without `.` and `..`. */
export function isSafeRelative(rel: string): boolean {
  if (rel === '' || rel.includes('\\') || /\p{Cc}/u.test(rel)) return false;
  return rel.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function isInside(file: string, root: string): boolean {
  return file.startsWith(root + path.sep);
}

/** fsync of a file or a directory. */
function syncPath(target: string): void {
  const descriptor = openSync(target, constants.O_RDONLY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

const HEX = z.string().regex(/^[0-9a-f]{64}$/);

/** An output as it stands in a record; paths that leave the object are refused. */
export const OutputSchema: z.ZodType<OutputRecord> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('value'), value: z.unknown() }),
    z.strictObject({
      kind: z.literal('file'),
      rel: z.string().refine(isSafeRelative, 'leaves the object'),
      digest: HEX,
      bytes: z.int().min(0),
      finite: z.number().min(0).max(1).optional(),
    }),
    z.strictObject({ kind: z.literal('list'), items: z.array(OutputSchema) }),
    z.strictObject({ kind: z.literal('null') }),
  ]),
) as z.ZodType<OutputRecord>;

const RecordSchema: z.ZodType<ObjectRecord> = z.strictObject({
  format: z.literal(1),
  key: HEX,
  node: z.string(),
  version: z.int().min(1),
  components: z.array(
    z.strictObject({
      kind: z.enum(COMPONENT_KINDS),
      name: z.string(),
      digest: HEX,
      brief: z.string(),
    }),
  ),
  state: z.enum(['done', 'skipped']),
  skipReason: z.string().nullable(),
  outputs: z.record(z.string(), OutputSchema),
  outDigest: HEX,
  ms: z.number().min(0),
  peakMb: z.number().min(0),
});

/** An object directory that cannot be used, and why. */
export interface BadObject {
  readonly problem: string;
  /** The file that shows it, relative to the object. */
  readonly path: string;
}

/**
 * The record of a directory, believed only when it is whole: right form, the key that its components give, and the
 * digest that its outputs give. Files are not looked at.
 */
export function readObjectRecord(directory: string, key?: string): ObjectRecord | BadObject {
  const file = path.join(directory, RESULT_FILE);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
      return { problem: 'not there', path: RESULT_FILE };
    throw storageError(cause, file);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { problem: 'not JSON', path: RESULT_FILE };
  }
  const parsed = RecordSchema.safeParse(json);
  if (!parsed.success) return { problem: z.prettifyError(parsed.error), path: RESULT_FILE };
  const record = parsed.data;
  if (key !== undefined && record.key !== key) return { problem: 'made for another key', path: RESULT_FILE };
  if (keyOf(record.components) !== record.key)
    return { problem: 'key does not fit its parts', path: RESULT_FILE };
  if (outputsDigest(record.outputs) !== record.outDigest) {
    return { problem: 'outputs do not fit their digest', path: RESULT_FILE };
  }
  return record;
}

/** The first output file that is not as recorded, by size (`stat`) or by size and content; null when all are. */
export function findBadFile(
  directory: string,
  record: ObjectRecord,
  by: 'stat' | 'content',
): LostOutput | null {
  for (const expected of filesOf(record.outputs)) {
    const file = path.join(directory, OUTPUT_FOLDER, expected.rel);
    const stat = lstatSync(file, { throwIfNoEntry: false });
    if (stat === undefined) return outputMissing(expected);
    if (!stat.isFile() || stat.size !== expected.bytes || by === 'content') {
      const changed = changedOutput(expected, file, stat);
      if (changed !== null) return changed;
    }
  }
  return null;
}

type FileRecord = OutputRecord & { readonly kind: 'file' };

/** What is said of an output file that is not there. */
export function outputMissing(expected: FileRecord): LostOutput {
  return { outcome: 'output-missing', path: expected.rel, before: briefOf(expected.digest, expected.bytes) };
}

/** What is said of an output file that is not what was recorded; null when it is. Reads it unless its size tells. */
export function changedOutput(
  expected: FileRecord,
  file: string,
  stat: { isFile(): boolean; readonly size: number | bigint },
): LostOutput | null {
  const { rel, digest, bytes } = expected;
  const size = Number(stat.size);
  const before = briefOf(digest, bytes);
  const changed = (after: string): LostOutput => ({ outcome: 'output-changed', path: rel, before, after });
  if (!stat.isFile()) return changed('not a file');
  if (size !== bytes) return changed(`${size} bytes`);
  const found = digestFile(file);
  return found === digest ? null : changed(briefOf(found, size));
}

/** For people. */
function briefOf(digest: string, bytes: number): string {
  return `${digest.slice(0, 12)}, ${bytes} bytes`;
}

/** Where the object of a key stands in a cache directory. */
export function objectDirectory(cacheDirectory: string, key: string): string {
  return path.join(cacheDirectory, 'objects', key.slice(0, 2), key);
}

/**
 * Moves a complete directory to its place by rename. A power cut may undo it: the result is then made again.
 *
 * @returns false when something stands there already; the directory is then left alone
 */
export function installObject(from: string, target: string): boolean {
  try {
    try {
      renameSync(from, target);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
      makeDirectory(path.dirname(target));
      renameSync(from, target);
    }
    return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw storageError(cause, target);
  }
}

/** Deletes a directory with all that is in it; nothing happens when it is not there. */
export function removeTree(directory: string): void {
  try {
    // Retries: a child of a dead run may still be writing for a moment before it is ended.
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  } catch (cause) {
    throw storageError(cause, directory);
  }
}

/** Keys of all objects of a cache directory, whole or not. */
export function* listObjects(cacheDirectory: string): Generator<string> {
  const root = path.join(cacheDirectory, 'objects');
  if (!existsSync(root)) return;
  for (const prefix of readdirSync(root)) {
    if (!/^[0-9a-f]{2}$/.test(prefix)) continue;
    for (const key of readdirSync(path.join(root, prefix))) {
      if (/^[0-9a-f]{64}$/.test(key) && key.startsWith(prefix)) yield key;
    }
  }
}
