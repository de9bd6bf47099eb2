/** `cache export DIR`: a copy of a cache that others read with `--cache-from`. */
import { randomBytes } from 'node:crypto';
import { chmodSync, constants, copyFileSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ConfigError } from '../errors.js';
import {
  digestFile,
  filesOf,
  installObject,
  objectDirectory,
  OUTPUT_FOLDER,
  readObjectRecord,
  removeTree,
  RESULT_FILE,
} from './artifact-store.js';
import type { CareCache } from './cache-care.js';
import type { ObjectRecord } from './cache-store.js';
import { INDEX_FILE } from './index-place.js';
import { makeDirectory } from './make-directory.js';
import { openDatabase } from './sqlite-database.js';
import { storageError } from './storage-error.js';

export interface Exported {
  readonly objects: number;
  /** Objects that an earlier export had put there. */
  readonly there: number;
  /** Objects that were left out because they are damaged; `cache verify` says how. */
  readonly damaged: readonly string[];
}

/** What is of this machine and its runs, and not for others: paths, processes, pins. */
const PRIVATE_TABLES = ['published', 'file_digest', 'lease', 'slurm_job', 'pin'];

/** Everybody may read an export, whatever the umask is. */
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o444;

/**
 * Copies all whole objects and a snapshot of the index. Into an earlier export only what is missing is copied; its
 * readers are not disturbed, because objects and index appear by rename, the index last.
 *
 * @throws ConfigError USAGE when the target holds something else; StorageError IO_FULL, IO_DENIED, IO
 */
export function exportCache(cache: CareCache, target: string): Exported {
  checkTarget(target);
  const part = path.join(target, `.part-${randomBytes(4).toString('hex')}`);
  const damaged: string[] = [];
  let objects = 0;
  let there = 0;
  try {
    makeDirectory(part);
    chmodSync(target, FOLDER_MODE);
    const snapshot = path.join(part, INDEX_FILE);
    cache.db.prepare('VACUUM INTO ?').run(snapshot);
    const kept = new Set<string>();
    for (const { key } of cache.rows.results()) {
      const outcome = exportObject(cache.directory, target, key, path.join(part, key));
      if (outcome === 'damaged') damaged.push(key);
      else kept.add(key);
      if (outcome === 'there') there += 1;
      if (outcome === 'copied') objects += 1;
    }
    cleanSnapshot(snapshot, damaged);
    chmodSync(snapshot, FILE_MODE);
    renameSync(snapshot, path.join(target, INDEX_FILE));
  } catch (cause) {
    throw storageError(cause, target);
  } finally {
    removeTree(part);
  }
  return { objects, there, damaged };
}

function checkTarget(target: string): void {
  if (!existsSync(target)) return;
  const names = readdirSync(target).filter((name) => !name.startsWith('.part-'));
  if (names.length === 0 || (names.includes(INDEX_FILE) && !names.includes('tmp'))) return;
  throw new ConfigError('USAGE', `${target} is neither empty nor an earlier export`, {
    where: target,
    cure: 'name a new directory',
  });
}

function exportObject(
  from: string,
  target: string,
  key: string,
  part: string,
): 'copied' | 'there' | 'damaged' {
  const to = objectDirectory(target, key);
  if (existsSync(to)) return 'there';
  const source = objectDirectory(from, key);
  const record = readObjectRecord(source, key);
  if ('problem' in record || !copyObject(source, part, record)) {
    removeTree(part);
    return 'damaged';
  }
  for (const folder of [path.join(target, 'objects'), path.dirname(to)]) {
    makeDirectory(folder);
    chmodSync(folder, FOLDER_MODE);
  }
  return installObject(part, to) ? 'copied' : 'there';
}

/** @returns false when a file is not what the record says */
function copyObject(source: string, part: string, record: ObjectRecord): boolean {
  makeFolder(part);
  for (const { rel, digest } of filesOf(record.outputs)) {
    const file = path.join(part, OUTPUT_FOLDER, rel);
    makeFolder(path.join(part, OUTPUT_FOLDER));
    const folders = path.posix.dirname(rel).split('/');
    folders.forEach((_, at) => {
      makeFolder(path.join(part, OUTPUT_FOLDER, ...folders.slice(0, at + 1)));
    });
    const original = path.join(source, OUTPUT_FOLDER, rel);
    if (!existsSync(original)) return false;
    copyFileSync(original, file, constants.COPYFILE_FICLONE);
    chmodSync(file, FILE_MODE);
    if (digestFile(file) !== digest) return false;
  }
  const result = path.join(part, RESULT_FILE);
  copyFileSync(path.join(source, RESULT_FILE), result);
  chmodSync(result, FILE_MODE);
  return true;
}

function makeFolder(folder: string): void {
  makeDirectory(folder);
  chmodSync(folder, FOLDER_MODE);
}

/** Without a log (`journal_mode = delete`), so that it can be read where nobody may write. */
function cleanSnapshot(file: string, damaged: readonly string[]): void {
  const db = openDatabase(file, {});
  try {
    db.pragma('journal_mode = DELETE');
    for (const table of PRIVATE_TABLES) db.exec(`DELETE FROM ${table}`);
    db.exec("UPDATE run SET argv = '[]', host = '', output_dir = NULL");
    const drop = db.prepare('DELETE FROM result WHERE key = ?');
    for (const key of damaged) drop.run(Buffer.from(key, 'hex'));
    db.exec('VACUUM');
  } finally {
    db.close();
  }
  for (const suffix of ['-wal', '-shm', '-journal']) rmSync(file + suffix, { force: true });
}
