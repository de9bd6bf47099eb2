/** `cache gc`: which results may go, and taking them away. */
import { readdirSync, renameSync, lstatSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { listObjects, objectDirectory, readObjectRecord, removeTree } from './artifact-store.js';
import { busyError, liveRuns, type CareCache } from './cache-care.js';
import { makeDirectory } from './make-directory.js';
import { storageError } from './storage-error.js';

export interface GcLimits {
  /** Results that were last used before this are to go; null: age does not matter. ms since 1970. */
  readonly usedBefore: number | null;
  /** The oldest go until no more than this is left; null: no budget. */
  readonly maxBytes: number | null;
}

export interface GcCandidate {
  readonly key: string;
  readonly node: string;
  readonly bytes: number;
  /** ms since 1970. */
  readonly lastUsed: number;
  /** `broken`: nothing that could be used: an object whose record cannot be believed and that the index does not know. */
  readonly why: 'age' | 'size' | 'broken';
}

export interface GcPlan {
  readonly candidates: readonly GcCandidate[];
  readonly pinned: number;
  /** Bytes of all results, and of those that stay. */
  readonly bytes: number;
  readonly bytesAfter: number;
}

interface Known {
  readonly key: string;
  readonly node: string;
  readonly bytes: number;
  readonly lastUsed: number;
}

/** What would go: the least recently used first, never what is pinned. Changes nothing. */
export function planGc(cache: CareCache, limits: GcLimits): GcPlan {
  const pinned = pinnedKeys(cache);
  const results = cache.rows
    .results()
    .map(({ key, node, lastUsed }): Known => ({
      key,
      node,
      lastUsed,
      bytes: bytesOf(objectDirectory(cache.directory, key)),
    }))
    .sort((a, b) => a.lastUsed - b.lastUsed || (a.key < b.key ? -1 : 1));
  const known = new Set(results.map(({ key }) => key));
  const candidates: GcCandidate[] = brokenObjects(cache, known);
  const broken = candidates.reduce((sum, { bytes }) => sum + bytes, 0);
  const bytes = results.reduce((sum, one) => sum + one.bytes, broken);
  let left = bytes - broken;
  const take = (one: Known, why: GcCandidate['why']): void => {
    candidates.push({ ...one, why });
    left -= one.bytes;
  };
  const free = results.filter(({ key }) => !pinned.has(key));
  const { usedBefore, maxBytes } = limits;
  const young = free.filter((one) => {
    if (usedBefore === null || one.lastUsed >= usedBefore) return true;
    take(one, 'age');
    return false;
  });
  for (const one of young) {
    if (maxBytes === null || left <= maxBytes) break;
    take(one, 'size');
  }
  return { candidates, pinned: results.length - free.length, bytes, bytesAfter: left };
}

/** Taken in one transaction; runs that start meanwhile wait for it. */
const BATCH = 64;

/**
 * Takes the candidates away. Each leaves its place by rename before it is deleted, and no run is working with the
 * cache at that moment, so nobody sees half an object.
 *
 * @returns how many went; fewer than asked for when a run began meanwhile
 * @throws StorageError IO when a run is working with the cache; IO_DENIED
 */
export function collectGarbage(cache: CareCache, candidates: readonly GcCandidate[]): number {
  const refuse = liveRuns(cache);
  if (refuse.length > 0) throw busyError(cache, refuse);
  const bin = path.join(cache.directory, 'tmp', `gc-${randomBytes(4).toString('hex')}`);
  let gone = 0;
  try {
    makeDirectory(bin);
    for (let from = 0; from < candidates.length; from += BATCH) {
      const batch = candidates.slice(from, from + BATCH);
      const isFree = cache.rows.write(() => {
        if (liveRuns(cache).length > 0) return false;
        for (const { key } of batch) {
          moveAway(objectDirectory(cache.directory, key), path.join(bin, key));
          cache.rows.dropResult(key);
        }
        return true;
      });
      if (!isFree) break;
      gone += batch.length;
      removeTree(bin);
      makeDirectory(bin);
    }
  } catch (cause) {
    throw storageError(cause, bin);
  } finally {
    removeTree(bin);
  }
  return gone;
}

/** Keeps the results of a run from `cache gc`: what it made and what it reused. @returns how many */
export function pinRun(cache: CareCache, runId: string): number {
  return cache.rows.write(() => {
    // A reuse under an unchanged key leaves no row, so the newest attempt up to the run counts for each instance.
    const pin = cache.db.prepare(
      `INSERT OR IGNORE INTO pin (run_id, key)
         SELECT ?, a.key FROM attempt a
         JOIN (SELECT instance, max(a2.rowid) AS newest FROM attempt a2 JOIN run r ON r.id = a2.run_id
                 WHERE r.workflow = (SELECT workflow FROM run WHERE id = ?)
                   AND r.started <= (SELECT started FROM run WHERE id = ?)
                 GROUP BY instance) last ON last.newest = a.rowid
         WHERE a.state IN ('done', 'skipped', 'reused')`,
    );
    return pin.run(runId, runId, runId).changes;
  });
}

/** @returns how many results are no longer kept for the sake of this run */
export function unpinRun(cache: CareCache, runId: string): number {
  return cache.rows.write(() => cache.db.prepare('DELETE FROM pin WHERE run_id = ?').run(runId).changes);
}

function pinnedKeys(cache: CareCache): Set<string> {
  const rows = cache.db.prepare<[], { key: Buffer }>('SELECT DISTINCT key FROM pin').all();
  return new Set(rows.map(({ key }) => key.toString('hex')));
}

function brokenObjects(cache: CareCache, known: ReadonlySet<string>): GcCandidate[] {
  const broken: GcCandidate[] = [];
  for (const key of listObjects(cache.directory)) {
    if (known.has(key)) continue;
    const directory = objectDirectory(cache.directory, key);
    // A whole object without a row is taken over by the next run that needs it.
    if (!('problem' in readObjectRecord(directory, key))) continue;
    broken.push({ key, node: 'unknown', bytes: bytesOf(directory), lastUsed: 0, why: 'broken' });
  }
  return broken;
}

function moveAway(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw storageError(cause, from);
  }
}

/** What an object takes on the disk, its record included; 0 when it is not there. */
function bytesOf(directory: string): number {
  if (lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return 0;
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + lstatSync(path.join(parentPath, name)).size, 0);
}
