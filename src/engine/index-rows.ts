import type {
  AttemptEnd,
  AttemptStart,
  KeyComponent,
  LastAttempt,
  ObjectRecord,
  OutputRecord,
  PublishedRow,
  ResultSummary,
  RunRow,
} from './cache-store.js';
import type { ComponentKind } from './component-kinds.js';
import type { NodeHistory } from './estimate.js';
import type { FileStat } from './file-digest.js';
import type { ProcessIdentity } from './process-identity.js';
import type { IndexDatabase } from './sqlite-database.js';
import { decodeStanding, encodeStanding, type Standing } from './standing-results.js';

export interface ResultRow {
  readonly node: string;
  readonly version: number;
  readonly outDigest: string;
  readonly outputs: Readonly<Record<string, OutputRecord>>;
  readonly skipReason: string | null;
  readonly bytes: number;
  readonly ms: number;
  readonly peakMb: number;
  readonly lastUsed: number;
  readonly runId: string | null;
  readonly state: 'done' | 'skipped';
}

export interface LeaseRow extends ProcessIdentity {
  readonly runId: string;
  readonly beat: number;
}

/** A run that has not ended, as its row says. */
export interface OpenRun extends ProcessIdentity {
  readonly id: string;
}

/**
 * A row of `result` as SQLite gives it in one text: its columns line by line, the JSON of the outputs last. A column of
 * its own for each value would cost as much again as finding the row.
 */
const PACKED_RESULT = `SELECT lower(hex(out_digest)) || char(10) || last_used || char(10) || (state = 'skipped') || char(10)
  || coalesce(run_id, '') || char(10) || version || char(10) || bytes || char(10) || ms || char(10) || peak_mb || char(10)
  || node || char(10) || outputs_json FROM result WHERE key = ?`;

/** What only few ask for is read from the text when they do. */
class PackedRow implements ResultRow {
  readonly outDigest: string;
  readonly outputs: Readonly<Record<string, OutputRecord>>;
  readonly skipReason: string | null;
  readonly #head: readonly string[];

  constructor(text: string) {
    const head: string[] = [];
    let from = 0;
    for (let i = 0; i < HEAD_LINES; i++) {
      const to = text.indexOf('\n', from);
      head.push(text.slice(from, to));
      from = to + 1;
    }
    this.#head = head;
    const content = parsedOutputs(text.slice(from));
    // A digest that nothing has: the row is damaged.
    this.outDigest = content === null ? '' : (head[0] as string);
    this.outputs = content?.outputs ?? {};
    this.skipReason = content?.skip_reason ?? null;
  }

  get lastUsed(): number {
    return Number(this.#head[1]);
  }

  get state(): 'done' | 'skipped' {
    return this.#head[2] === '1' ? 'skipped' : 'done';
  }

  get runId(): string | null {
    const id = this.#head[3] as string;
    return id === '' ? null : id;
  }

  get version(): number {
    return Number(this.#head[4]);
  }

  get bytes(): number {
    return Number(this.#head[5]);
  }

  get ms(): number {
    return Number(this.#head[6]);
  }

  get peakMb(): number {
    return Number(this.#head[7]);
  }

  get node(): string {
    return this.#head[8] as string;
  }
}

const HEAD_LINES = 9;

interface StoredOutputs {
  readonly outputs: Record<string, OutputRecord>;
  readonly skip_reason: string | null;
}

function parsedOutputs(json: string): StoredOutputs | null {
  try {
    return JSON.parse(json) as StoredOutputs;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

const DIGEST_BYTES = 32;

/** Digests of parameters that are remembered; more are put again, which changes nothing. */
const MOST_LITERALS = 4096;

/** Results of one node that its usual time and size are taken from: the newest. */
const HISTORY = 50;

/** The statements of the index, and the translation between rows and records. Knows no rules. */
export class IndexRows {
  readonly #db: IndexDatabase;
  readonly #statements;
  readonly #scratch = Buffer.alloc(DIGEST_BYTES);
  #isViewing = false;
  /** Parameters that are there, as far as this process has put them: most instances of a node share theirs. */
  readonly #literals = new Set<string>();

  constructor(db: IndexDatabase) {
    this.#db = db;
    const one = (sql: string) => db.prepare<unknown[], Record<string, unknown>>(sql);
    this.#statements = {
      result: db.prepare<unknown[], string | null>(PACKED_RESULT).pluck(),
      beginView: db.prepare('BEGIN'),
      endView: db.prepare('COMMIT'),
      hasResult: one('SELECT 1 FROM result WHERE key = ?'),
      putResult: one(
        `INSERT OR REPLACE INTO result (key, node, version, out_digest, outputs_json, bytes, ms, peak_mb, created,
           last_used, run_id, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      dropResult: one('DELETE FROM result WHERE key = ?'),
      used: one('UPDATE result SET last_used = ? WHERE key = ?'),
      components: one('SELECT kind, name, digest, brief FROM component WHERE key = ? ORDER BY seq'),
      hasComponents: one('SELECT 1 FROM component WHERE key = ? AND seq = 0'),
      putComponent: one(
        'INSERT INTO component (key, seq, kind, name, digest, brief) VALUES (?, ?, ?, ?, ?, ?)',
      ),
      literal: db.prepare<unknown[], string>('SELECT json FROM literal WHERE digest = ?').pluck(),
      putLiteral: one('INSERT OR IGNORE INTO literal (digest, json) VALUES (?, ?)'),
      outputFile: one(
        `SELECT 1 FROM output_file WHERE key = ? AND rel = ? AND digest = ? AND size = ? AND mtime_ns = ?
           AND ctime_ns = ? AND ino = ? AND dev = ?`,
      ),
      putOutputFile: one(
        `INSERT OR REPLACE INTO output_file (key, rel, digest, bytes, size, mtime_ns, ctime_ns, ino, dev)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      dropOutputFiles: one('DELETE FROM output_file WHERE key = ?'),
      fileDigest: one(
        `SELECT digest FROM file_digest WHERE path = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ? AND ino = ?
           AND dev = ?`,
      ),
      putFileDigest: one(
        `INSERT OR REPLACE INTO file_digest (path, size, mtime_ns, ctime_ns, ino, dev, digest, hashed_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      putRun: one(
        `INSERT INTO run (id, workflow, config_digest, argv, started, status, host, pid, pid_start, version, output_dir)
           VALUES (?, ?, ?, ?, ?, 'running', ?, ?, ?, ?, ?)`,
      ),
      endRun: one('UPDATE run SET ended = ?, status = ? WHERE id = ?'),
      openRuns: one('SELECT id, host, pid, pid_start FROM run WHERE ended IS NULL'),
      putAttempt: one(
        // An attempt that its worker gave back begins again under its number.
        `INSERT OR REPLACE INTO attempt (run_id, instance, n, key, state, reason, started, ended)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      endAttempt: one(
        `UPDATE attempt SET state = ?, worker_pid = ?, ended = ?, exit = ?, signal = ?, failure_class = ?,
           peak_mb = ?, cpu_ms = ? WHERE run_id = ? AND instance = ? AND n = ?`,
      ),
      interruptAttempts: one(
        `UPDATE attempt SET state = 'interrupted', ended = ? WHERE run_id = ? AND state = 'running'`,
      ),
      lastAttempts: one(
        // With max() SQLite takes the other columns from the row that has it.
        `SELECT a.instance, a.key, a.state, a.failure_class, max(a.rowid) FROM attempt a JOIN run r ON r.id = a.run_id
           WHERE r.workflow = ? GROUP BY a.instance`,
      ),
      lastKeys: one('SELECT v FROM meta WHERE k = ?'),
      dropLastKeys: one('DELETE FROM meta WHERE k = ?'),
      putLastKeys: one(
        // A run beside this one may have left newer attempts.
        `INSERT OR REPLACE INTO meta (k, v) SELECT ?, ? WHERE NOT EXISTS (
           SELECT 1 FROM run other JOIN run own ON own.id = ?
             WHERE other.workflow = own.workflow AND other.id <> own.id
               AND (other.ended IS NULL OR other.ended >= own.started))`,
      ),
      standing: db.prepare<[string], Buffer | null>('SELECT v FROM meta WHERE k = ?').pluck(),
      putStanding: one(
        'INSERT OR REPLACE INTO meta (k, v) SELECT ?, ? WHERE EXISTS (SELECT 1 FROM meta WHERE k = ? AND v = ?)',
      ),
      dropStandings: one(`DELETE FROM meta WHERE k GLOB '${STANDING}*'`),
      lease: one('SELECT run_id, host, pid, pid_start, beat FROM lease WHERE key = ?'),
      putLease: one(
        'INSERT OR REPLACE INTO lease (key, run_id, host, pid, pid_start, beat) VALUES (?, ?, ?, ?, ?, ?)',
      ),
      dropLease: one('DELETE FROM lease WHERE key = ? AND run_id = ?'),
      dropLeases: one('DELETE FROM lease WHERE run_id = ?'),
      beat: one('UPDATE lease SET beat = ? WHERE run_id = ?'),
      newestBeat: one('SELECT max(beat) AS beat FROM lease WHERE run_id = ?'),
      published: one(
        'SELECT path, digest, key, sidecar FROM published WHERE output_dir = ? AND workflow = ? ORDER BY path',
      ),
      putPublished: one(
        `INSERT OR REPLACE INTO published (output_dir, workflow, path, digest, key, sidecar)
           VALUES (?, ?, ?, ?, ?, ?)`,
      ),
      dropPublished: one('DELETE FROM published WHERE output_dir = ? AND workflow = ? AND path = ?'),
      nodeHistory: db
        .prepare<[], [node: string, ms: number, bytes: number]>(
          `SELECT node, ms, bytes FROM result WHERE state = 'done' ORDER BY created DESC`,
        )
        .raw(),
      instancesByKey: one('SELECT DISTINCT key, instance FROM attempt ORDER BY rowid'),
      results: one(
        `SELECT key, node, version, state, bytes, ms, peak_mb, created, last_used, run_id FROM result
           ORDER BY created DESC, key`,
      ),
    };
  }

  /** The outputs of a row that is damaged have another digest than the row says. */
  result(key: string): ResultRow | null {
    const text = this.#statements.result.get(this.#blob(key)) as string | null | undefined;
    return text === undefined || text === null ? null : new PackedRow(text);
  }

  /** For statements that run at once: the next call overwrites it. */
  #blob(digest: string): Buffer {
    this.#scratch.write(digest, 0, DIGEST_BYTES, 'hex');
    return this.#scratch;
  }

  /** Until `endView` or a write, reads see one state of the index and take no locks of their own. */
  beginView(): void {
    if (this.#db.inTransaction) return;
    this.#statements.beginView.run();
    this.#isViewing = true;
  }

  endView(): void {
    if (!this.#isViewing) return;
    this.#isViewing = false;
    if (this.#db.inTransaction) this.#statements.endView.run();
  }

  get isWriting(): boolean {
    return this.#db.inTransaction && !this.#isViewing;
  }

  hasResult(key: string): boolean {
    return this.#statements.hasResult.get(blob(key)) !== undefined;
  }

  putResult(record: ObjectRecord, extra: { bytes: number; created: number; runId: string | null }): void {
    const { key, node, version, outDigest, outputs, skipReason, ms, peakMb, state } = record;
    if (this.hasResult(key)) this.dropStandings();
    this.#statements.putResult.run(
      blob(key),
      node,
      version,
      blob(outDigest),
      JSON.stringify({ outputs, skip_reason: skipReason }),
      extra.bytes,
      ms,
      peakMb,
      extra.created,
      extra.created,
      extra.runId,
      state,
    );
    this.putComponents(key, record.components);
  }

  dropResult(key: string): void {
    this.dropStandings();
    this.#statements.dropResult.run(blob(key));
    this.#statements.dropOutputFiles.run(blob(key));
  }

  markUsed(key: string, now: number): void {
    this.#statements.used.run(now, blob(key));
  }

  results(): ResultSummary[] {
    const instances = new Map<string, string[]>();
    for (const row of this.#statements.instancesByKey.iterate()) {
      const key = hex(row['key']);
      const known = instances.get(key);
      if (known === undefined) instances.set(key, [row['instance'] as string]);
      else known.push(row['instance'] as string);
    }
    return this.#statements.results.all().map((row) => ({
      key: hex(row['key']),
      node: row['node'] as string,
      instances: instances.get(hex(row['key'])) ?? [],
      version: row['version'] as number,
      state: row['state'] as 'done' | 'skipped',
      bytes: row['bytes'] as number,
      ms: row['ms'] as number,
      peakMb: row['peak_mb'] as number,
      created: row['created'] as number,
      lastUsed: row['last_used'] as number,
      runId: row['run_id'] as string | null,
    }));
  }

  published(outputDir: string, workflow: string): PublishedRow[] {
    return this.#statements.published.all(outputDir, workflow).map((row) => ({
      path: row['path'] as string,
      digest: hex(row['digest']),
      key: hex(row['key']),
      sidecar: row['sidecar'] as string | null,
    }));
  }

  putPublished(
    outputDir: string,
    workflow: string,
    rows: readonly PublishedRow[],
    dropped: readonly string[],
  ): void {
    for (const path of dropped) this.#statements.dropPublished.run(outputDir, workflow, path);
    for (const { path, digest, key, sidecar } of rows) {
      this.#statements.putPublished.run(outputDir, workflow, path, blob(digest), blob(key), sidecar);
    }
  }

  /** Medians over the newest results of each node. */
  nodeHistory(): Map<string, NodeHistory> {
    const taken = new Map<string, { ms: number[]; bytes: number[] }>();
    for (const [node, ms, bytes] of this.#statements.nodeHistory.iterate()) {
      const known = taken.get(node);
      if (known === undefined) taken.set(node, { ms: [ms], bytes: [bytes] });
      else if (known.ms.length < HISTORY) {
        known.ms.push(ms);
        known.bytes.push(bytes);
      }
    }
    return new Map(
      [...taken].map(([node, { ms, bytes }]) => [node, { ms: median(ms), bytes: median(bytes) }]),
    );
  }

  components(key: string): KeyComponent[] {
    return this.#statements.components.all(blob(key)).map((row) => ({
      kind: row['kind'] as ComponentKind,
      name: row['name'] as string,
      digest: hex(row['digest']),
      brief: row['brief'] as string,
    }));
  }

  /** Components follow from the key, so those that are there are right. */
  putComponents(key: string, components: readonly KeyComponent[]): void {
    const id = blob(key);
    if (components.length === 0 || this.#statements.hasComponents.get(id) !== undefined) return;
    components.forEach(({ kind, name, digest, brief }, seq) => {
      this.#statements.putComponent.run(id, seq, kind, name, blob(digest), brief);
    });
  }

  literal(digest: string): string | null {
    return (this.#statements.literal.get(blob(digest)) as string | undefined) ?? null;
  }

  #putLiterals(literals: ReadonlyMap<string, string>): void {
    for (const [digest, json] of literals) {
      if (this.#literals.has(digest)) continue;
      this.#statements.putLiteral.run(blob(digest), json);
      if (this.#literals.size < MOST_LITERALS) this.#literals.add(digest);
    }
  }

  hasOutputFile(key: string, rel: string, digest: string, stat: FileStat): boolean {
    const { size, mtimeNs, ctimeNs, ino, dev } = stat;
    return (
      this.#statements.outputFile.get(blob(key), rel, blob(digest), size, mtimeNs, ctimeNs, ino, dev) !==
      undefined
    );
  }

  putOutputFile(key: string, rel: string, digest: string, bytes: number, stat: FileStat | null): void {
    const facts = stat === null ? [null, null, null, null, null] : statColumns(stat);
    this.#statements.putOutputFile.run(blob(key), rel, blob(digest), bytes, ...facts);
  }

  fileDigest(path: string, stat: FileStat): string | null {
    const row = this.#statements.fileDigest.get(path, ...statColumns(stat));
    return row === undefined ? null : hex(row['digest']);
  }

  putFileDigest(path: string, stat: FileStat, digest: string, hashedAt: number): void {
    this.#statements.putFileDigest.run(path, ...statColumns(stat), blob(digest), hashedAt);
  }

  putRun(run: RunRow, extra: ProcessIdentity & { now: number; version: string }): void {
    const { id, workflow, configDigest, argv, outputDir } = run;
    const { now, host, pid, pidStart, version } = extra;
    this.#statements.putRun.run(
      id,
      workflow,
      configDigest,
      JSON.stringify(argv),
      now,
      host,
      pid,
      pidStart,
      version,
      outputDir,
    );
  }

  endRun(runId: string, status: string, now: number): void {
    this.#statements.endRun.run(now, status, runId);
    this.#statements.dropLeases.run(runId);
    this.#statements.interruptAttempts.run(now, runId);
  }

  openRuns(): OpenRun[] {
    return this.#statements.openRuns.all().map((row) => ({ id: row['id'] as string, ...identity(row) }));
  }

  putAttempt(start: AttemptStart, now: number): void {
    const { runId, instance, n, key, reason } = start;
    this.#statements.putAttempt.run(runId, instance, n, blob(key), 'running', reason, now, null);
    this.putComponents(key, start.components);
    if (start.literals !== undefined) this.#putLiterals(start.literals);
  }

  putReuse(runId: string, instance: string, key: string, now: number): void {
    this.#statements.putAttempt.run(runId, instance, 0, blob(key), 'reused', 'reused', now, now);
  }

  endAttempt(end: AttemptEnd, now: number): void {
    this.#statements.endAttempt.run(
      end.state,
      end.workerPid,
      now,
      end.exit,
      end.signal,
      end.failureClass,
      end.peakMb,
      end.cpuMs,
      end.runId,
      end.instance,
      end.n,
    );
  }

  lastAttempts(workflow: string): Map<string, LastAttempt> {
    const last = new Map<string, LastAttempt>();
    for (const row of this.#statements.lastAttempts.iterate(workflow)) {
      last.set(row['instance'] as string, {
        key: hex(row['key']),
        state: row['state'] as LastAttempt['state'],
        failureClass: row['failure_class'] as LastAttempt['failureClass'],
      });
    }
    return last;
  }

  lastKeys(workflow: string): string | null {
    return (this.#statements.lastKeys.get(lastKeysOf(workflow))?.['v'] as string | null | undefined) ?? null;
  }

  putLastKeys(workflow: string, runId: string, digest: string): void {
    this.dropLastKeys(workflow);
    this.#statements.putLastKeys.run(lastKeysOf(workflow), digest, runId);
  }

  dropLastKeys(workflow: string): void {
    this.#statements.dropLastKeys.run(lastKeysOf(workflow));
  }

  standing(workflow: string): Standing | null {
    const bytes = this.#statements.standing.get(standingOf(workflow)) as Buffer | null | undefined;
    return bytes === undefined || bytes === null ? null : decodeStanding(bytes);
  }

  putStanding(workflow: string, standing: Standing): void {
    this.#statements.putStanding.run(
      standingOf(workflow),
      encodeStanding(standing),
      lastKeysOf(workflow),
      standing.lastKeys,
    );
  }

  /** A result goes, or gives way to another one. */
  dropStandings(): void {
    this.#statements.dropStandings.run();
  }

  lease(key: string): LeaseRow | null {
    const row = this.#statements.lease.get(blob(key));
    if (row === undefined) return null;
    return { runId: row['run_id'] as string, beat: row['beat'] as number, ...identity(row) };
  }

  putLease(key: string, lease: LeaseRow): void {
    const { runId, host, pid, pidStart, beat } = lease;
    this.#statements.putLease.run(blob(key), runId, host, pid, pidStart, beat);
  }

  dropLease(key: string, runId: string): void {
    this.#statements.dropLease.run(blob(key), runId);
  }

  beat(runId: string, now: number): void {
    this.#statements.beat.run(now, runId);
  }

  newestBeat(runId: string): number {
    return (this.#statements.newestBeat.get(runId)?.['beat'] as number | null | undefined) ?? 0;
  }

  /** Runs `work` as one write transaction that takes the write lock first. */
  write<T>(work: () => T): T {
    this.endView();
    return this.#db.transaction(work).immediate();
  }
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)] as number;
}

function statColumns({ size, mtimeNs, ctimeNs, ino, dev }: FileStat): bigint[] {
  return [size, mtimeNs, ctimeNs, ino, dev];
}

function identity(row: Record<string, unknown>): ProcessIdentity {
  return { host: row['host'] as string, pid: row['pid'] as number, pidStart: row['pid_start'] as string };
}

/** What the names begin with under which `meta` keeps the digests of `lastKeys`. */
export const LAST_KEYS = 'keys of ';

/** What the names begin with under which `meta` keeps standing results. */
const STANDING = 'standing of ';

function standingOf(workflow: string): string {
  return `${STANDING}${workflow}`;
}

function lastKeysOf(workflow: string): string {
  return `${LAST_KEYS}${workflow}`;
}

function blob(digest: string): Buffer {
  return Buffer.from(digest, 'hex');
}

function hex(value: unknown): string {
  return (value as Buffer).toString('hex');
}
