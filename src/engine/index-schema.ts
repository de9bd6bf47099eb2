/** Format of the index; a file with a larger number was made by a newer release. */
export const INDEX_FORMAT = 4;

/** Marks a database as ours: `NLOM`. */
export const APPLICATION_ID = 0x4e4c4f4d;

/** Files in output directories, as runs left them; `sidecar` is relative to the directory like `path`. */
const PUBLISHED = `
CREATE TABLE IF NOT EXISTS published (
  output_dir TEXT NOT NULL, workflow TEXT NOT NULL, path TEXT NOT NULL, digest BLOB NOT NULL, key BLOB NOT NULL,
  sidecar TEXT, PRIMARY KEY (output_dir, workflow, path)
) WITHOUT ROWID;
`;

/** Parameters that are longer than the short text of a component, by digest: what an explanation compares. */
const LITERALS = `
CREATE TABLE IF NOT EXISTS literal (digest BLOB PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
`;

/** Tables of the index (spec/engine.md 6.5). Keys and digests are 32 bytes, times ms since 1970. */
export const INDEX_SCHEMA = `
CREATE TABLE meta (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
CREATE TABLE result (
  key BLOB PRIMARY KEY, node TEXT NOT NULL, version INTEGER NOT NULL, out_digest BLOB NOT NULL,
  outputs_json TEXT NOT NULL, bytes INTEGER NOT NULL, ms REAL NOT NULL, peak_mb REAL NOT NULL,
  created INTEGER NOT NULL, last_used INTEGER NOT NULL, run_id TEXT, state TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE component (
  key BLOB NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, digest BLOB NOT NULL,
  brief TEXT NOT NULL, PRIMARY KEY (key, seq)
) WITHOUT ROWID;
CREATE TABLE output_file (
  key BLOB NOT NULL, rel TEXT NOT NULL, digest BLOB NOT NULL, bytes INTEGER NOT NULL, size INTEGER,
  mtime_ns INTEGER, ctime_ns INTEGER, ino INTEGER, dev INTEGER, PRIMARY KEY (key, rel)
) WITHOUT ROWID;
CREATE TABLE file_digest (
  path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
  ino INTEGER NOT NULL, dev INTEGER NOT NULL, digest BLOB NOT NULL, hashed_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE run (
  id TEXT PRIMARY KEY, workflow TEXT NOT NULL, config_digest TEXT NOT NULL, argv TEXT NOT NULL,
  started INTEGER NOT NULL, ended INTEGER, status TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL,
  pid_start TEXT NOT NULL, version TEXT NOT NULL, output_dir TEXT
);
CREATE TABLE attempt (
  run_id TEXT NOT NULL, instance TEXT NOT NULL, n INTEGER NOT NULL, key BLOB NOT NULL, state TEXT NOT NULL,
  reason TEXT NOT NULL, worker_pid INTEGER, started INTEGER NOT NULL, ended INTEGER, exit INTEGER, signal TEXT,
  failure_class TEXT, peak_mb REAL, cpu_ms REAL, PRIMARY KEY (run_id, instance, n)
);
CREATE TABLE lease (
  key BLOB PRIMARY KEY, run_id TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL, pid_start TEXT NOT NULL,
  beat INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE slurm_job (
  run_id TEXT NOT NULL, token TEXT PRIMARY KEY, job_id TEXT, first INTEGER, count INTEGER, submitted INTEGER,
  state TEXT
);
CREATE TABLE pin (run_id TEXT NOT NULL, key BLOB NOT NULL, PRIMARY KEY (run_id, key)) WITHOUT ROWID;
${PUBLISHED}${LITERALS}`;

/** What leads from each older format to the next. */
export const MIGRATIONS: Readonly<Record<number, string>> = {
  1: 'ALTER TABLE run ADD COLUMN output_dir TEXT;',
  2: PUBLISHED,
  3: LITERALS,
};
