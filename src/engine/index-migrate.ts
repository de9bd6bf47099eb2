import { rmSync } from 'node:fs';
import { INDEX_FORMAT, MIGRATIONS } from './index-schema.js';
import type { IndexDatabase } from './sqlite-database.js';

/**
 * Brings an index of an older release to this one's format: a backup by `VACUUM INTO` beside it, then all steps in one
 * transaction. A process that is killed in between leaves the old format, and the next start does the same again.
 *
 * @param file - path of the index; the backup is `<file>.format-<number>`
 * @returns the format that it had, or null when it was up to date
 */
export function migrateIndex(db: IndexDatabase, file: string): number | null {
  const format = formatOf(db);
  if (format >= INDEX_FORMAT || MIGRATIONS[format] === undefined) return null;
  const backup = `${file}.format-${format}`;
  // Left by a start that was killed while it wrote the backup.
  rmSync(backup, { force: true });
  db.prepare('VACUUM INTO ?').run(backup);
  return db
    .transaction((): number | null => {
      // Asks again under the write lock: another process may have done it.
      let at = formatOf(db);
      if (at === INDEX_FORMAT) return null;
      for (; at < INDEX_FORMAT; at += 1) db.exec(MIGRATIONS[at] as string);
      db.pragma(`user_version = ${INDEX_FORMAT}`);
      return format;
    })
    .immediate();
}

function formatOf(db: IndexDatabase): number {
  return db.pragma('user_version', { simple: true }) as number;
}
