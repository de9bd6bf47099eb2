/** The index and the objects of a cache for those who look after it: verify, gc, export, pins. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { StorageError } from '../errors.js';
import { openCacheStore, type StoreWarning } from './cache-store.js';
import { INDEX_FILE, indexPlace } from './index-place.js';
import { IndexRows } from './index-rows.js';
import { isLive, type ProcessIdentity } from './process-identity.js';
import { requireCache } from './require-cache.js';
import { openDatabase, type IndexDatabase } from './sqlite-database.js';
import { storageError } from './storage-error.js';

const BUSY_MS = 10_000;

export interface CareCache {
  readonly directory: string;
  readonly db: IndexDatabase;
  readonly rows: IndexRows;
  /** What was repaired while opening. */
  readonly warnings: readonly StoreWarning[];
  close(): void;
}

/**
 * Opens a cache to look after it. What a run would repair at its start is repaired first.
 *
 * @throws ConfigError USAGE when there is no cache; StorageError as `openCacheStore`
 */
export async function openCareCache(directory: string): Promise<CareCache> {
  requireCache(directory);
  const store = await openCacheStore({ directory, writable: true });
  try {
    store.recover();
  } finally {
    store.close();
  }
  const db = openDatabase(path.join(indexPlace(directory).directory, INDEX_FILE), { timeout: BUSY_MS });
  return {
    directory,
    db,
    rows: new IndexRows(db),
    warnings: store.warnings,
    close: () => {
      db.close();
    },
  };
}

/** Runs that work with the cache at this moment, on this machine or on others that share it. */
export function liveRuns(cache: CareCache, now: number = Date.now()): string[] {
  const live = new Set<string>();
  for (const run of cache.rows.openRuns())
    if (isLive(run, cache.rows.newestBeat(run.id), now)) live.add(run.id);
  const tmp = path.join(cache.directory, 'tmp');
  for (const runId of existsSync(tmp) ? readdirSync(tmp) : []) {
    const owner = path.join(tmp, runId, 'owner.json');
    const stat = statSync(owner, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    const identity = ownerOf(owner);
    if (identity !== null && isLive(identity, stat.mtimeMs, now)) live.add(runId);
  }
  return [...live];
}

/** What is said when something must not be done beside a run. */
export function busyError(cache: CareCache, runs: readonly string[]): StorageError {
  return new StorageError(
    'IO',
    `${runs.length === 1 ? 'a run is' : `${runs.length} runs are`} working with the cache`,
    {
      where: `${cache.directory}: ${runs.join(', ')}`,
      cure: 'wait until it has ended, then give the same command again',
    },
  );
}

/** A folder without a readable owner belongs to nobody. */
function ownerOf(file: string): ProcessIdentity | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity;
  } catch (cause) {
    if (cause instanceof SyntaxError) return null;
    throw storageError(cause, file);
  }
}
