/** `cache gc` beyond results: what the index remembers of old runs, and checkpoints that nobody goes on from. */
import { LAST_KEYS } from './index-rows.js';
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { removeTree } from './artifact-store.js';
import type { CareCache } from './cache-care.js';

/** A folder that training nodes left when they did not end well. */
export interface OldCheckpoint {
  readonly key: string;
  readonly bytes: number;
  /** Newest change in it, ms since 1970. */
  readonly changed: number;
}

export interface OldHistory {
  readonly runs: number;
  readonly attempts: number;
  readonly checkpoints: readonly OldCheckpoint[];
}

/** Whatever explains a result that is still there stays: the newest attempt of each instance. */
const OLD_ATTEMPTS = `
  attempt WHERE run_id IN (SELECT id FROM run WHERE ended IS NOT NULL AND ended < @before)
    AND NOT (key IN (SELECT key FROM result)
      AND rowid IN (SELECT max(a.rowid) FROM attempt a JOIN run r ON r.id = a.run_id GROUP BY r.workflow, a.instance))`;

/** Runs without an attempt that stays. Pins name their run. */
const OLD_RUNS = `
  run WHERE ended IS NOT NULL AND ended < @before AND id NOT IN (SELECT run_id FROM pin)
    AND id NOT IN (SELECT run_id FROM attempt WHERE rowid NOT IN (SELECT rowid FROM ${OLD_ATTEMPTS}))`;

/** What of the time before this would go, ms since 1970. Changes nothing. */
export function planHistory(cache: CareCache, before: number): OldHistory {
  const count = (what: string): number =>
    cache.db.prepare<[object], { n: number }>(`SELECT count(*) AS n FROM ${what}`).get({ before })?.n ?? 0;
  return {
    runs: count(OLD_RUNS),
    attempts: count(OLD_ATTEMPTS),
    checkpoints: checkpointsOf(cache.directory).filter(({ changed }) => changed < before),
  };
}

/**
 * Takes it away. Call when no run works with the cache, after results have gone: parts of keys that neither a result
 * nor an attempt has, and digests of files that are no longer there, go too.
 *
 * @returns what went
 */
export function trimHistory(
  cache: CareCache,
  before: number,
  checkpoints: readonly OldCheckpoint[],
): OldHistory {
  for (const { key } of checkpoints) removeTree(path.join(cache.directory, 'checkpoints', key));
  const gone = cache.db
    .prepare<[], { path: string }>('SELECT path FROM file_digest')
    .all()
    .filter((row) => !existsSync(row.path));
  return cache.rows.write(() => {
    // Attempts first: which of them are old is known by their runs.
    const attempts = cache.db.prepare(`DELETE FROM ${OLD_ATTEMPTS}`).run({ before }).changes;
    const runs = cache.db.prepare(`DELETE FROM ${OLD_RUNS}`).run({ before }).changes;
    cache.db.exec(`
      DELETE FROM meta WHERE k GLOB '${LAST_KEYS}*';
      DELETE FROM slurm_job WHERE run_id NOT IN (SELECT id FROM run);
      DELETE FROM component WHERE key NOT IN (SELECT key FROM result) AND key NOT IN (SELECT key FROM attempt);
      DELETE FROM literal WHERE digest NOT IN (SELECT digest FROM component WHERE kind = 'params');`);
    const drop = cache.db.prepare('DELETE FROM file_digest WHERE path = ?');
    for (const row of gone) drop.run(row.path);
    return { runs, attempts, checkpoints };
  });
}

function checkpointsOf(directory: string): OldCheckpoint[] {
  const root = path.join(directory, 'checkpoints');
  if (!existsSync(root)) return [];
  return readdirSync(root).map((key) => {
    const folder = path.join(root, key);
    const all = [folder];
    if (lstatSync(folder).isDirectory()) {
      const names = readdirSync(folder, { recursive: true }) as string[];
      all.push(...names.map((name) => path.join(folder, name)));
    }
    const stats = all.map((file) => lstatSync(file));
    return {
      key,
      bytes: stats.reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0),
      changed: Math.max(...stats.map(({ mtimeMs }) => mtimeMs)),
    };
  });
}
