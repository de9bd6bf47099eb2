import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { StorageError } from '../errors.js';
import type { StoreWarning } from './cache-store.js';
import { migrateIndex } from './index-migrate.js';
import { APPLICATION_ID, INDEX_FORMAT, INDEX_SCHEMA, MIGRATIONS } from './index-schema.js';
import { makeDirectory } from './make-directory.js';
import type { IndexDatabase } from './sqlite-database.js';
import { indexError } from './index-error.js';
import { storageError } from './storage-error.js';

export interface OpenIndexOptions {
  /** Absolute path of `index.db`. */
  readonly file: string;
  readonly writable: boolean;
  /** Of somebody else: not even opened for writing. */
  readonly isUpstream: boolean;
  /** `DELETE` where machines share the file system of the index: SQLite's log does not work there. */
  readonly journal: 'WAL' | 'DELETE';
  readonly connect: (file: string, options?: { readonly readonly: boolean }) => IndexDatabase;
  readonly now: () => number;
  /** Rows of `meta` for a new index. */
  readonly meta: Readonly<Record<string, string>>;
}

export interface OpenedIndex {
  readonly db: IndexDatabase;
  readonly warnings: readonly StoreWarning[];
  /** The tables were just made: what is known must come from the objects. */
  readonly isNew: boolean;
}

/** Files up to this size are checked page by page at each start: 1 ms per MB. Larger ones after a bad end only. */
const CHECKED_BYTES = 64 * 1024 * 1024;

/** Keys are random, so each insert meets another page: SQLite's 2 MB would be read and written again and again. */
const PAGE_CACHE_KIB = 16_384;
/** The log is copied into the index after so many pages (16 MB); each time waits for the disk. */
const CHECKPOINT_PAGES = 4000;

/**
 * Opens the index, makes it when there is none, and moves a file that is not a whole index of ours aside.
 *
 * @throws StorageError CACHE_FORMAT when a newer release made it; IO_FULL, IO_DENIED, IO
 */
export function openIndex(options: OpenIndexOptions): OpenedIndex {
  return options.writable ? openForRun(options) : openForPlan(options);
}

function openForRun(options: OpenIndexOptions): OpenedIndex {
  const { file, now } = options;
  try {
    makeDirectory(path.dirname(file));
  } catch (cause) {
    throw storageError(cause, path.dirname(file));
  }
  const warnings: StoreWarning[] = [];
  const first = tryOpen(options);
  if (typeof first !== 'string') {
    if (first.migratedFrom !== null) warnings.push(migrated(first.migratedFrom));
    return { ...first, warnings };
  }
  const aside = `${file}.corrupt-${new Date(now()).toISOString().replace(/[-:]/g, '').replace(/\..*/, '')}`;
  try {
    renameSync(file, aside);
    // The log belongs to the broken file; next to a new one it would be replayed into it.
    for (const suffix of ['-wal', '-shm']) {
      if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
    }
  } catch (cause) {
    throw storageError(cause, file);
  }
  warnings.push({
    code: 'CACHE_CORRUPT',
    message: `the cache index could not be read (${first}); it was rebuilt from the stored results`,
    cure: `nothing to do; the old file is kept as ${path.basename(aside)}`,
  });
  const second = tryOpen(options);
  if (typeof second === 'string') {
    throw new StorageError('IO', `a new cache index cannot be read either: ${second}`, {
      where: file,
      cure: 'check the disk, or choose another place with --cache-dir',
    });
  }
  return { ...second, warnings };
}

interface TriedIndex {
  readonly db: IndexDatabase;
  readonly isNew: boolean;
  readonly migratedFrom: number | null;
}

function migrated(format: number): StoreWarning {
  return {
    code: 'CACHE_FORMAT',
    message: `the cache index was brought from format ${format} to ${INDEX_FORMAT}`,
    cure: `nothing to do; the old index is kept as index.db.format-${format}`,
  };
}

/** The open index, or in words what is wrong with the file. A file of another program is not written to. */
function tryOpen(options: OpenIndexOptions): TriedIndex | string {
  const { file, journal } = options;
  let db: IndexDatabase | undefined;
  try {
    db = options.connect(file);
    db.pragma('synchronous = NORMAL');
    db.pragma(`cache_size = -${PAGE_CACHE_KIB}`);
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    db.pragma('foreign_keys = ON');
    const isNew = createTables(db, options);
    const migratedFrom = isOurs(db) ? migrateIndex(db, file) : null;
    const wrong = inspect(db, file);
    if (wrong === null) {
      db.pragma(`journal_mode = ${journal}`);
      return { db, isNew, migratedFrom };
    }
    db.close();
    return wrong;
  } catch (cause) {
    db?.close();
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'SQLITE_NOTADB' || code?.startsWith('SQLITE_CORRUPT') === true) {
      return code === 'SQLITE_NOTADB' ? 'not a database' : 'damaged';
    }
    throw indexError(cause, file, path.dirname(file));
  }
}

/** Makes the tables in an empty file. Asks again under the write lock: another process may be doing the same. */
function createTables(
  db: IndexDatabase,
  { meta, journal }: Pick<OpenIndexOptions, 'meta' | 'journal'>,
): boolean {
  if (!isEmpty(db)) return false;
  // Before the tables: to change the mode of a file in use would need all others to leave it.
  db.pragma(`journal_mode = ${journal}`);
  return db
    .transaction((): boolean => {
      if (!isEmpty(db)) return false;
      db.exec(INDEX_SCHEMA);
      const insert = db.prepare('INSERT INTO meta (k, v) VALUES (?, ?)');
      for (const [k, v] of Object.entries(meta)) insert.run(k, v);
      db.pragma(`application_id = ${APPLICATION_ID}`);
      db.pragma(`user_version = ${INDEX_FORMAT}`);
      return true;
    })
    .immediate();
}

function isEmpty(db: IndexDatabase): boolean {
  return db.prepare('SELECT count(*) FROM sqlite_master').pluck().get() === 0;
}

function isOurs(db: IndexDatabase): boolean {
  return db.pragma('application_id', { simple: true }) === APPLICATION_ID;
}

/** What makes an index unusable, or null. */
function inspect(db: IndexDatabase, file: string): string | null {
  if (!isOurs(db)) return 'made by another program';
  const format = db.pragma('user_version', { simple: true }) as number;
  if (format > INDEX_FORMAT) {
    db.close();
    throw new StorageError(
      'CACHE_FORMAT',
      `the cache has format ${format}; this release reads ${INDEX_FORMAT}`,
      {
        where: file,
        cure: 'use the newer release that made it, or choose another place with --cache-dir',
      },
    );
  }
  if (format !== INDEX_FORMAT) return `unknown format ${format}`;
  const unended = db.prepare('SELECT count(*) FROM run WHERE ended IS NULL').pluck().get() as number;
  if (unended === 0 && statSync(file).size > CHECKED_BYTES) return null;
  const check = db.pragma('quick_check(1)', { simple: true }) as string;
  return check === 'ok' ? null : 'damaged';
}

/**
 * A plan changes nothing. It reads the index in place where SQLite can put its lock files, else a private copy: a
 * database with a log cannot be read from a folder that is closed for writing.
 */
function openForPlan(options: OpenIndexOptions): OpenedIndex {
  const { file } = options;
  const fresh = (warnings: readonly StoreWarning[]): OpenedIndex => {
    const db = options.connect(':memory:');
    createTables(db, { ...options, journal: 'DELETE' });
    return { db, warnings, isNew: true };
  };
  if (!existsSync(file) || statSync(file).size === 0) return fresh([]);
  const opened = options.isUpstream ? openReadOnly(options) : openForReading(options);
  if (typeof opened === 'string') {
    const message = `the cache index could not be read (${opened}); this plan looks at the stored results alone`;
    return fresh([{ code: 'CACHE_CORRUPT', message, cure: 'nothing to do; the next run rebuilds it' }]);
  }
  opened.db.pragma('query_only = ON');
  return { ...opened, warnings: [] };
}

/** An index of an older format is migrated in a private copy: a plan changes nothing. */
function openForReading(options: OpenIndexOptions): { db: IndexDatabase; isNew: boolean } | string {
  return isClosed(options.file) || isOlder(options) ? openCopy(options) : tryOpen(options);
}

function isOlder({ file, connect }: OpenIndexOptions): boolean {
  let db: IndexDatabase | undefined;
  try {
    db = connect(file, { readonly: true });
    return isOurs(db) && MIGRATIONS[db.pragma('user_version', { simple: true }) as number] !== undefined;
  } catch {
    // Whatever is wrong with it is found, and told, when it is opened.
    return false;
  } finally {
    db?.close();
  }
}

/** A snapshot without a log can be read where nobody may write; everything else is read from a private copy. */
function openReadOnly(options: OpenIndexOptions): { db: IndexDatabase; isNew: boolean } | string {
  const { file, connect } = options;
  if (existsSync(`${file}-wal`) || isOlder(options)) return openCopy(options);
  let db: IndexDatabase | undefined;
  try {
    db = connect(file, { readonly: true });
    const wrong = inspect(db, file);
    if (wrong === null) return { db, isNew: false };
    db.close();
    return wrong;
  } catch (cause) {
    db?.close();
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'SQLITE_NOTADB') return 'not a database';
    if (code?.startsWith('SQLITE_CORRUPT') === true) return 'damaged';
    if (code?.startsWith('SQLITE_READONLY') === true || code === 'SQLITE_CANTOPEN') return openCopy(options);
    throw storageError(cause, file);
  }
}

function isClosed(file: string): boolean {
  try {
    accessSync(path.dirname(file), constants.W_OK);
    accessSync(file, constants.W_OK);
    return false;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') return true;
    throw storageError(cause, file);
  }
}

function openCopy(options: OpenIndexOptions): { db: IndexDatabase; isNew: boolean } | string {
  const { file } = options;
  const copy = mkdtempSync(path.join(tmpdir(), 'neuroloom-index-'));
  try {
    for (const suffix of ['', '-wal']) {
      if (existsSync(file + suffix)) copyFileSync(file + suffix, path.join(copy, `index.db${suffix}`));
    }
    chmodSync(path.join(copy, 'index.db'), 0o600);
    return tryOpen({ ...options, file: path.join(copy, 'index.db') });
  } catch (cause) {
    throw storageError(cause, file);
  } finally {
    // Unlinked files stay readable for the open connection.
    rmSync(copy, { recursive: true, force: true });
  }
}
